#include "services/events/native/projection.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// At close so many events that are in no file are worth one: reading as many from the log takes a second at most.
constexpr int64_t kCloseEventsMin = 16 << 10;
constexpr int64_t kCloseEventsMax = 512 << 10;
// While the log is read for a property: waits for another, and events between two looks at the deadline.
constexpr auto kBackfillPoll = std::chrono::milliseconds(10);
constexpr int64_t kBackfillLook = 4096;
// Records that are copied out of the log at a time.
constexpr size_t kScanChunk = 1024;

std::unique_ptr<ColumnFiles> MakeFiles(const std::shared_ptr<const EventLog>& log, uint32_t workspace, int threads,
                                       Projection::Files files) {
  if (files.env == nullptr) return nullptr;
  ColumnFilesOptions options;
  options.env = files.env;
  options.directory = std::move(files.directory);
  options.workspace = workspace;
  options.threads = threads;
  options.hash_event = [log, workspace](int64_t sequence) -> absl::StatusOr<uint64_t> {
    ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, log->Read(workspace, {&sequence, 1}));
    return StableHash(records[0].event.data(), records[0].event.size(),
                      static_cast<uint64_t>(absl::ToUnixMicros(records[0].record_time)));
  };
  return std::make_unique<ColumnFiles>(std::move(options));
}

bool ReadEventFields(absl::string_view event, EventFields& fields, StatedValues* stated) {
  if (stated == nullptr) return ReadEventFields(event, fields);
  return ReadEventFields(event, fields, &stated->properties, &stated->traits);
}

}  // namespace

Projection::Projection(std::shared_ptr<const EventLog> log, uint32_t workspace, int query_threads, Files files)
    : log_(std::move(log)),
      workspace_(workspace),
      query_threads_(query_threads),
      open_events_max_(files.open_events_max),
      cache_(files.cache != nullptr ? files.cache : std::make_shared<const ColumnCache>(kCacheBytes)),
      files_(MakeFiles(log_, workspace, query_threads, std::move(files))) {
  SetDictionariesLocked(std::make_unique<Dictionaries>());
}

void Projection::SetDictionariesLocked(std::unique_ptr<Dictionaries> dictionaries) {
  dictionaries_ = std::move(dictionaries);
  MergeSources sources;
  sources.texts = &dictionaries_->sources();
  sources.read_id = [this](uint32_t row) -> absl::StatusOr<std::string> {
    const int64_t sequence = static_cast<int64_t>(row) + 1;
    ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, log_->Read(workspace_, {&sequence, 1}));
    // Erased meanwhile, and in none but older snapshots: any order will do.
    if (IsLogMark(records[0].event)) return std::string();
    EventFields fields;
    if (!ReadEventFields(records[0].event, fields)) return Damaged(sequence);
    return std::string(fields.id);
  };
  sources.cache = cache_;
  merge_sources_ = std::make_shared<const MergeSources>(std::move(sources));
  people_ = std::make_unique<People>(*dictionaries_);
  people_moves_.clear();
}

absl::Status Projection::Damaged(int64_t sequence) const {
  return StoreDamaged("the event store", absl::StrCat("workspace ", workspace_),
                      absl::StrCat("event ", sequence, " cannot be read"));
}

absl::Status Projection::Load(int64_t last, int64_t also_from, const Also& also, const AlsoMark& also_mark) {
  const std::lock_guard lock(mutex_);
  loading_ = true;
  RETURN_IF_ERROR(FindErasuresLocked());
  if (files_ != nullptr) {
    ASSIGN_OR_RETURN(ColumnFiles::Loaded loaded, files_->Load(last));
    EraseInLoadedLocked(loaded);
    TakeOverLocked(std::move(loaded));
  }
  std::erase_if(properties_, [&](KeptProperty& kept) {
    // A question that needs it waits for what is missing; the start does not.
    const bool far = last - kept.rows() > std::max(open_events_max_, last / 8);
    if (far) unfinished_.push_back(std::move(kept));
    return far;
  });
  const int64_t files_end = last_sequence_;
  const DictionarySizes files_sizes = DictionarySizes::Of(*dictionaries_);
  bool files_fit = true;
  // Later events of an erased customer are a new one's, as they were when they were recorded.
  bool forget = !pending_erasures_.empty();
  const auto before_each = [&](int64_t sequence) -> absl::Status {
    if (!forget || sequence <= files_end) return absl::OkStatus();
    forget = false;
    return ForgetUnusedLocked();
  };
  // All that the files' dictionaries have must be what the log has up to there, and no more.
  const auto after_each = [&](int64_t sequence) {
    if (sequence <= files_end) files_fit = files_fit && DictionarySizes::Of(*dictionaries_) == files_sizes;
  };
  RETURN_IF_ERROR(ScanLocked(last, also_from, also, also_mark, before_each, after_each));
  if (files_end > 0 && !(files_fit && FilesFitLocked(last))) {
    LogWarning("the columns in files are not those of the log: all are made anew from it",
               {{"workspace", absl::StrCat(workspace_)}});
    files_->Discard();
    ForgetLocked();
    unsound_ = true;
    forget = false;
    RETURN_IF_ERROR(ScanLocked(last, also_from, also, also_mark, before_each, after_each));
  }
  if (forget) RETURN_IF_ERROR(ForgetUnusedLocked());
  covered_.clear();
  // Now, while nobody waits for it.
  RETURN_IF_ERROR(MergeAllLocked());
  RETURN_IF_ERROR(CountLocked());
  loading_ = false;
  return RemakePeopleLocked();
}

// Reads what the files do not cover. `also_from` moves on, so that nothing is told twice if the log is read again.
absl::Status Projection::ScanLocked(int64_t last, int64_t& also_from, const Also& also, const AlsoMark& also_mark,
                                    const std::function<absl::Status(int64_t sequence)>& before_each,
                                    const std::function<void(int64_t sequence)>& after_each) {
  int64_t from = last_sequence_ + 1;
  for (const int64_t covered : covered_) from = std::min(from, covered + 1);
  for (const KeptProperty& kept : properties_) from = std::min(from, kept.rows() + 1);
  from = std::min(from, also_from);
  last_sequence_ = from - 1;
  const AddRecord add = [&](int64_t sequence, absl::string_view record) -> absl::Status {
    RETURN_IF_ERROR(before_each(sequence));
    const bool tell = sequence >= also_from;
    if (IsLogMark(record)) {
      LogMark mark;
      if (!ReadLogMark(record, mark)) return Damaged(sequence);
      RETURN_IF_ERROR(AddMarkLocked(sequence));
      if (tell && also_mark != nullptr) also_mark(sequence, mark);
    } else {
      EventFields fields;
      RETURN_IF_ERROR(AddLocked(sequence, record, fields));
      if (tell) also(sequence, fields);
    }
    after_each(sequence);
    also_from = std::max(also_from, sequence + 1);
    return absl::OkStatus();
  };
  const auto bytes = std::make_shared<std::string>();
  RecordedEvents chunk{bytes, {}, from};
  RETURN_IF_ERROR(log_->Scan(workspace_, from, last, [&](int64_t sequence, absl::string_view record) -> absl::Status {
    chunk.places.push_back({bytes->size(), record.size()});
    bytes->append(record.data(), record.size());
    if (chunk.places.size() < kScanChunk) return absl::OkStatus();
    RETURN_IF_ERROR(AddManyLocked(chunk, add));
    chunk.places.clear();
    bytes->clear();
    chunk.first_sequence = sequence + 1;
    return absl::OkStatus();
  }));
  return AddManyLocked(chunk, add);
}

// What was read from files is not counted one by one. Everything is merged.
absl::Status Projection::CountLocked() {
  building_.events = building_.customers = 0;
  for (const auto& version : building_.partitions) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, version->Get());
    building_.events += partition->size();
    building_.customers += CountCustomers(*partition);
  }
  return absl::OkStatus();
}

void Projection::TakeOverLocked(ColumnFiles::Loaded loaded) {
  SetDictionariesLocked(std::move(loaded.dictionaries));
  last_sequence_ = loaded.watermark;
  unsound_ = loaded.damaged;
  for (std::unique_ptr<PropertyColumn>& column : loaded.properties) {
    const auto rows = static_cast<int64_t>(column->codes.size());
    column->cache = cache_;
    properties_.push_back({std::move(column), rows, /*asked=*/false});
  }
  building_.name_counts.resize(dictionaries_->names().size());
  tails_.resize(loaded.parts.size());
  for (ColumnFiles::Part& part : loaded.parts) {
    covered_.push_back(part.covered);
    for (const auto& [name, count] : part.name_counts) building_.name_counts[name] += count;
    if (part.partition != nullptr && part.partition->size() > 0) {
      const TimeColumn& times = part.partition->times();
      building_.first_time_micros = std::min(building_.first_time_micros, times.first_micros);
      building_.last_time_micros = std::max(building_.last_time_micros, times.last_micros);
    }
    building_.partitions.push_back(
        part.partition == nullptr ? nullptr : std::make_shared<const PartitionVersion>(std::move(part.partition)));
  }
}

void Projection::ForgetLocked() {
  SetDictionariesLocked(std::make_unique<Dictionaries>());
  last_sequence_ = 0;
  tails_.clear();
  tail_id_bytes_ = 0;
  tail_id_bytes_max_ = kTailIdBytesMax;
  unmerged_rows_ = 0;
  properties_.clear();
  unfinished_.clear();
  const auto kept_unlinks = building_.kept_unlinks;
  building_ = Snapshot();
  building_.kept_unlinks = kept_unlinks;
  latest_ = nullptr;
  covered_.clear();
  unsealed_ = 0;
}

// Whether the files and what was read beside them have each event once, and none that was erased. The log was read up
// to its end.
bool Projection::FilesFitLocked(int64_t last) const {
  int64_t events = 0;
  for (uint32_t i = 0; i < tails_.size(); ++i) {
    const bool in_file = i < building_.partitions.size() && building_.partitions[i] != nullptr;
    if (!in_file && tails_[i].rows.empty()) return false;
    events += static_cast<int64_t>(tails_[i].rows.size()) + (in_file ? building_.partitions[i]->size() : 0);
  }
  return events + holes_ == last;
}

size_t Projection::Enqueue(RecordedEvents events) {
  const std::lock_guard lock(queue_mutex_);
  queue_bytes_ += events.bytes->size();
  queue_.push_back(std::move(events));
  return queue_bytes_;
}

absl::Status Projection::CatchUp() {
  const std::lock_guard lock(mutex_);
  return CatchUpLocked();
}

absl::Status Projection::CatchUpLocked() {
  while (true) {
    std::vector<RecordedEvents> taken;
    {
      const std::lock_guard lock(queue_mutex_);
      taken.swap(queue_);
      queue_bytes_ = 0;
    }
    if (taken.empty()) return absl::OkStatus();
    for (const RecordedEvents& events : taken) {
      RETURN_IF_ERROR(AddManyLocked(events, [this](int64_t sequence, absl::string_view event) {
        EventFields fields;
        return AddLocked(sequence, event, fields);
      }));
    }
  }
}

// Adds records in order. Customers come at random: what their look-ups read is fetched while others are added.
absl::Status Projection::AddManyLocked(const RecordedEvents& records, const AddRecord& add) {
  constexpr size_t kTable = 24, kString = 12;  // so many records ahead
  const size_t count = records.places.size();
  std::array<uint32_t, kTable> hashes{};
  const auto record = [&](size_t i) {
    return absl::string_view(*records.bytes).substr(records.places[i].offset, records.places[i].size);
  };
  const StringDictionary& customers = dictionaries_->customers;
  for (size_t i = 0; i < count + kTable; ++i) {
    if (i < count) {
      hashes[i % kTable] = StringDictionary::HashOf(ReadCustomerId(record(i)));
      customers.PrefetchCode(hashes[i % kTable]);
    }
    if (i >= kString && i - kString < count) customers.PrefetchString(hashes[(i - kString) % kTable]);
    if (i < kTable) continue;
    RETURN_IF_ERROR(add(records.first_sequence + static_cast<int64_t>(i - kTable), record(i - kTable)));
  }
  return absl::OkStatus();
}

absl::Status Projection::AddLocked(int64_t sequence, absl::string_view event, EventFields& fields) {
  if (sequence != last_sequence_ + 1 || !ReadEventFields(event, fields, properties_.empty() ? nullptr : &scratch_)) {
    return Damaged(sequence);
  }
  last_sequence_ = sequence;
  latest_ = nullptr;
  if (!properties_.empty()) AddPropertiesLocked();

  TailRow row;
  const uint32_t known_customers = dictionaries_->customers.size();
  row.customer = dictionaries_->customers.Encode(fields.customer_id);
  const uint32_t partition = row.customer / kPartitionCustomers;
  if (partition < covered_.size() && sequence <= covered_[partition]) return absl::OkStatus();
  row.row = static_cast<uint32_t>(sequence - 1);
  row.time_micros = fields.time_micros;
  row.source_sequence = fields.sequence;
  const std::string statement = IdentityStatement::Encode(fields);
  const std::array<absl::string_view, kCodeColumnCount> texts = {
      fields.event_name, fields.source, fields.channel, fields.department, fields.survey, fields.currency, statement};
  for (int column = 0; column < kCodeColumnCount; ++column) {
    row.codes[column] = dictionaries_->codes[column].Encode(texts[column]);
  }
  row.value_kind = fields.value_kind;
  row.score = fields.score;
  row.amount_minor = fields.amount_minor;

  if (partition >= tails_.size()) tails_.resize(partition + 1);
  Tail& tail = tails_[partition];
  row.id_offset = static_cast<uint32_t>(tail.ids.size());
  row.id_size = static_cast<uint16_t>(fields.id.size());
  tail.ids.append(fields.id.data(), fields.id.size());
  tail.rows.push_back(row);
  tail_id_bytes_ += fields.id.size();
  ++unsealed_;
  ++building_.events;
  if (row.customer >= known_customers) ++building_.customers;
  // At the end of a start all are read from the columns.
  if (!loading_) {
    if (row.customer >= known_customers && !people_->empty()) people_->AddCustomer(row.customer);
    if (row.codes[kLinkColumn] != kMissingCode) {
      people_->AddStatement(row.row, row.customer, row.codes[kLinkColumn]);
    }
  }

  const uint32_t name = row.codes[kNameColumn];
  if (name >= building_.name_counts.size()) building_.name_counts.resize(name + 1);
  ++building_.name_counts[name];
  building_.first_time_micros = std::min(building_.first_time_micros, row.time_micros);
  building_.last_time_micros = std::max(building_.last_time_micros, row.time_micros);

  if (tail_id_bytes_ > tail_id_bytes_max_) MergeForRoomLocked();
  return absl::OkStatus();
}

void Projection::AddPropertiesLocked() {
  for (const KeptProperty& kept : properties_) {
    // At start a file may have it already.
    if (kept.rows() < last_sequence_) kept.column->AppendOf(scratch_);
  }
}

// What cannot be merged now, for example because a disk cannot be read, costs memory and no event: whoever reads it
// merges it again, and is told.
void Projection::MergeForRoomLocked() {
  MergeAllLocked().IgnoreError();
  tail_id_bytes_max_ = tail_id_bytes_ + kTailIdBytesMax;
}

// Makes a version of each partition that has new events.
void Projection::FoldLocked() {
  if (building_.partitions.size() < tails_.size()) building_.partitions.resize(tails_.size());
  for (uint32_t i = 0; i < tails_.size(); ++i) {
    if (tails_[i].rows.empty()) continue;
    unmerged_rows_ += tails_[i].rows.size();
    const PartitionVersion* const before = building_.partitions[i].get();
    // Where nobody reads, the same events would be copied from version to version; they are if they cannot be merged.
    if (before != nullptr && before->unmerged() > kUnmergedCopiedMax) before->Get().IgnoreError();
    const uint32_t first = i * kPartitionCustomers;
    const uint32_t count = std::min(kPartitionCustomers, dictionaries_->customers.size() - first);
    building_.partitions[i] = std::make_shared<const PartitionVersion>(
        first, count, before, std::exchange(tails_[i], Tail()), merge_sources_);
  }
  tail_id_bytes_ = 0;
}

absl::Status Projection::MergeAllLocked() {
  FoldLocked();
  const size_t threads =
      std::clamp<size_t>(unmerged_rows_ / kThreadEventsMin, 1, static_cast<size_t>(std::max(query_threads_, 1)));
  std::vector<absl::Status> statuses(threads);
  std::atomic<size_t> next = 0;
  RunOnThreads(threads, [&](size_t thread) {
    for (size_t i; statuses[thread].ok() && (i = next.fetch_add(1)) < building_.partitions.size();) {
      // At start one may be in no file, and later in the log.
      if (building_.partitions[i] != nullptr) statuses[thread] = building_.partitions[i]->Get().status();
    }
  });
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  unmerged_rows_ = 0;
  return absl::OkStatus();
}

// From what is merged.
absl::Status Projection::RemakePeopleLocked() {
  ++people_epoch_;
  people_ = std::make_unique<People>(*dictionaries_);
  people_moves_.clear();
  return people_->AddAll(building_.partitions, *building_.kept_unlinks, std::numeric_limits<uint32_t>::max(),
                         dictionaries_->customers.size());
}

// Makes versions of people anew where something of them has changed, or that nobody has made yet.
void Projection::RenewPeopleLocked() {
  building_.people_epoch = people_epoch_;
  if (people_->empty()) return building_.people.clear();
  std::vector<std::shared_ptr<const PeopleMoves>> moves = people_->Moves();
  const PartitionVersions& customers = building_.partitions;
  const size_t known = people_customers_ == nullptr ? 0 : people_customers_->size();
  moves.resize(customers.size());
  people_moves_.resize(customers.size());
  building_.people.resize(customers.size());
  std::vector<bool> stale(customers.size());
  for (size_t i = 0; i < customers.size(); ++i) {
    if (moves[i] != people_moves_[i]) stale[i] = true;
    if (i < known && (*people_customers_)[i] == customers[i]) continue;
    stale[i] = true;
    if (moves[i] == nullptr) continue;
    for (const PeopleMoves::Move& move : moves[i]->leaving) stale[move.home / kPartitionCustomers] = true;
  }
  people_customers_ = std::make_shared<const PartitionVersions>(customers);
  people_moves_ = std::move(moves);
  for (size_t i = 0; i < customers.size(); ++i) {
    std::shared_ptr<const PeopleVersion>& version = building_.people[i];
    if (people_moves_[i] == nullptr) {
      version = nullptr;
    } else if (stale[i] || version == nullptr || !version->made()) {
      version = std::make_shared<const PeopleVersion>(i, people_moves_[i], people_customers_,
                                                      std::numeric_limits<uint32_t>::max(), merge_sources_);
    } else {
      version->MakeOf(people_customers_);  // so that nothing older need be kept for it
    }
  }
}

absl::Status Projection::ReadPeople(const Snapshot& snapshot, absl::string_view customer_id,
                                    const std::function<void(const People&)>& read) {
  if (snapshot.past_people != nullptr) {
    read(*snapshot.past_people);
    return absl::OkStatus();
  }
  const auto row_end = static_cast<uint32_t>(snapshot.watermark);
  {
    const std::lock_guard lock(mutex_);
    const bool same_erasures =
        building_.kept_unlinks == snapshot.kept_unlinks && people_epoch_ == snapshot.people_epoch;
    if (same_erasures && people_->graph().IsAsOf(customer_id, row_end)) {
      read(*people_);
      return absl::OkStatus();
    }
  }
  // Links have come since that have to do with the customer, or an erasure.
  People people(*dictionaries_);
  RETURN_IF_ERROR(people.AddAll(snapshot.partitions, *snapshot.kept_unlinks, row_end, snapshot.customer_codes));
  read(people);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Snapshot>> Projection::Latest() {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CatchUpLocked());
  if (latest_ != nullptr) return latest_;
  FoldLocked();
  if (unmerged_rows_ > kUnmergedRowsMax) RETURN_IF_ERROR(MergeAllLocked());
  building_.watermark = last_sequence_;
  building_.customer_codes = dictionaries_->customers.size();
  for (int column = 0; column < kCodeColumnCount; ++column) {
    building_.code_counts[column] = dictionaries_->codes[column].size();
  }
  building_.query_threads = query_threads_;
  RenewPeopleLocked();
  Snapshot snapshot = building_;
  snapshot.customers -= people_->moved();
  latest_ = std::make_shared<const Snapshot>(std::move(snapshot));
  return latest_;
}

bool Projection::SealIsWorthItLocked(int64_t events_min) const {
  if (files_ == nullptr || unsealed_ < seal_again_at_) return false;
  return unsound_ || unsealed_ >= events_min || UnsealedPropertyRowsLocked() >= events_min;
}

int64_t Projection::UnsealedPropertyRowsLocked() const {
  int64_t most = 0;
  for (const KeptProperty& kept : properties_) {
    if (kept.asked) most = std::max(most, last_sequence_ - kept.sealed);
  }
  return most;
}

bool Projection::TakeSealDue() {
  const std::lock_guard lock(mutex_);
  const bool clean_up = clean_up_failing_ && last_sequence_ >= clean_up_again_at_;
  const bool worth_it = SealIsWorthItLocked(std::max(open_events_max_, last_sequence_ / 8));
  if (sealing_ || !(worth_it || clean_up)) return false;
  sealing_ = true;
  return true;
}

bool Projection::SealIsWorthItAtClose() {
  const std::lock_guard lock(mutex_);
  // What could not be written before is tried a last time.
  seal_again_at_ = 0;
  return SealIsWorthItLocked(
      std::min(open_events_max_, std::clamp(last_sequence_ / 64, kCloseEventsMin, kCloseEventsMax)));
}

void Projection::Seal() { SealFiles().IgnoreError(); }

absl::Status Projection::SealFiles() {
  const std::lock_guard seal_lock(seal_mutex_);
  ColumnFiles::State state;
  std::vector<std::shared_ptr<PropertyColumn>> sealed_properties;
  int64_t sealed = 0;
  absl::Status status;
  {
    const std::lock_guard lock(mutex_);
    status = CatchUpLocked();
    FoldLocked();
    state = {last_sequence_, DictionarySizes::Of(*dictionaries_), building_.partitions, {}, {}, {}, {}};
    // Those that nobody asks for any more fall behind, until a start forgets them.
    for (const KeptProperty& kept : properties_) {
      if (!kept.asked) continue;
      state.properties.push_back(kept.column.get());
      sealed_properties.push_back(kept.column);
    }
    AddErasedLocked(state);
    if (status.ok()) state.dropped_properties.swap(dropped_properties_);
    sealed = unsealed_;
  }
  const int64_t watermark = state.watermark;
  const bool cleaned = state.erased.any;
  if (status.ok()) {
    status = files_->Seal(std::move(state), *dictionaries_,
                          [this](uint32_t i, const Partition& old, std::shared_ptr<const Partition> mapped) {
                            const std::lock_guard lock(mutex_);
                            mapped->AdoptProperties(old);
                            // Newer events may have been merged with it.
                            auto version = building_.partitions[i]->Over(old, std::move(mapped));
                            if (version == nullptr) return;
                            building_.partitions[i] = std::move(version);
                            latest_ = nullptr;
                          });
  }
  if (status.ok()) ReleaseCodes(sealed_properties);
  const std::lock_guard lock(mutex_);
  sealing_ = false;
  if (!status.ok() && !failing_) {
    LogWarning("columns cannot be put into files and it is tried again later",
               {{"workspace", absl::StrCat(workspace_)}, {"status", std::string(status.message())}});
  }
  failing_ = !status.ok();
  if (failing_) {
    seal_again_at_ = unsealed_ + std::max<int64_t>(open_events_max_ / 8, 1);
    return status;
  }
  if (cleaned) {
    files_unclean_ = false;
    unclean_partitions_.clear();
    unclean_properties_.clear();
  }
  unsound_ = false;
  seal_again_at_ = 0;
  if (files_->watermark() < watermark) return status;
  unsealed_ -= sealed;
  for (KeptProperty& kept : properties_) {
    const auto& sealed_now = sealed_properties;
    if (std::find(sealed_now.begin(), sealed_now.end(), kept.column) != sealed_now.end()) kept.sealed = watermark;
  }
  return status;
}

// What their files have is read there from now on.
void Projection::ReleaseCodes(const std::vector<std::shared_ptr<PropertyColumn>>& columns) {
  for (const auto& column : columns) {
    absl::StatusOr<CodeSequence::KeptChunks> mapped = files_->MapProperty(column->key);
    if (!mapped.ok()) continue;  // then they stay where they are
    const auto released = [&] {
      const std::lock_guard lock(mutex_);
      return column->codes.Replace(*std::move(mapped));
    }();
    column->codes.AwaitReaders();
  }
}

bool Projection::FindPropertiesLocked(absl::Span<const std::string> keys, std::vector<Property>& out) {
  bool all = true;
  out.assign(keys.size(), {});
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto found = std::find_if(properties_.begin(), properties_.end(),
                                    [&](const KeptProperty& kept) { return kept.column->key == keys[i]; });
    if (found == properties_.end()) {
      all = false;
      continue;
    }
    found->asked = true;
    out[i] = {found->column.get(), found->column->values.size()};
  }
  return all;
}

// The columns of those that are not there yet, to be filled from where they end.
absl::StatusOr<std::vector<Projection::KeptProperty>> Projection::StartPropertiesLocked(
    absl::Span<const std::string> keys, const std::vector<Property>& found) {
  std::set<std::string> missing;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i].column == nullptr) missing.insert(keys[i]);
  }
  const auto asked = static_cast<size_t>(
      std::count_if(properties_.begin(), properties_.end(), [](const KeptProperty& kept) { return kept.asked; }));
  if (asked + missing.size() > limits::kPropertyColumnCountMax) {
    return LimitExceeded("properties in filters and run rules", limits::kPropertyColumnCountMax,
                         "properties per workspace");
  }
  std::vector<KeptProperty> added;
  for (const std::string& key : missing) {
    const auto unfinished = std::find_if(unfinished_.begin(), unfinished_.end(),
                                         [&](const KeptProperty& kept) { return kept.column->key == key; });
    if (unfinished == unfinished_.end()) {
      added.push_back({std::make_shared<PropertyColumn>(key), 0, true});
      added.back().column->cache = cache_;
      // The codes of a column that was there before may have been others.
      dropped_properties_.push_back(key);
    } else {
      added.push_back(std::move(*unfinished));
      added.back().asked = true;
      unfinished_.erase(unfinished);
    }
  }
  if (properties_.size() + added.size() > limits::kPropertyColumnCountMax) {
    // Nobody has been given one of these.
    std::erase_if(properties_, [](const KeptProperty& kept) { return !kept.asked; });
  }
  return added;
}

absl::StatusOr<std::vector<Projection::Property>> Projection::Properties(absl::Span<const std::string> keys,
                                                                         const Patience& patience) {
  for (;;) {
    std::vector<Property> out;
    {
      const std::lock_guard lock(mutex_);
      if (FindPropertiesLocked(keys, out)) return out;
    }
    std::unique_lock backfill_lock(backfill_mutex_, std::defer_lock);
    while (erasures_waiting_ > 0 || !backfill_lock.try_lock()) {
      RETURN_IF_ERROR(StillWanted(patience));
      std::this_thread::sleep_for(kBackfillPoll);
    }
    RETURN_IF_ERROR(FillProperties(keys, patience));
  }
}

// What was filled stays, and the next call goes on there. Where an erasure waits it returns early.
absl::Status Projection::FillProperties(absl::Span<const std::string> keys, const Patience& patience) {
  std::vector<KeptProperty> added;
  int64_t to = 0;
  {
    std::vector<Property> found;
    const std::lock_guard lock(mutex_);
    if (FindPropertiesLocked(keys, found)) return absl::OkStatus();
    ASSIGN_OR_RETURN(added, StartPropertiesLocked(keys, found));
    to = last_sequence_;
  }
  // Nearly everything without the lock, so that views and the projector go on; then what has come in the meantime.
  absl::StatusOr<bool> filled = Backfill(added, to, [&]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(StillWanted(patience));
    return erasures_waiting_ == 0;
  });
  const std::lock_guard lock(mutex_);
  if (filled.ok() && *filled) filled = Backfill(added, last_sequence_, [] { return true; });
  for (const KeptProperty& kept : added) {
    if (filled.ok() && *filled && kept.rows() != last_sequence_) filled = Damaged(last_sequence_);
  }
  for (KeptProperty& kept : added) {
    (filled.ok() && *filled ? properties_ : unfinished_).push_back(std::move(kept));
  }
  while (unfinished_.size() > limits::kPropertyColumnCountMax) unfinished_.erase(unfinished_.begin());
  return filled.status();
}

// Reads what the columns lack up to event `last`. False: `go_on`, which is asked now and then, has said so.
absl::StatusOr<bool> Projection::Backfill(const std::vector<KeptProperty>& columns, int64_t last,
                                          const std::function<absl::StatusOr<bool>()>& go_on) const {
  if (log_ == nullptr) return true;
  int64_t from = last + 1;
  for (const KeptProperty& kept : columns) from = std::min(from, kept.rows() + 1);
  StatedValues stated;
  bool stopped = false;
  const absl::Status status =
      log_->Scan(workspace_, from, last, [&](int64_t sequence, absl::string_view event) -> absl::Status {
        if (sequence % kBackfillLook == 0) {
          ASSIGN_OR_RETURN(const bool goes_on, go_on());
          stopped = !goes_on;
          if (stopped) return Cancelled("filling a property's column");
        }
        EventFields unused;
        stated = StatedValues();
        if (!IsLogMark(event) && !ReadEventFields(event, unused, &stated)) return Damaged(sequence);
        for (const KeptProperty& kept : columns) {
          if (kept.rows() < sequence) kept.column->AppendOf(stated);
        }
        return absl::OkStatus();
      });
  if (stopped) return false;
  RETURN_IF_ERROR(status);
  return true;
}

}  // namespace throughline
