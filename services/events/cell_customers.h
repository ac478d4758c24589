// Which customers a number of an answer counts: those of one cell of an aggregate, in the order in which customers were
// first recorded. Independent of the engine: a customer is in a cell exactly if the cell's number in the customer's own
// aggregate is above zero, and an engine gives those as a breakdown by customer (EventCustomer).
//
// A CustomerCell is immutable; any thread. FindCellCustomers is stateless.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/events.h"

namespace throughline {

// ---- Places of cells ------------------------------------------------------------------------------------------------

// Answers to a score; those that are set, together.
struct ScoreCell {
  int score_min = 0;  // whole scores from score_min to score_max, inclusive; none if min is above max
  int score_max = -1;
  bool other = false;    // scores that are counted together
  bool missing = false;  // matching events without a score, where the question counts them
};

// Runs at a step.
struct StepCell {
  size_t step = 0;  // from 0
  // Only those that did not take the next step that cannot be left out. There must be one, and the step itself must be
  // none that can be left out; unordered: those that took no more than step + 1 different steps.
  bool lost = false;
};

// Pairs of an edge; without `from`, events of a node.
struct GraphCell {
  std::optional<std::string> from;
  std::string to;
};

// A cohort, or those of it who were active in a period.
struct CohortCell {
  absl::CivilDay cohort;      // first day
  std::optional<int> period;  // 0: that of entry
};

struct StageCell {
  enum class State { kEntered, kEnded, kInside };
  size_t stage = 0;
  State state = State::kEntered;
};

// What a month did to customers: one of RevenueMovements::Month's numbers of them.
struct RevenueCell {
  size_t month = 0;  // from the question's first
  int64_t RevenueMovements::Month::*customers = &RevenueMovements::Month::end_customers;
};

// Customers by the number of days on which they bought, inclusive.
struct PurchaseCell {
  int64_t days_min = 1;
  int64_t days_max = std::numeric_limits<int64_t>::max();
};

// ---- Cells ----------------------------------------------------------------------------------------------------------

// One cell: its question, the group of the question's breakdown (empty: of the whole, whatever the breakdown), and the
// place in that group's aggregate. Of a question with several windows, the first.
//
// Of returns INVALID_ARGUMENT for a group that does not fit the breakdown (`group`) or a place that no answer has
// (`step`, `stage`, `period`, `month`, `symbols`).
class CustomerCell {
 public:
  static absl::StatusOr<CustomerCell> Of(VolumeQuery query, GroupKey group);  // who has any of the events
  static absl::StatusOr<CustomerCell> Of(ScoreQuery query, GroupKey group, ScoreCell cell);
  static absl::StatusOr<CustomerCell> Of(StepQuery query, GroupKey group, StepCell cell);
  static absl::StatusOr<CustomerCell> Of(GraphQuery query, GroupKey group, GraphCell cell);
  static absl::StatusOr<CustomerCell> Of(VariantQuery query, GroupKey group, VariantCounts::Variant variant);
  static absl::StatusOr<CustomerCell> Of(CohortQuery query, GroupKey group, CohortCell cell);
  static absl::StatusOr<CustomerCell> Of(StageQuery query, GroupKey group, StageCell cell);
  static absl::StatusOr<CustomerCell> Of(RevenueQuery query, GroupKey group, RevenueCell cell);
  static absl::StatusOr<CustomerCell> Of(PurchaseQuery query, GroupKey group, PurchaseCell cell);

 private:
  friend class CellReader;
  using Numbers = std::map<GroupKey, int64_t>;
  // The cell's number in each group of the answer to the question with this scope.
  using Ask = std::function<absl::StatusOr<Numbers>(const EventView& view, const Scope& scope)>;

  template <typename Query, typename Answer, typename Number>
  static absl::StatusOr<CustomerCell> Make(Query query, GroupKey group,
                                           absl::StatusOr<Answer> (EventView::*ask)(const Query&) const, Number number);

  Scope scope_;  // its breakdown reduced to what tells the group from others
  GroupKey group_;
  Ask ask_;
  int customers_per_question_ = 0;
};

struct CellCustomerPage {
  std::vector<CustomerSummary> customers;  // by ordinal
  std::optional<int64_t> next_ordinal;     // where the next page begins; absent: there is none
};
// The customers of the cell with ordinals >= `from`, at most `limit` (at least 1). Ranges of customers of which none is
// in the cell are passed over in one question each, so that a page costs about one pass over the customers between its
// ends. As the view's question.
absl::StatusOr<CellCustomerPage> FindCellCustomers(const EventView& view, const CustomerCell& cell, int64_t from,
                                                   int limit);

}  // namespace throughline
