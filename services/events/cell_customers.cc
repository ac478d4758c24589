#include "services/events/cell_customers.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"

namespace throughline {
namespace {

// Customers that one question tells apart: about as many events as a question costs that finds none.
constexpr int kCustomersPerQuestion = 256;
// An engine may need room for every symbol of a graph and every customer.
constexpr int kCustomersPerGraph = 32;
// Customers that one question passes over; with all of them an aggregate of rows is no sample.
constexpr int64_t kCustomersPassedMax = 1 << 17;

// ---- Groups ---------------------------------------------------------------------------------------------------------

// A dimension that has the group's value as one of few, and what that value is called there.
struct Reduced {
  Dimension dimension;
  GroupValue value;
};

// Values that are not the group's become OTHER, but where OTHER itself is meant.
absl::StatusOr<Reduced> Reduce(const EventField& dimension, const GroupValue& value) {
  if (value.kind == GroupValue::Kind::kOther) {
    if (dimension.values.empty()) return InvalidField("group", "every value has a group of its own");
    return Reduced{dimension, value};
  }
  // A field of which no value is named has a group for each.
  return Reduced{EventField{dimension.path, {value.text}}, value};
}

// An event is the first symbol that it matches.
absl::StatusOr<Reduced> Reduce(const EventSymbols& dimension, const GroupValue& value) {
  Symbol meant;
  for (const Symbol& symbol : dimension.symbols) {
    if (value.kind == GroupValue::Kind::kValue && symbol.name == value.text) {
      std::vector<EventSelector> unless = std::move(meant.selector.unless);
      meant = symbol;
      meant.selector.unless.insert(meant.selector.unless.end(), unless.begin(), unless.end());
      return Reduced{EventSymbols{{std::move(meant)}}, value};
    }
    meant.selector.unless.push_back(symbol.selector);
  }
  return InvalidField("group", absl::StrCat("there is no symbol \"", value.text, "\""));
}

absl::StatusOr<Reduced> Reduce(const EventCalendar& dimension, const GroupValue& value) {
  absl::CivilDay day;
  if (value.kind != GroupValue::Kind::kValue || !absl::ParseCivilTime(value.text, &day) ||
      PeriodOf(day, dimension.unit) != day) {
    return InvalidField("group", absl::StrCat("\"", value.text, "\" is not the first day of a period"));
  }
  const auto text = [&](absl::CivilDay period) {
    return absl::FormatTime(absl::RFC3339_sec, PeriodStart(period, dimension.zone), absl::UTCTimeZone());
  };
  Symbol period{value.text, {}};
  ASSIGN_OR_RETURN(period.selector.filter,
                   Filter::Parse(absl::StrCat("event_time >= \"", text(day), "\" AND event_time < \"",
                                              text(AddPeriods(day, dimension.unit, 1)), "\"")));
  return Reduced{EventSymbols{{std::move(period)}}, value};
}

absl::StatusOr<Reduced> Reduce(const EventCustomer&, const GroupValue&) {
  return InvalidField("breakdown", "customers are what is asked for");
}

// At most as many groups as the dimension may have.
int64_t GroupCount(const Dimension& dimension) {
  const auto* field = std::get_if<EventField>(&dimension);
  return field == nullptr ? 1 : static_cast<int64_t>(field->values.size()) + 2;  // MISSING and OTHER
}

// ---- Aggregates -----------------------------------------------------------------------------------------------------

// Of several windows, the first.
template <typename Aggregate>
const Grouped<Aggregate>& First(const std::vector<Grouped<Aggregate>>& windows) {
  return windows.front();
}
template <typename Aggregate>
const Grouped<Aggregate>& First(const Grouped<Aggregate>& answer) {
  return answer;
}

template <typename Query>
constexpr int CustomersPerQuestion() {
  return std::is_same_v<Query, GraphQuery> ? kCustomersPerGraph : kCustomersPerQuestion;
}

absl::Status OutOfBounds(absl::string_view field, size_t count) {
  return InvalidField(field, absl::StrCat("the question has only ", count));
}

// The step whose takers are not lost at `step`.
absl::StatusOr<size_t> NextRequiredStep(const StepQuery& query, size_t step) {
  if (query.steps[step].optional) return InvalidField("step", "nobody is lost at a step that can be left out");
  size_t next = step + 1;
  while (next < query.steps.size() && query.steps[next].optional) ++next;
  if (next == query.steps.size()) return InvalidField("step", "nobody is lost where no step must follow");
  return next;
}

}  // namespace

template <typename Query, typename Answer, typename Number>
absl::StatusOr<CustomerCell> CustomerCell::Make(Query query, GroupKey group,
                                                absl::StatusOr<Answer> (EventView::*ask)(const Query&) const,
                                                Number number) {
  CustomerCell out;
  out.scope_ = query.scope;
  out.scope_.breakdown.clear();
  if (!group.empty() && group.size() != query.scope.breakdown.size()) {
    return InvalidField(
        "group", absl::StrCat("has ", group.size(), " values for ", query.scope.breakdown.size(), " dimensions"));
  }
  int64_t groups = 1;
  for (size_t i = 0; i < group.size(); ++i) {
    ASSIGN_OR_RETURN(Reduced reduced, std::visit([&](const auto& dimension) { return Reduce(dimension, group[i]); },
                                                 query.scope.breakdown[i]));
    groups *= GroupCount(reduced.dimension);
    out.scope_.breakdown.push_back(std::move(reduced.dimension));
    out.group_.push_back(std::move(reduced.value));
  }
  out.customers_per_question_ =
      static_cast<int>(std::clamp<int64_t>(kBreakdownGroupCountMax / groups, 1, CustomersPerQuestion<Query>()));
  out.ask_ = [query = std::move(query), ask, number](const EventView& view,
                                                     const Scope& scope) -> absl::StatusOr<Numbers> {
    Query scoped = query;
    scoped.scope = scope;
    ASSIGN_OR_RETURN(const Answer answer, (view.*ask)(scoped));
    Numbers numbers;
    for (const auto& [key, aggregate] : First(answer).groups) numbers.emplace(key, number(aggregate));
    return numbers;
  };
  return out;
}

absl::StatusOr<CustomerCell> CustomerCell::Of(VolumeQuery query, GroupKey group) {
  return Make(std::move(query), std::move(group), &EventView::Volume,
              [](const VolumeAggregate& volume) { return volume.events; });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(ScoreQuery query, GroupKey group, ScoreCell cell) {
  return Make(std::move(query), std::move(group), &EventView::Scores, [cell](const ScoreHistogram& histogram) {
    int64_t number = (cell.other ? histogram.other : 0) + (cell.missing ? histogram.missing : 0);
    for (int score = std::max(cell.score_min, 0); score <= std::min(cell.score_max, ScoreHistogram::kScoreMax);
         ++score) {
      number += histogram.counts[static_cast<size_t>(score)];
    }
    return number;
  });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(StepQuery query, GroupKey group, StepCell cell) {
  if (cell.step >= query.steps.size()) return OutOfBounds("step", query.steps.size());
  size_t next = query.steps.size();
  if (cell.lost) {
    ASSIGN_OR_RETURN(next, NextRequiredStep(query, cell.step));
  }
  return Make(std::move(query), std::move(group), &EventView::Steps, [cell, next](const StepReach& reach) {
    // Whoever takes a step has taken every one before it that cannot be left out.
    return reach.reached[cell.step] - (cell.lost ? reach.reached[next] : 0);
  });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(GraphQuery query, GroupKey group, GraphCell cell) {
  query.sketches = false;
  query.details = false;
  return Make(std::move(query), std::move(group), &EventView::Graph, [cell](const TransitionGraph& graph) -> int64_t {
    if (!cell.from.has_value()) {
      const auto node = graph.nodes.find(cell.to);
      return node == graph.nodes.end() ? 0 : node->second.events;
    }
    const auto edge = graph.edges.find({*cell.from, cell.to});
    return edge == graph.edges.end() ? 0 : edge->second.count;
  });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(VariantQuery query, GroupKey group, VariantCounts::Variant variant) {
  if (variant.empty() || variant.size() > static_cast<size_t>(std::max(query.length_max, 0))) {
    return InvalidField("symbols", absl::StrCat("1 to ", query.length_max, " symbols"));
  }
  query.buckets = {VariantCounts::BucketOf(variant)};
  query.bucket_counts = false;
  return Make(std::move(query), std::move(group), &EventView::Variants,
              [variant = std::move(variant)](const VariantCounts& counts) -> int64_t {
                const auto found = counts.variants.find(variant);
                return found == counts.variants.end() ? 0 : found->second;
              });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(CohortQuery query, GroupKey group, CohortCell cell) {
  if (cell.period.has_value() && (*cell.period < 0 || *cell.period >= query.period_count)) {
    return OutOfBounds("period", static_cast<size_t>(std::max(query.period_count, 0)));
  }
  return Make(std::move(query), std::move(group), &EventView::Cohorts, [cell](const CohortMatrix& matrix) -> int64_t {
    const auto cohort = matrix.cohorts.find(cell.cohort);
    if (cohort == matrix.cohorts.end()) return 0;
    return cell.period.has_value() ? cohort->second.active[static_cast<size_t>(*cell.period)]
                                   : cohort->second.customers;
  });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(StageQuery query, GroupKey group, StageCell cell) {
  if (cell.stage >= query.stages.size()) return OutOfBounds("stage", query.stages.size());
  query.collect.clear();
  return Make(std::move(query), std::move(group), &EventView::Stages, [cell](const StageTimes& times) {
    const StageTimes::Stage& stage = times.stages[cell.stage];
    switch (cell.state) {
      case StageCell::State::kEntered:
        break;
      case StageCell::State::kEnded:
        return stage.entered - stage.inside_count;
      case StageCell::State::kInside:
        return stage.inside_count;
    }
    return stage.entered;
  });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(RevenueQuery query, GroupKey group, RevenueCell cell) {
  if (cell.month >= static_cast<size_t>(std::max(query.month_count, 0))) {
    return OutOfBounds("month", static_cast<size_t>(std::max(query.month_count, 0)));
  }
  return Make(std::move(query), std::move(group), &EventView::Revenue,
              [cell](const RevenueMovements& movements) { return movements.months[cell.month].*cell.customers; });
}

absl::StatusOr<CustomerCell> CustomerCell::Of(PurchaseQuery query, GroupKey group, PurchaseCell cell) {
  return Make(std::move(query), std::move(group), &EventView::Purchases, [cell](const PurchaseSummary& summary) {
    int64_t customers = 0;
    for (const auto& entry : summary.rows.entries()) {
      const int64_t days = entry.row.frequency + 1;
      customers += days >= cell.days_min && days <= cell.days_max;
    }
    return customers;
  });
}

// ---- Walking --------------------------------------------------------------------------------------------------------

// Finds the customers of one page. Used by one thread.
class CellReader {
 public:
  CellReader(const EventView& view, const CustomerCell& cell, size_t limit) : view_(view), cell_(cell), limit_(limit) {}

  // Of [from, end).
  absl::Status Read(int64_t from, int64_t end) {
    // While there are none, twice as many customers are passed over with each question.
    int64_t step = cell_.customers_per_question_;
    while (from < end && !full()) {
      const int64_t to = std::min(end, from + step);
      ASSIGN_OR_RETURN(const bool any, HasAny(from, to));
      step = any ? cell_.customers_per_question_ : std::min(2 * step, kCustomersPassedMax);
      if (any) RETURN_IF_ERROR(Descend(from, to));
      from = to;
    }
    return absl::OkStatus();
  }

  bool full() const { return found_.size() >= limit_; }
  std::vector<CustomerSummary>& found() { return found_; }

 private:
  // There is one in [from, to).
  absl::Status Descend(int64_t from, int64_t to) {
    if (to - from <= cell_.customers_per_question_) return Collect(from, to);
    const int64_t middle = from + (to - from) / 2;
    ASSIGN_OR_RETURN(const bool left, HasAny(from, middle));
    if (left) RETURN_IF_ERROR(Descend(from, middle));
    if (full()) return absl::OkStatus();
    bool right = true;  // what is not on the left
    if (left) {
      ASSIGN_OR_RETURN(right, HasAny(middle, to));
    }
    return right ? Descend(middle, to) : absl::OkStatus();
  }

  absl::StatusOr<bool> HasAny(int64_t from, int64_t to) const {
    auto customers = std::make_shared<CustomerSet>();
    customers->AddRange(static_cast<uint32_t>(from), static_cast<uint32_t>(to));
    if (cell_.scope_.customers != nullptr) *customers &= *cell_.scope_.customers;
    if (customers->size() == 0) return false;
    Scope scope = cell_.scope_;
    scope.customers = std::move(customers);
    ASSIGN_OR_RETURN(const CustomerCell::Numbers numbers, cell_.ask_(view_, scope));
    const auto number = numbers.find(cell_.group_);
    return number != numbers.end() && number->second > 0;
  }

  absl::Status Collect(int64_t from, int64_t to) {
    const int count = static_cast<int>(to - from);
    Scope scope = cell_.scope_;
    scope.breakdown.push_back(EventCustomer{from, count});
    ASSIGN_OR_RETURN(const CustomerCell::Numbers numbers, cell_.ask_(view_, scope));
    ASSIGN_OR_RETURN(std::vector<CustomerSummary> customers, view_.ListCustomers(from, count));
    GroupKey key = cell_.group_;
    key.emplace_back();
    for (CustomerSummary& customer : customers) {
      if (full() || customer.ordinal >= to) break;
      key.back().text = customer.customer_id;
      const auto number = numbers.find(key);
      if (number != numbers.end() && number->second > 0) found_.push_back(std::move(customer));
    }
    return absl::OkStatus();
  }

  const EventView& view_;
  const CustomerCell& cell_;
  const size_t limit_;
  std::vector<CustomerSummary> found_;
};

absl::StatusOr<CellCustomerPage> FindCellCustomers(const EventView& view, const CustomerCell& cell, int64_t from,
                                                   int limit) {
  // One more tells whether there is another page, and where it begins.
  const auto wanted = static_cast<size_t>(std::max(limit, 1));
  CellReader reader(view, cell, wanted + 1);
  RETURN_IF_ERROR(reader.Read(std::max<int64_t>(from, 0), view.Statistics().ordinals));
  CellCustomerPage page;
  page.customers = std::move(reader.found());
  if (page.customers.size() > wanted) {
    page.next_ordinal = page.customers.back().ordinal;
    page.customers.pop_back();
  }
  return page;
}

}  // namespace throughline
