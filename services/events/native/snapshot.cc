#include "services/events/native/snapshot.h"

#include <algorithm>

#include "services/base/status_macros.h"

namespace throughline {

absl::StatusOr<std::shared_ptr<const Partition>> Snapshot::At(size_t i) const {
  if (i < people.size() && people[i] != nullptr) return people[i]->Get();
  return RecordedAt(i);
}

absl::Status Snapshot::Prepare(size_t i, const std::function<absl::Status()>& still_wanted) const {
  if (i >= people.size() || people[i] == nullptr || people[i]->made()) return absl::OkStatus();
  // Each partition that people come from may have to be merged.
  std::vector<bool> seen(partitions.size());
  for (const PeopleMoves::Move& move : people[i]->moves().coming) {
    const size_t from = move.customer / kPartitionCustomers;
    if (seen[from]) continue;
    seen[from] = true;
    RETURN_IF_ERROR(still_wanted());
    RETURN_IF_ERROR(partitions[from]->Get().status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Partition>> Snapshot::RecordedAt(size_t i) const {
  ASSIGN_OR_RETURN(std::shared_ptr<const Partition> whole, partitions[i]->Get());
  if (whole->size() == 0 || whole->row_max() < watermark) return whole;
  return Partition::Before(*whole, static_cast<uint32_t>(watermark));
}

uint32_t Snapshot::HomeOf(uint32_t customer) const {
  const size_t i = customer / kPartitionCustomers;
  return i < people.size() && people[i] != nullptr ? people[i]->moves().HomeOf(customer) : customer;
}

const std::string& Snapshot::NameOf(uint32_t home, const Dictionaries& dictionaries) const {
  const size_t i = home / kPartitionCustomers;
  const std::string* name = i < people.size() && people[i] != nullptr ? people[i]->moves().NameOf(home) : nullptr;
  return name != nullptr ? *name : dictionaries.customers[home];
}

int64_t CountCustomers(const Partition& partition) {
  int64_t customers = 0;
  for (uint32_t i = 0; i < partition.customer_count(); ++i) {
    customers += partition.offset(i) != partition.offset(i + 1) ? 1 : 0;
  }
  return customers;
}

absl::StatusOr<Snapshot> KnownAt(const Snapshot& snapshot, int64_t watermark, const Dictionaries& dictionaries,
                                 const std::shared_ptr<const MergeSources>& sources) {
  Snapshot out = snapshot;
  out.people.clear();
  out.past_people = nullptr;
  out.watermark = watermark;
  out.events = out.customers = 0;
  out.customer_codes = 0;
  std::fill(out.name_counts.begin(), out.name_counts.end(), 0);
  out.first_time_micros = std::numeric_limits<int64_t>::max();
  out.last_time_micros = std::numeric_limits<int64_t>::min();
  out.partitions.clear();
  // What stands for no value is always known.
  for (const CodeColumn column : kOptionalColumns) out.code_counts[column] = kMissingCode + 1;
  out.code_counts[kNameColumn] = out.code_counts[kSourceColumn] = 0;
  for (size_t i = 0; i < snapshot.partitions.size(); ++i) {
    out.partitions.push_back(snapshot.partitions[i]);
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, out.At(i));
    if (partition->customer_count() == 0) {
      // Nobody later was known either.
      out.partitions.pop_back();
      break;
    }
    out.events += partition->size();
    out.customers += CountCustomers(*partition);
    out.customer_codes = partition->first_customer() + partition->customer_count();
    for (int column = 0; column < kCodeColumnCount; ++column) {
      uint32_t& codes = out.code_counts[static_cast<size_t>(column)];
      partition->codes(static_cast<CodeColumn>(column)).Visit([&](auto values) {
        for (uint32_t place = 0; place < partition->size(); ++place) {
          codes = std::max(codes, static_cast<uint32_t>(values[place]) + 1);
        }
      });
    }
    for (uint32_t place = 0; place < partition->size(); ++place) {
      ++out.name_counts[static_cast<size_t>(partition->codes(kNameColumn)[place])];
      out.first_time_micros = std::min(out.first_time_micros, partition->times()[place]);
      out.last_time_micros = std::max(out.last_time_micros, partition->times()[place]);
    }
  }
  auto people = std::make_shared<People>(dictionaries);
  const auto row_end = static_cast<uint32_t>(watermark);
  RETURN_IF_ERROR(people->AddAll(out.partitions, *out.kept_unlinks, row_end, out.customer_codes));
  out.past_people = people;
  if (people->empty()) return out;
  const auto customers = std::make_shared<const PartitionVersions>(out.partitions);
  const std::vector<std::shared_ptr<const PeopleMoves>> moves = people->Moves();
  for (size_t i = 0; i < moves.size(); ++i) {
    out.people.push_back(moves[i] == nullptr
                             ? nullptr
                             : std::make_shared<const PeopleVersion>(i, moves[i], customers, row_end, sources));
  }
  out.customers -= people->moved();
  return out;
}

}  // namespace throughline
