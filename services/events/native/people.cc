#include "services/events/native/people.h"

#include <algorithm>

#include "services/base/status_macros.h"

namespace throughline {

uint32_t PeopleMoves::HomeOf(uint32_t customer) const {
  const auto found = std::lower_bound(leaving.begin(), leaving.end(), customer,
                                      [](const Move& move, uint32_t code) { return move.customer < code; });
  return found == leaving.end() || found->customer != customer ? customer : found->home;
}

const std::string* PeopleMoves::NameOf(uint32_t home) const {
  const auto found = std::lower_bound(names.begin(), names.end(), home,
                                      [](const auto& name, uint32_t code) { return name.first < code; });
  return found == names.end() || found->first != home ? nullptr : &found->second;
}

// --- PeopleVersion ---

absl::StatusOr<std::shared_ptr<const Partition>> PeopleVersion::Get() const {
  const std::lock_guard lock(mutex_);
  const ColumnCache::Key key = {id_, 0};
  if (auto kept = sources_->cache->Find<Partition>(key); kept != nullptr) return kept;
  ASSIGN_OR_RETURN(std::shared_ptr<const Partition> made, Make());
  sources_->cache->Keep(key, made, made->owned_bytes());
  made_ = true;
  return made;
}

void PeopleVersion::MakeOf(std::shared_ptr<const PartitionVersions> customers) const {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) customers_ = std::move(customers);
}

PeopleVersion::~PeopleVersion() { sources_->cache->Drop({id_, 0}); }

absl::StatusOr<std::shared_ptr<const Partition>> PeopleVersion::Make() const {
  ASSIGN_OR_RETURN(std::shared_ptr<const Partition> own, (*customers_)[i_]->Get());
  if (own->size() > 0 && own->row_max() >= row_end_) own = Partition::Before(*own, row_end_);
  if (moves_->leaving.empty() && moves_->coming.empty()) return own;
  std::vector<uint32_t> leaving;
  for (const PeopleMoves::Move& move : moves_->leaving) leaving.push_back(move.customer);
  Tail coming;
  // Each partition once, as merging one may take a while: in the order of customers, who are mostly neighbours.
  std::vector<PeopleMoves::Move> moves = moves_->coming;
  std::sort(moves.begin(), moves.end(), [](const auto& a, const auto& b) { return a.customer < b.customer; });
  std::shared_ptr<const Partition> from;
  uint32_t number = ~uint32_t{0};
  for (const PeopleMoves::Move& move : moves) {
    if (move.customer / kPartitionCustomers != number) {
      number = move.customer / kPartitionCustomers;
      ASSIGN_OR_RETURN(from, (*customers_)[number]->Get());
    }
    from->CopyTo(move.customer, move.home, row_end_, coming);
  }
  return Partition::Rejoin(*own, leaving, coming, *sources_->texts, sources_->read_id);
}

// --- People ---

People::People(const Dictionaries& dictionaries)
    : dictionaries_(dictionaries),
      graph_([this](uint32_t customer, uint32_t home, absl::string_view name) { Change(customer, home, name); }) {}

People::Open& People::OpenOf(uint32_t customer) {
  const size_t i = customer / kPartitionCustomers;
  if (i >= partitions_.size()) partitions_.resize(i + 1);
  partitions_[i].changed = true;
  return partitions_[i];
}

void People::Change(uint32_t customer, uint32_t home, absl::string_view name) {
  Open& own = OpenOf(customer);
  own.names.erase(customer);
  if (const auto before = own.leaving.find(customer); before != own.leaving.end()) {
    const uint32_t old_home = before->second;
    own.leaving.erase(before);
    OpenOf(old_home).coming.erase({old_home, customer});
    --moved_;
  }
  if (home == customer) {
    if (name != dictionaries_.customers[customer]) OpenOf(customer).names[customer] = std::string(name);
    return;
  }
  OpenOf(customer).leaving[customer] = home;
  OpenOf(home).coming.insert({home, customer});
  ++moved_;
}

void People::AddStatement(uint32_t row, uint32_t customer, uint32_t statement_code) {
  const IdentityStatement statement = IdentityStatement::Decode(dictionaries_.codes[kLinkColumn][statement_code]);
  graph_.Add(row, dictionaries_.customers[customer], customer, statement,
             [this](absl::string_view id) -> std::optional<uint32_t> {
               const std::optional<uint32_t> code = dictionaries_.customers.Find(id);
               return code.has_value() && *code < customer_codes_ ? code : std::nullopt;
             });
}

void People::AddCustomer(uint32_t customer) { graph_.SetCode(dictionaries_.customers[customer], customer); }

absl::Status People::AddAll(const PartitionVersions& customers, const std::vector<KeptUnlink>& kept_unlinks,
                            uint32_t row_end, uint32_t customer_codes) {
  customer_codes_ = customer_codes;
  for (const KeptUnlink& unlink : kept_unlinks) {
    if (unlink.row < row_end) graph_.Revoke(unlink.row, unlink.link);
  }
  for (const auto& version : customers) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, version->Get());
    const PackedColumn& statements = partition->codes(kLinkColumn);
    if (statements.width() == 0 && statements.constant() == kMissingCode) continue;
    for (uint32_t i = 0; i < partition->customer_count(); ++i) {
      for (uint32_t k = partition->offset(i); k < partition->offset(i + 1); ++k) {
        const auto code = static_cast<uint32_t>(statements[k]);
        const auto row = static_cast<uint32_t>(partition->rows()[k]);
        if (code != kMissingCode && row < row_end) AddStatement(row, partition->first_customer() + i, code);
      }
    }
  }
  customer_codes_ = IdentityGraph::kNone;
  return absl::OkStatus();
}

std::vector<std::shared_ptr<const PeopleMoves>> People::Moves() {
  std::vector<std::shared_ptr<const PeopleMoves>> out;
  for (Open& open : partitions_) {
    if (std::exchange(open.changed, false)) {
      auto made = std::make_shared<PeopleMoves>();
      for (const auto& [customer, home] : open.leaving) made->leaving.push_back({customer, home});
      for (const auto& [home, customer] : open.coming) made->coming.push_back({customer, home});
      for (const auto& [home, name] : open.names) made->names.emplace_back(home, name);
      const bool none = made->leaving.empty() && made->coming.empty() && made->names.empty();
      open.moves = none ? nullptr : std::move(made);
    }
    out.push_back(open.moves);
  }
  return out;
}

}  // namespace throughline
