// Erasure in the columns: snapshots without a customer, strings that nobody else has, and files.
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/projection.h"

namespace throughline {
namespace {

// Codes of which each may be one that nobody has any more.
class Candidates {
 public:
  explicit Candidates(uint32_t codes) : is_candidate_(codes, 0) {}

  void Add(uint32_t code) {
    left_ += is_candidate_[code] == 0;
    is_candidate_[code] = 1;
  }
  void AddAll(const StringDictionary& strings) {
    for (uint32_t code = 0; code < is_candidate_.size(); ++code) {
      if (!strings.IsForgotten(code)) Add(code);
    }
  }
  // Somebody has it.
  void Remove(uint32_t code) {
    left_ -= is_candidate_[code];
    is_candidate_[code] = 0;
  }
  bool empty() const { return left_ == 0; }

  std::vector<uint32_t> Left() const {
    std::vector<uint32_t> out;
    for (uint32_t code = 0; left_ > 0 && code < is_candidate_.size(); ++code) {
      if (is_candidate_[code] != 0) out.push_back(code);
    }
    return out;
  }
  void ForgetIn(StringDictionary& strings) const {
    for (const uint32_t code : Left()) strings.Forget(code);
  }

 private:
  std::vector<uint8_t> is_candidate_;
  int64_t left_ = 0;
};

// Stands for no value, and for nothing that a customer has said.
bool IsNoValue(int column, uint32_t code) {
  return column != kNameColumn && column != kSourceColumn && code == kMissingCode;
}

void RemoveUsed(const Partition& partition, CodeColumn column, Candidates& candidates) {
  if (candidates.empty() || partition.size() == 0) return;
  partition.codes(column).Visit([&](auto codes) {
    for (uint32_t place = 0; place < partition.size() && !candidates.empty(); ++place) {
      candidates.Remove(static_cast<uint32_t>(codes[place]));
    }
  });
}

bool HasAny(const Partition& partition, const std::vector<uint32_t>& rows) {
  return partition.rows().Visit([&](auto values) {
    for (uint32_t place = 0; place < partition.size(); ++place) {
      if (std::binary_search(rows.begin(), rows.end(), static_cast<uint32_t>(values[place]))) return true;
    }
    return false;
  });
}

void Unite(const std::vector<uint32_t>& rows, std::vector<uint32_t>& all) {
  const auto before = static_cast<std::ptrdiff_t>(all.size());
  all.insert(all.end(), rows.begin(), rows.end());
  std::inplace_merge(all.begin(), all.begin() + before, all.end());
}

}  // namespace

// What a snapshot is without the events of a person.
struct Projection::Losses {
  std::map<uint32_t, std::shared_ptr<const Partition>> partitions;  // in the place of others
  std::map<uint32_t, int64_t> names;                                // events that each has lost
  std::array<std::vector<uint32_t>, kCodeColumnCount> codes;        // that nobody has any more
  int64_t first_time_micros = std::numeric_limits<int64_t>::max();
  int64_t last_time_micros = std::numeric_limits<int64_t>::min();
};

// --- A running store ---

// Of everyone who is one person with this one; some may have no events of their own.
std::vector<uint32_t> Projection::CodesOfPersonLocked(absl::string_view customer_id) const {
  std::vector<absl::string_view> ids = {customer_id};
  if (const auto person = people_->graph().FindPerson(customer_id); person.has_value()) {
    ids = person->others;
    ids.push_back(person->name);
  }
  std::vector<uint32_t> out;
  for (const absl::string_view id : ids) {
    if (const auto code = dictionaries_->customers.Find(id); code.has_value()) out.push_back(*code);
  }
  return out;
}

absl::StatusOr<PersonEvents> Projection::EventsOfPerson(absl::string_view customer_id) {
  std::vector<std::shared_ptr<const PartitionVersion>> versions;
  PersonEvents out;
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(CatchUpLocked());
    out.customers = CodesOfPersonLocked(customer_id);
    if (out.customers.empty()) return out;
    FoldLocked();
    versions = building_.partitions;
  }
  // All of them: what is read when it is too late to refuse must be there.
  const auto threads = static_cast<size_t>(std::max(query_threads_, 1));
  std::vector<absl::Status> statuses(threads);
  std::atomic<size_t> next = 0;
  RunOnThreads(threads, [&](size_t thread) {
    for (size_t i; statuses[thread].ok() && (i = next.fetch_add(1)) < versions.size();) {
      statuses[thread] = versions[i]->Get().status();
    }
  });
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  std::vector<uint32_t> with_events;
  for (const uint32_t code : out.customers) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, versions[code / kPartitionCustomers]->Get());
    const uint32_t i = code - partition->first_customer();
    // A customer that came when the partition was made already has no events in it.
    if (i >= partition->customer_count() || partition->offset(i) == partition->offset(i + 1)) continue;
    for (uint32_t place = partition->offset(i); place < partition->offset(i + 1); ++place) {
      const auto row = static_cast<uint32_t>(partition->rows()[place]);
      out.rows.push_back(row);
      const auto statement = static_cast<uint32_t>(partition->codes(kLinkColumn)[place]);
      if (statement == kMissingCode) continue;
      const auto said = IdentityStatement::Decode(dictionaries_->codes[kLinkColumn][statement]);
      if (said.unlinked.has_value()) out.unlinks.push_back({row, *said.unlinked});
    }
    with_events.push_back(code);
    out.customer_ids.push_back(dictionaries_->customers[code]);
  }
  std::sort(with_events.begin(), with_events.end());
  std::sort(out.customer_ids.begin(), out.customer_ids.end());
  std::sort(out.rows.begin(), out.rows.end());
  out.customers = std::move(with_events);
  return out;
}

absl::StatusOr<Projection::Losses> Projection::FindLosses(const PersonEvents& person) {
  Losses out;
  std::vector<std::shared_ptr<const PartitionVersion>> versions;
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(CatchUpLocked());
    FoldLocked();
    versions = building_.partitions;
  }
  std::vector<Candidates> candidates;
  for (const StringDictionary& strings : dictionaries_->codes) candidates.emplace_back(strings.size());
  for (const uint32_t code : person.customers) {
    const uint32_t i = code / kPartitionCustomers;
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> whole, versions[i]->Get());
    const uint32_t customer = code - whole->first_customer();
    for (uint32_t place = whole->offset(customer); place < whole->offset(customer + 1); ++place) {
      ++out.names[static_cast<uint32_t>(whole->codes(kNameColumn)[place])];
      for (int column = 0; column < kCodeColumnCount; ++column) {
        const auto lost = static_cast<uint32_t>(whole->codes(static_cast<CodeColumn>(column))[place]);
        if (!IsNoValue(column, lost)) candidates[column].Add(lost);
      }
    }
    if (!out.partitions.contains(i)) out.partitions[i] = Partition::Without(*whole, person.rows);
  }
  for (uint32_t i = 0; i < versions.size(); ++i) {
    ASSIGN_OR_RETURN(std::shared_ptr<const Partition> partition, versions[i]->Get());
    if (const auto found = out.partitions.find(i); found != out.partitions.end()) partition = found->second;
    if (partition->size() == 0) continue;
    out.first_time_micros = std::min(out.first_time_micros, partition->times().first_micros);
    out.last_time_micros = std::max(out.last_time_micros, partition->times().last_micros);
    for (int column = 0; column < kCodeColumnCount; ++column) {
      RemoveUsed(*partition, static_cast<CodeColumn>(column), candidates[column]);
    }
  }
  for (int column = 0; column < kCodeColumnCount; ++column) out.codes[column] = candidates[column].Left();
  return out;
}

// Forgets the values that no row has but those that were erased, and returns whether files may have to change.
// `rows`: those that were erased now; null: any value may be one of them.
bool Projection::ForgetValues(PropertyColumn& column, const std::vector<uint32_t>* rows) const {
  const auto size = static_cast<uint32_t>(column.codes.size());
  Candidates candidates(column.values.size());
  bool changed = false;
  for (const uint32_t row : rows == nullptr ? erased_rows_ : *rows) {
    if (row >= size || column.codes[row] == kMissingCode) continue;
    candidates.Add(column.codes[row]);
    changed = true;
  }
  if (rows == nullptr) {
    candidates.AddAll(column.values);
    candidates.Remove(kMissingCode);
  }
  auto erased = erased_rows_.begin();
  for (uint32_t row = 0; row < size && !candidates.empty(); ++row) {
    while (erased != erased_rows_.end() && *erased < row) ++erased;
    if (erased == erased_rows_.end() || *erased != row) candidates.Remove(column.codes[row]);
  }
  candidates.ForgetIn(column.values);
  return changed || !candidates.empty();
}

void Projection::ApplyLossesLocked(const PersonEvents& person, Losses losses) {
  for (auto& [i, partition] : losses.partitions) {
    building_.partitions[i] = std::make_shared<const PartitionVersion>(std::move(partition));
    unclean_partitions_.insert(i);
  }
  building_.events -= static_cast<int64_t>(person.rows.size());
  building_.customers -= static_cast<int64_t>(person.customers.size());
  building_.first_time_micros = losses.first_time_micros;
  building_.last_time_micros = losses.last_time_micros;
  for (const auto& [name, events] : losses.names) building_.name_counts[name] -= events;
  for (const uint32_t code : person.customers) dictionaries_->customers.Forget(code);
  for (int column = 0; column < kCodeColumnCount; ++column) {
    for (const uint32_t code : losses.codes[column]) dictionaries_->codes[column].Forget(code);
  }
  if (!person.unlinks.empty()) {
    auto kept = std::make_shared<std::vector<KeptUnlink>>(*building_.kept_unlinks);
    kept->insert(kept->end(), person.unlinks.begin(), person.unlinks.end());
    building_.kept_unlinks = std::move(kept);
  }
  Unite(person.rows, erased_rows_);
  for (const KeptProperty& kept : properties_) {
    if (ForgetValues(*kept.column, &person.rows)) unclean_properties_.insert(kept.column->key);
  }
  // What they lack may have been the reason why one of their values was kept.
  for (const KeptProperty& kept : unfinished_) {
    if (ForgetValues(*kept.column, nullptr)) unclean_properties_.insert(kept.column->key);
  }
}

absl::Status Projection::Erase(const PersonEvents& person, int64_t sequence) {
  // No seal and no backfill has anything in its hands meanwhile, and the store's writer, which adds, is here.
  const std::lock_guard seal_lock(seal_mutex_);
  ++erasures_waiting_;
  const std::lock_guard backfill_lock(backfill_mutex_);
  --erasures_waiting_;
  ASSIGN_OR_RETURN(Losses losses, FindLosses(person));
  const std::lock_guard lock(mutex_);
  const bool linked = !losses.codes[kLinkColumn].empty() ||
                      std::any_of(person.customer_ids.begin(), person.customer_ids.end(),
                                  [&](const std::string& id) { return people_->graph().Knows(id); });
  ApplyLossesLocked(person, std::move(losses));
  if (linked) RETURN_IF_ERROR(RemakePeopleLocked());
  RETURN_IF_ERROR(AddMarkLocked(sequence));
  pending_erasures_.push_back({sequence, int64_t{person.rows.front()} + 1, int64_t{person.rows.back()} + 1});
  files_unclean_ = files_ != nullptr;
  return absl::OkStatus();
}

// A sequence of the log that has no event.
absl::Status Projection::AddMarkLocked(int64_t sequence) {
  if (sequence != last_sequence_ + 1) return Damaged(sequence);
  last_sequence_ = sequence;
  latest_ = nullptr;
  scratch_ = StatedValues();
  AddPropertiesLocked();
  return absl::OkStatus();
}

// --- At start ---

absl::Status Projection::FindErasuresLocked() {
  ASSIGN_OR_RETURN(holes_, log_->Holes(workspace_));
  ASSIGN_OR_RETURN(std::vector<KeptUnlink> unlinks, log_->KeptUnlinks(workspace_));
  building_.kept_unlinks = std::make_shared<const std::vector<KeptUnlink>>(std::move(unlinks));
  ASSIGN_OR_RETURN(const std::vector<EventLog::Erasure> erasures, log_->PendingErasures(workspace_));
  for (const EventLog::Erasure& erasure : erasures) {
    pending_erasures_.push_back({erasure.sequence, erasure.erased.front(), erasure.erased.back()});
    for (const int64_t sequence : erasure.erased) erased_rows_.push_back(static_cast<uint32_t>(sequence - 1));
  }
  std::sort(erased_rows_.begin(), erased_rows_.end());
  files_unclean_ = files_ != nullptr && !erasures.empty();
  return absl::OkStatus();
}

// The files may be from before an erasure.
void Projection::EraseInLoadedLocked(ColumnFiles::Loaded& loaded) {
  if (erased_rows_.empty()) return;
  for (uint32_t i = 0; i < loaded.parts.size(); ++i) {
    ColumnFiles::Part& part = loaded.parts[i];
    if (part.partition == nullptr || !HasAny(*part.partition, erased_rows_)) continue;
    part.partition = Partition::Without(*part.partition, erased_rows_);
    part.name_counts.clear();
    std::map<uint32_t, uint32_t> counts;
    for (uint32_t place = 0; place < part.partition->size(); ++place) {
      ++counts[static_cast<uint32_t>(part.partition->codes(kNameColumn)[place])];
    }
    part.name_counts.assign(counts.begin(), counts.end());
    unclean_partitions_.insert(i);
  }
  for (const std::unique_ptr<PropertyColumn>& column : loaded.properties) {
    if (ForgetValues(*column, nullptr)) unclean_properties_.insert(column->key);
  }
}

// Of the strings that are there, all that no event has. The columns have every event up to here.
absl::Status Projection::ForgetUnusedLocked() {
  Candidates customers(dictionaries_->customers.size());
  customers.AddAll(dictionaries_->customers);
  std::vector<Candidates> codes;
  for (int column = 0; column < kCodeColumnCount; ++column) {
    codes.emplace_back(dictionaries_->codes[column].size()).AddAll(dictionaries_->codes[column]);
    if (column != kNameColumn && column != kSourceColumn) codes.back().Remove(kMissingCode);
  }
  for (const auto& version : building_.partitions) {
    if (version == nullptr) continue;
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, version->Get());
    for (uint32_t i = 0; i < partition->customer_count(); ++i) {
      if (partition->offset(i) != partition->offset(i + 1)) customers.Remove(partition->first_customer() + i);
    }
    for (int column = 0; column < kCodeColumnCount; ++column) {
      RemoveUsed(*partition, static_cast<CodeColumn>(column), codes[column]);
    }
  }
  for (const Tail& tail : tails_) {
    for (const TailRow& row : tail.rows) {
      customers.Remove(row.customer);
      for (int column = 0; column < kCodeColumnCount; ++column) codes[column].Remove(row.codes[column]);
    }
  }
  customers.ForgetIn(dictionaries_->customers);
  for (int column = 0; column < kCodeColumnCount; ++column) codes[column].ForgetIn(dictionaries_->codes[column]);
  return absl::OkStatus();
}

// --- Files ---

void Projection::AddErasedLocked(ColumnFiles::State& state) const {
  state.erased_rows = erased_rows_;
  if (!files_unclean_) return;
  state.erased.any = true;
  state.erased.partitions = unclean_partitions_;
  state.erased.properties = unclean_properties_;
  for (const auto* list : {&properties_, &unfinished_}) {
    for (const KeptProperty& kept : *list) state.erased.columns.push_back(kept.column);
  }
}

int64_t Projection::LastPendingErasure() {
  const std::lock_guard lock(mutex_);
  return pending_erasures_.empty() ? 0 : pending_erasures_.back().sequence;
}

absl::Status Projection::CleanUp() {
  std::vector<PendingErasure> pending;
  bool files_unclean = false;
  {
    const std::lock_guard lock(mutex_);
    pending = pending_erasures_;
    files_unclean = files_unclean_;
  }
  if (pending.empty()) return absl::OkStatus();
  int64_t first = pending.front().first, last = pending.front().last;
  std::vector<int64_t> sequences;
  for (const PendingErasure& erasure : pending) {
    first = std::min(first, erasure.first);
    last = std::max(last, erasure.last);
    sequences.push_back(erasure.sequence);
  }
  absl::Status status = files_unclean ? SealFiles() : absl::OkStatus();
  if (status.ok()) status = log_->Purge(workspace_, first, last);
  if (status.ok()) status = log_->ForgetErasures(workspace_, sequences);
  const std::lock_guard lock(mutex_);
  clean_up_failing_ = !status.ok();
  if (!status.ok()) {
    clean_up_again_at_ = last_sequence_ + std::max<int64_t>(open_events_max_ / 8, 1);
    LogWarning("files may still have erased events and it is tried again later",
               {{"workspace", absl::StrCat(workspace_)}, {"status", std::string(status.message())}});
    return status;
  }
  // The first of them: others may have come since.
  pending_erasures_.erase(pending_erasures_.begin(), pending_erasures_.begin() + std::ssize(pending));
  return absl::OkStatus();
}

}  // namespace throughline
