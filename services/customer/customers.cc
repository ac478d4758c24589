#include "services/customer/customers.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/base/filter_parser.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/customer/customer_events.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

// Customers that are looked at together; large enough that a scan of the whole limit is a few calls.
constexpr int kScanChunk = 1000;

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  timestamp.set_seconds(micros / 1'000'000);
  timestamp.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
}

v1::Customer MakeCustomer(absl::string_view workspace_id, const CustomerSummary& summary, const CompiledStage* stage) {
  v1::Customer customer;
  customer.set_name(MakeCustomerName(workspace_id, summary.customer_id));
  customer.set_customer_id(summary.customer_id);
  SetTimestamp(summary.first_event_time, *customer.mutable_first_event_time());
  SetTimestamp(summary.last_event_time, *customer.mutable_last_event_time());
  customer.set_event_count(summary.event_count);
  if (stage != nullptr) customer.set_lifecycle_stage(stage->name);
  return customer;
}

// What the traits of customers say of a filter's comparisons with them: asked of the view as events that match, for
// many customers at a time.
class TraitMatches {
 public:
  // The filter (null: none), the view and the patience must outlive this.
  static absl::StatusOr<TraitMatches> Of(const EventView& view, const FilterNode* root, const Patience& patience) {
    TraitMatches out(view, patience);
    if (root != nullptr) RETURN_IF_ERROR(out.Collect(*root));
    return out;
  }

  // Makes ready for a customer; ordinals ascend from call to call.
  absl::Status Reach(int64_t ordinal) {
    if (selectors_.empty()) return absl::OkStatus();
    if (ordinal >= first_ + static_cast<int64_t>(matches_.size())) {
      const auto bound = std::max(kMatchesMax / static_cast<int>(selectors_.size()), kScanChunk);
      ASSIGN_OR_RETURN(matches_, view_.FirstMatches(ordinal, std::min(next_count_, bound), selectors_, patience_));
      first_ = ordinal;
      next_count_ = std::min(next_count_ * 4, kMatchesMax);
    }
    row_ = static_cast<size_t>(ordinal - first_);
    return row_ < matches_.size() ? absl::OkStatus() : Internal("a listed customer has no place");
  }

  // Whether the comparison holds for the customer that was reached.
  bool Holds(const FilterNode& comparison) const {
    return matches_[row_][index_.at(&comparison)] != absl::InfiniteFuture();
  }

 private:
  // One call's answers are at most a few megabytes. The first calls ask for few: a page may need no more.
  static constexpr int kMatchesMax = 64 << 10;

  TraitMatches(const EventView& view, const Patience& patience) : view_(view), patience_(patience) {}

  absl::Status Collect(const FilterNode& node) {
    for (const auto& child : node.children) RETURN_IF_ERROR(Collect(*child));
    if (node.kind != FilterNode::Kind::kComparison || node.path[0] != "traits") return absl::OkStatus();
    index_.emplace(&node, selectors_.size());
    EventSelector& selector = selectors_.emplace_back();
    ASSIGN_OR_RETURN(selector.filter, Filter::Parse(FilterNodeText(node)));
    return absl::OkStatus();
  }

  const EventView& view_;
  const Patience& patience_;
  std::vector<EventSelector> selectors_;
  std::map<const FilterNode*, size_t> index_;
  int64_t first_ = 0;
  int next_count_ = kScanChunk;
  std::vector<std::vector<absl::Time>> matches_;  // of the customers from first_ on
  size_t row_ = 0;
};

bool Compare(const FilterNode& comparison, const CustomerSummary& summary, const CompiledStage* stage,
             const TraitMatches& traits) {
  if (comparison.path.empty()) return false;
  const std::string& field = comparison.path[0];
  if (field == "traits") return traits.Holds(comparison);
  if (field == "customer_id") return CompareString(comparison, summary.customer_id);
  if (field == "first_event_time") return CompareTime(comparison, summary.first_event_time);
  if (field == "last_event_time") return CompareTime(comparison, summary.last_event_time);
  if (field == "event_count") return CompareNumber(comparison, static_cast<double>(summary.event_count));
  if (field == "lifecycle_stage") {
    return stage == nullptr ? CompareMissing(comparison) : CompareString(comparison, stage->id);
  }
  return false;
}

// Null holds. Customers are asked for in the order of their ordinals.
absl::StatusOr<bool> Holds(const FilterNode* root, const CustomerSummary& summary, const CompiledStage* stage,
                           TraitMatches& traits) {
  RETURN_IF_ERROR(traits.Reach(summary.ordinal));
  return EvaluateFilter(root,
                        [&](const FilterNode& comparison) { return Compare(comparison, summary, stage, traits); });
}

bool NamesStage(const FilterNode& node) {
  if (node.kind == FilterNode::Kind::kComparison) return !node.path.empty() && node.path[0] == "lifecycle_stage";
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return NamesStage(*child); });
}

// The stages at `now` of customers in the order of their ordinals; null: none entered yet.
absl::StatusOr<std::vector<const CompiledStage*>> Stages(const EventView& view, const Lifecycle& lifecycle,
                                                         const std::vector<EventSelector>& selectors,
                                                         absl::Span<const CustomerSummary> customers, absl::Time now,
                                                         const Patience& patience) {
  std::vector<const CompiledStage*> stages(customers.size(), nullptr);
  if (selectors.empty()) return stages;
  // Ordinals have gaps: what lies close together is looked at together.
  for (size_t begin = 0; begin < customers.size();) {
    const int64_t first = customers[begin].ordinal;
    size_t end = begin + 1;
    while (end < customers.size() && customers[end].ordinal < first + kScanChunk) ++end;
    const auto count = static_cast<int>(customers[end - 1].ordinal - first + 1);
    ASSIGN_OR_RETURN(const auto matches, view.FirstMatches(first, count, selectors, patience));
    for (size_t i = begin; i < end; ++i) {
      stages[i] = lifecycle.StageAt(matches[static_cast<size_t>(customers[i].ordinal - first)], now);
    }
    begin = end;
  }
  return stages;
}

}  // namespace

const std::vector<FilterField>& CustomerFilterFields() {
  static const auto* const fields = new std::vector<FilterField>{
      {"customer_id", FilterFieldType::kString},     {"first_event_time", FilterFieldType::kTime},
      {"last_event_time", FilterFieldType::kTime},   {"event_count", FilterFieldType::kNumber},
      {"lifecycle_stage", FilterFieldType::kString}, {"traits.*", FilterFieldType::kAny}};
  return *fields;
}

absl::StatusOr<v1::Customer> GetCustomer(const EventView& view, const Lifecycle& lifecycle,
                                         absl::string_view workspace_name, absl::string_view customer_id,
                                         absl::Time now, const Patience& patience) {
  ASSIGN_OR_RETURN(const CustomerSummary summary, FindCustomerSummary(view, workspace_name, customer_id));
  ASSIGN_OR_RETURN(const auto stages, Stages(view, lifecycle, lifecycle.Selectors(), {&summary, 1}, now, patience));
  v1::Customer customer = MakeCustomer(LastSegment(workspace_name), summary, stages[0]);
  customer.mutable_linked_customer_ids()->Add(summary.linked_customer_ids.begin(), summary.linked_customer_ids.end());
  return customer;
}

absl::StatusOr<CustomerPage> ListCustomers(const EventView& view, const Lifecycle& lifecycle,
                                           absl::string_view workspace_name, const Filter& filter, int64_t from_ordinal,
                                           int page_size, absl::Time now, const Patience& patience) {
  const absl::string_view workspace_id = LastSegment(workspace_name);
  const std::vector<EventSelector> selectors = lifecycle.Selectors();
  const FilterNode* root = filter.root().get();
  const bool names_stage = root != nullptr && NamesStage(*root);
  ASSIGN_OR_RETURN(TraitMatches traits, TraitMatches::Of(view, root, patience));
  // Without a filter everyone matches: no more is read than the page holds, and one to know that there is a next page.
  const int chunk = root == nullptr ? page_size + 1 : kScanChunk;
  CustomerPage page;
  int64_t from = from_ordinal;
  for (int64_t scanned = 0; scanned < std::max<int64_t>(limits::kCustomersScannedMax, chunk); scanned += chunk) {
    ASSIGN_OR_RETURN(std::vector<CustomerSummary> summaries, view.ListCustomers(from, chunk));
    const bool last = summaries.size() < static_cast<size_t>(chunk);
    if (!last) from = summaries.back().ordinal + 1;
    // Stages cost a look at the events: of everyone where the filter asks for them, else of those who are shown.
    std::vector<const CompiledStage*> stages(summaries.size(), nullptr);
    if (names_stage) {
      ASSIGN_OR_RETURN(stages, Stages(view, lifecycle, selectors, summaries, now, patience));
    }
    std::vector<CustomerSummary> shown;
    std::vector<const CompiledStage*> shown_stages;
    for (size_t i = 0; i < summaries.size() && !page.next_ordinal.has_value(); ++i) {
      ASSIGN_OR_RETURN(const bool holds, Holds(root, summaries[i], stages[i], traits));
      if (!holds) continue;
      if (page.customers.size() + shown.size() == static_cast<size_t>(page_size)) {
        page.next_ordinal = summaries[i].ordinal;
      } else {
        shown.push_back(std::move(summaries[i]));
        shown_stages.push_back(stages[i]);
      }
    }
    if (!names_stage) {
      ASSIGN_OR_RETURN(shown_stages, Stages(view, lifecycle, selectors, shown, now, patience));
    }
    for (size_t i = 0; i < shown.size(); ++i) {
      page.customers.push_back(MakeCustomer(workspace_id, shown[i], shown_stages[i]));
    }
    if (page.next_ordinal.has_value() || last) return page;
  }
  page.next_ordinal = from;
  return page;
}

absl::StatusOr<CustomerSet> FindCustomers(const EventView& view, const Lifecycle& lifecycle, const Filter& filter,
                                          absl::Time now, const Patience& patience) {
  const FilterNode* root = filter.root().get();
  const std::vector<EventSelector> selectors =
      root != nullptr && NamesStage(*root) ? lifecycle.Selectors() : std::vector<EventSelector>();
  ASSIGN_OR_RETURN(TraitMatches traits, TraitMatches::Of(view, root, patience));
  CustomerSet members;
  for (int64_t from = 0;;) {
    RETURN_IF_ERROR(StillWanted(patience));
    ASSIGN_OR_RETURN(const std::vector<CustomerSummary> summaries, view.ListCustomers(from, kScanChunk));
    ASSIGN_OR_RETURN(const auto stages, Stages(view, lifecycle, selectors, summaries, now, patience));
    for (size_t i = 0; i < summaries.size(); ++i) {
      ASSIGN_OR_RETURN(const bool holds, Holds(root, summaries[i], stages[i], traits));
      if (holds) members.Add(static_cast<uint32_t>(summaries[i].ordinal));
    }
    if (summaries.size() < static_cast<size_t>(kScanChunk)) return members;
    from = summaries.back().ordinal + 1;
  }
}

absl::StatusOr<std::vector<IdentityEdge>> ListIdentityEdges(const EventView& view, absl::string_view workspace_name,
                                                            absl::string_view customer_id, int64_t from, int limit) {
  RETURN_IF_ERROR(FindCustomerSummary(view, workspace_name, customer_id).status());
  return view.IdentityEdges(customer_id, from, limit);
}

v1::IdentityEdge ToProto(const IdentityEdge& edge) {
  v1::IdentityEdge out;
  out.set_customer_id(edge.customer_id);
  out.set_linked_customer_id(edge.linked_customer_id);
  SetTimestamp(edge.link_time, *out.mutable_link_time());
  out.set_event_source(edge.event_source);
  out.set_event_id(edge.event_id);
  out.set_revoked(edge.revoked);
  return out;
}

}  // namespace throughline
