// Numbers opened down to customers: an answer by customer is each customer's own, and a cell lists exactly those whose
// own number is above zero. Seeds are printed; THROUGHLINE_TEST_SEED runs one again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/events/cell_customers.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/any_query.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/workspaces.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }
bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

// In the order in which they were first recorded.
std::vector<std::string> CustomersOf(const Recorded& events) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const v1::CustomerEvent& event : events) {
    if (seen.insert(event.customer_id()).second) out.push_back(event.customer_id());
  }
  return out;
}

Recorded EventsOf(const Recorded& events, const std::string& customer) {
  Recorded out;
  for (const v1::CustomerEvent& event : events) {
    if (event.customer_id() == customer) out.push_back(event);
  }
  return out;
}

bool IsMeant(const CustomerIds& ids, const std::string& customer) {
  return !ids.has_value() || ids->contains(customer);
}

template <typename Aggregate>
void MergeInto(std::vector<Grouped<Aggregate>>& into, const std::vector<Grouped<Aggregate>>& from) {
  for (size_t i = 0; i < into.size(); ++i) into[i].Merge(from[i]);
}
template <typename Aggregate>
void MergeInto(Grouped<Aggregate>& into, const Grouped<Aggregate>& from) {
  into.Merge(from);
}

// A workspace for each seed.
std::map<uint64_t, RandomLog> RecordLogs(EventStore& store, int count) {
  std::map<uint64_t, RandomLog> logs;
  std::map<std::string, Recorded> workspaces;
  for (const uint64_t seed : Seeds(count)) {
    Random random(seed);
    workspaces[absl::StrCat("w", seed)] = (logs[seed] = MakeRandomLog(random)).events;
  }
  AppendAll(store, workspaces);
  return logs;
}

// ---- By customer ----------------------------------------------------------------------------------------------------

// The answers of the customers alone, each in a group that has the customer's id at `place`.
template <typename Query>
auto ReferenceByCustomer(const Recorded& events, Query query, size_t place, const std::vector<std::string>& customers) {
  const auto at = query.scope.breakdown.begin() + static_cast<std::ptrdiff_t>(place);
  query.scope.breakdown.insert(at, EventSymbols());
  auto out = Refer({}, query);
  for (const std::string& customer : customers) {
    query.scope.breakdown[place] = EventSymbols{{{customer, EventSelector()}}};
    MergeInto(out, Refer(EventsOf(events, customer), query));
  }
  return out;
}

template <typename Query>
void ExpectAnswerByCustomer(Random& random, const EventView& view, const RandomLog& log, Query query,
                            const CustomerIds& ids) {
  const std::vector<std::string> all = CustomersOf(log.events);
  EventCustomer range{Below(random, static_cast<int>(all.size()) + 2),
                      1 + Below(random, 1 + static_cast<int>(all.size()))};
  const auto place = static_cast<size_t>(Below(random, static_cast<int>(query.scope.breakdown.size()) + 1));
  Query by_customer = query;
  by_customer.scope.customers = OrdinalsOf(view, ids);
  const auto at = by_customer.scope.breakdown.begin() + static_cast<std::ptrdiff_t>(place);
  by_customer.scope.breakdown.insert(at, range);
  auto answer = Ask(view, by_customer);
  if (absl::IsResourceExhausted(answer.status())) {  // too many groups: of one customer there are as many as of all
    range.count = 1;
    by_customer.scope.breakdown[place] = range;
    answer = Ask(view, by_customer);
  }
  std::vector<std::string> customers;
  for (int64_t i = range.first; i < range.first + range.count && i < static_cast<int64_t>(all.size()); ++i) {
    if (IsMeant(ids, all[static_cast<size_t>(i)])) customers.push_back(all[static_cast<size_t>(i)]);
  }
  ASSERT_EQ(ToText(answer), ToText(ReferenceByCustomer(log.events, query, place, customers)));
}

TEST_P(EventStoreContractTest, EveryAggregate_ByCustomer_IsThatOfEachCustomerAlone) {
  for (const auto& [seed, log] : RecordLogs(*store_, 120)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(~seed);
    const auto view = View(absl::StrCat("w", seed));
    for (const Question& question : RandomScopedQuestions(random, log)) {
      SCOPED_TRACE(question.kind);
      std::visit(
          [&](const auto& query) {
            if constexpr (requires { Refer(log.events, query); }) {
              ExpectAnswerByCustomer(random, *view, log, query, question.customers);
            }
          },
          question.query);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(EventStoreContractTest, BreakdownByCustomer_OutsideItsBounds_IsRefused) {
  MustAppend({Event("e").Customer("c")});
  const auto ask = [&](std::vector<Dimension> breakdown) {
    VolumeQuery query{{EventSelector()}, {TimeRange()}, {}};
    query.scope.breakdown = std::move(breakdown);
    return View()->Volume(query);
  };
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ask({EventCustomer{-1, 1}}), refused);
  EXPECT_THAT(ask({EventCustomer{0, 0}}), refused);
  EXPECT_THAT(ask({EventCustomer{0, kBreakdownCustomerCountMax + 1}}), refused);
  EXPECT_THAT(ask({EventCustomer{0, 1}, EventCustomer{0, 1}}), refused);
  EXPECT_THAT(ask({EventField(), EventField(), EventField(), EventField()}), refused);
  const auto beside = ask({EventField(), EventField(), EventField(), EventCustomer{0, kBreakdownCustomerCountMax}});
  ASSERT_THAT(beside, IsOk());
  EXPECT_THAT(beside->front().groups, SizeIs(1));
  const auto nobody = ask({EventCustomer{1'000'000'000'000, 5}});
  ASSERT_THAT(nobody, IsOk());
  EXPECT_THAT(nobody->front().groups, IsEmpty());
}

// ---- Cells ----------------------------------------------------------------------------------------------------------

// A cell of a question, and how it is read from an aggregate.
template <typename Cell, typename Aggregate>
struct Picked {
  Cell cell;
  std::function<int64_t(const Aggregate&)> number;
  bool counts_customers = false;  // once each
};

struct Nothing {};

Picked<Nothing, VolumeAggregate> Pick(Random&, const VolumeQuery&, const VolumeAggregate&) {
  return {{}, [](const VolumeAggregate& a) { return a.customers; }, true};
}

Picked<ScoreCell, ScoreHistogram> Pick(Random& random, const ScoreQuery&, const ScoreHistogram&) {
  ScoreCell cell;
  cell.score_min = Below(random, 3) - 1;
  cell.score_max = cell.score_min + Below(random, 103) - 1;
  cell.other = Chance(random, 40);
  cell.missing = Chance(random, 40);
  return {cell, [cell](const ScoreHistogram& a) {
            int64_t number = cell.other ? a.other : 0;
            if (cell.missing) number += a.missing;
            for (int i = 0; i <= 100; ++i) {
              if (i >= cell.score_min && i <= cell.score_max) number += a.counts[static_cast<size_t>(i)];
            }
            return number;
          }};
}

Picked<StepCell, StepReach> Pick(Random& random, const StepQuery& query, const StepReach&) {
  StepCell cell{static_cast<size_t>(Below(random, static_cast<int>(query.steps.size()))), false};
  size_t next = cell.step + 1;
  while (next < query.steps.size() && query.steps[next].optional) ++next;
  cell.lost = Chance(random, 60) && next < query.steps.size() && !query.steps[cell.step].optional;
  return {cell, [cell, next](const StepReach& a) { return a.reached[cell.step] - (cell.lost ? a.reached[next] : 0); },
          query.run.correlation_property.empty()};
}

Picked<GraphCell, TransitionGraph> Pick(Random& random, const GraphQuery&, const TransitionGraph& graph) {
  GraphCell cell{std::nullopt, "nothing"};
  if (!graph.edges.empty() && Chance(random, 80)) {
    const auto edge = std::next(graph.edges.begin(), Below(random, static_cast<int>(graph.edges.size())));
    cell = {edge->first.first, edge->first.second};
  } else if (!graph.nodes.empty() && Chance(random, 80)) {
    cell.to = std::next(graph.nodes.begin(), Below(random, static_cast<int>(graph.nodes.size())))->first;
  }
  return {cell, [cell](const TransitionGraph& a) -> int64_t {
            if (!cell.from.has_value()) return a.nodes.contains(cell.to) ? a.nodes.at(cell.to).events : 0;
            return a.edges.contains({*cell.from, cell.to}) ? a.edges.at({*cell.from, cell.to}).count : 0;
          }};
}

Picked<VariantCounts::Variant, VariantCounts> Pick(Random& random, const VariantQuery& query,
                                                   const VariantCounts& counts) {
  VariantCounts::Variant way = {"visit"};
  if (!counts.variants.empty() && Chance(random, 90)) {
    way = std::next(counts.variants.begin(), Below(random, static_cast<int>(counts.variants.size())))->first;
  }
  return {way, [way](const VariantCounts& a) { return a.variants.contains(way) ? a.variants.at(way) : 0; },
          query.run.correlation_property.empty()};
}

Picked<CohortCell, CohortMatrix> Pick(Random& random, const CohortQuery& query, const CohortMatrix& matrix) {
  CohortCell cell{absl::CivilDay(1970, 1, 1), std::nullopt};
  if (!matrix.cohorts.empty()) {
    cell.cohort = std::next(matrix.cohorts.begin(), Below(random, static_cast<int>(matrix.cohorts.size())))->first;
  }
  if (Chance(random, 70))
    cell.period = Below(random, Chance(random, 70) ? std::min(query.period_count, 3) : query.period_count);
  return {cell,
          [cell](const CohortMatrix& a) -> int64_t {
            if (!a.cohorts.contains(cell.cohort)) return 0;
            const CohortMatrix::Cohort& cohort = a.cohorts.at(cell.cohort);
            return cell.period.has_value() ? cohort.active[static_cast<size_t>(*cell.period)] : cohort.customers;
          },
          true};
}

Picked<StageCell, StageTimes> Pick(Random& random, const StageQuery& query, const StageTimes&) {
  StageCell cell{static_cast<size_t>(Below(random, static_cast<int>(query.stages.size()))),
                 static_cast<StageCell::State>(Below(random, 3))};
  return {cell, [cell](const StageTimes& a) {
            const StageTimes::Stage& stage = a.stages[cell.stage];
            if (cell.state == StageCell::State::kEnded) return stage.ended.count();
            return cell.state == StageCell::State::kInside ? stage.inside_count : stage.entered;
          }};
}

Picked<RevenueCell, RevenueMovements> Pick(Random& random, const RevenueQuery& query,
                                           const RevenueMovements& movements) {
  using Month = RevenueMovements::Month;
  constexpr int64_t Month::*kNumbers[] = {&Month::start_customers,       &Month::fresh_customers,
                                          &Month::reactivated_customers, &Month::expanded_customers,
                                          &Month::contracted_customers,  &Month::churned_customers,
                                          &Month::end_customers};
  RevenueCell cell{static_cast<size_t>(Below(random, query.month_count)), kNumbers[Below(random, std::size(kNumbers))]};
  for (int more = 30; more > 0 && movements.months[cell.month].*cell.customers == 0; --more) {  // most months are empty
    cell = {static_cast<size_t>(Below(random, query.month_count)), kNumbers[Below(random, std::size(kNumbers))]};
  }
  return {cell, [cell](const RevenueMovements& a) { return a.months[cell.month].*cell.customers; }, true};
}

Picked<PurchaseCell, PurchaseSummary> Pick(Random& random, const PurchaseQuery&, const PurchaseSummary&) {
  PurchaseCell cell{Below(random, 4), Below(random, 5)};
  if (Chance(random, 30)) cell.days_max = std::numeric_limits<int64_t>::max();
  return {cell,
          [cell](const PurchaseSummary& a) {
            int64_t number = 0;
            for (const auto& entry : a.rows.entries()) {
              number += entry.row.frequency + 1 >= cell.days_min && entry.row.frequency + 1 <= cell.days_max;
            }
            return number;
          },
          true};
}

template <typename Query, typename Cell>
absl::StatusOr<CustomerCell> Make(const Query& query, const GroupKey& group, const Cell& cell) {
  return CustomerCell::Of(query, group, cell);
}
absl::StatusOr<CustomerCell> Make(const VolumeQuery& query, const GroupKey& group, const Nothing&) {
  return CustomerCell::Of(query, group);
}

// All pages, of up to three.
std::vector<std::string> ListAll(Random& random, const EventView& view, const CustomerCell& cell) {
  std::vector<std::string> out;
  std::optional<int64_t> from = 0;
  int64_t last = -1;
  while (from.has_value()) {
    const int limit = 1 + Below(random, 3);
    const auto page = FindCellCustomers(view, cell, *from, limit);
    EXPECT_THAT(page, IsOk());
    if (!page.ok()) break;
    EXPECT_LE(page->customers.size(), static_cast<size_t>(limit));
    EXPECT_EQ(page->customers.size() == static_cast<size_t>(limit) || !page->next_ordinal.has_value(), true);
    for (const CustomerSummary& customer : page->customers) {
      EXPECT_GT(customer.ordinal, last);
      EXPECT_GT(customer.event_count, 0);
      last = customer.ordinal;
      out.push_back(customer.customer_id);
    }
    from = page->next_ordinal;
  }
  return out;
}

// Returns how many are in the cell.
template <typename Query>
size_t ExpectCell(Random& random, const EventView& view, const Recorded& events, Query query, const CustomerIds& ids) {
  if constexpr (requires { query.collect; }) query.collect.clear();
  if constexpr (requires { query.buckets; }) {
    for (const VariantCounts::Variant& way : ReferenceWays(events, query)) {
      query.buckets.push_back(VariantCounts::BucketOf(way));
    }
  }
  Recorded meant;
  for (const v1::CustomerEvent& event : events) {
    if (IsMeant(ids, event.customer_id())) meant.push_back(event);
  }
  Query cut = query;  // as the cell's group is
  GroupKey group;
  auto answer = Refer(meant, query);
  const auto& groups = FirstWindow(answer).groups;
  if (!groups.empty() && Chance(random, 80)) {
    group = std::next(groups.begin(), Below(random, static_cast<int>(groups.size())))->first;
  } else {
    cut.scope.breakdown.clear();
    answer = Refer(meant, cut);
  }
  const auto& whole = FirstWindow(answer).groups.at(group);
  const auto picked = Pick(random, query, whole);
  std::vector<std::string> expected;
  for (const std::string& customer : CustomersOf(meant)) {
    const auto own = Refer(EventsOf(meant, customer), cut);
    const auto found = FirstWindow(own).groups.find(group);
    if (found != FirstWindow(own).groups.end() && picked.number(found->second) > 0) expected.push_back(customer);
  }
  query.scope.customers = OrdinalsOf(view, ids);
  const auto cell = Make(query, group, picked.cell);
  EXPECT_THAT(cell, IsOk());
  if (!cell.ok()) return 0;
  // A set of customers may be smaller than the log: the order of recording is that of all.
  std::vector<std::string> in_order;
  for (const std::string& customer : CustomersOf(events)) {
    if (std::find(expected.begin(), expected.end(), customer) != expected.end()) in_order.push_back(customer);
  }
  EXPECT_EQ(ListAll(random, view, *cell), in_order) << ToText(group);
  if (picked.counts_customers) {
    EXPECT_EQ(picked.number(whole), static_cast<int64_t>(expected.size()));
  } else {
    EXPECT_GE(picked.number(whole), static_cast<int64_t>(expected.size()));
  }
  return expected.size();
}

TEST_P(EventStoreContractTest, EveryCell_ListsExactlyTheCustomersWhoseOwnNumberIsAboveZero) {
  std::map<std::string, size_t> listed;
  for (const auto& [seed, log] : RecordLogs(*store_, 200)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(~seed);
    auto view = View(absl::StrCat("w", seed));
    Recorded events = log.events;
    if (Chance(random, 30)) {  // as it was when less was known
      events.resize(static_cast<size_t>(Below(random, static_cast<int>(events.size()) + 1)));
      const auto known = view->KnownAt(EventSequence{static_cast<int64_t>(events.size())});
      ASSERT_THAT(known, IsOk());
      view = *known;
    }
    for (const Question& question : RandomScopedQuestions(random, log)) {
      SCOPED_TRACE(question.kind);
      std::visit(
          [&](const auto& query) {
            if constexpr (requires { Pick(random, query, FirstWindow(Refer(events, query)).groups.at({})); }) {
              listed[question.kind] += ExpectCell(random, *view, events, query, question.customers);
            }
          },
          question.query);
      if (HasFailure()) return;
    }
  }
  if (Seeds(200).size() == 1) return;  // one seed alone
  EXPECT_THAT(listed, SizeIs(9));
  for (const auto& [kind, customers] : listed) EXPECT_GT(customers, 30u) << kind << " cells were empty";
}

// More customers than one question tells apart, and than one partition of any engine of ours holds.
TEST_P(EventStoreContractTest, CellsOfManyCustomers_AreListedPageByPage) {
  constexpr int kCustomers = 9000;
  Recorded events;
  std::vector<std::string> rare, frequent, straight;  // who buys; who visits again; who does so without buying
  for (int i = 0; i < kCustomers; ++i) {
    const std::string id = absl::StrCat("c", i);
    events.push_back(Event(absl::StrCat("visit", i)).Customer(id).Name("visit").At(i % 1000));
    if (i % 1499 == 7) {
      events.push_back(Event(absl::StrCat("buy", i)).Customer(id).Name("buy").At(2000));
      rare.push_back(id);
    }
    if (i % 3 != 0) {
      events.push_back(Event(absl::StrCat("again", i)).Customer(id).Name("visit").Channel("web").At(3000));
      frequent.push_back(id);
      if (i % 1499 != 7) straight.push_back(id);
    }
  }
  AppendAll(*store_, {{"w", events}});
  const auto view = View();
  const auto list = [&](const CustomerCell& cell, int limit) {
    std::vector<std::string> out;
    std::optional<int64_t> from = 0;
    while (from.has_value()) {
      const auto page = FindCellCustomers(*view, cell, *from, limit);
      EXPECT_THAT(page, IsOk());
      for (const CustomerSummary& customer : page->customers) out.push_back(customer.customer_id);
      from = page->next_ordinal;
    }
    return out;
  };
  StepQuery steps;
  steps.steps = {{Select({"visit"})}, {Select({"buy"})}};
  steps.windows = {TimeRange()};
  EXPECT_EQ(list(*CustomerCell::Of(steps, {}, {1, false}), 4), rare);
  EXPECT_THAT(list(*CustomerCell::Of(steps, {}, {0, true}), 1000), SizeIs(kCustomers - rare.size()));
  GraphQuery graph;
  EXPECT_EQ(list(*CustomerCell::Of(graph, {}, {"visit", "visit"}), 1000), straight);
  VariantQuery variants;
  EXPECT_EQ(list(*CustomerCell::Of(variants, {}, {"visit", "buy"}), 2), std::vector<std::string>({"c1506", "c6003"}))
      << "the others visit again";
  VolumeQuery volume{{EventSelector()}, {TimeRange()}, {}};
  volume.scope.breakdown = {EventField{"channel", {}}};
  EXPECT_EQ(list(*CustomerCell::Of(volume, {{GroupValue::Kind::kValue, "web"}}), 777), frequent);
  // None beyond the last, and pages that begin in the middle.
  const auto end = FindCellCustomers(*view, *CustomerCell::Of(graph, {}, {std::nullopt, "buy"}), 7504, 10);
  ASSERT_THAT(end, IsOk());
  EXPECT_THAT(end->customers, IsEmpty());
  EXPECT_FALSE(end->next_ordinal.has_value());
}

TEST_P(EventStoreContractTest, Cells_ThatNoAnswerHas_AreRefused) {
  MustAppend({Event("e").Customer("c")});
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  StepQuery steps;
  steps.steps = {{Select({"a"})}, {Select({"b"}), true}, {Select({"c"})}, {Select({"d"}), true}};
  steps.windows = {TimeRange()};
  EXPECT_THAT(CustomerCell::Of(steps, {}, {4, false}), refused);
  EXPECT_THAT(CustomerCell::Of(steps, {}, {1, true}), refused) << "can be left out";
  EXPECT_THAT(CustomerCell::Of(steps, {}, {2, true}), refused) << "no step must follow";
  EXPECT_THAT(CustomerCell::Of(steps, {}, {0, true}), IsOk());
  EXPECT_THAT(CustomerCell::Of(VariantQuery(), {}, VariantCounts::Variant()), refused);
  EXPECT_THAT(CustomerCell::Of(VariantQuery(), {}, VariantCounts::Variant(13, "a")), refused);
  EXPECT_THAT(CustomerCell::Of(CohortQuery(), {}, {absl::CivilDay(), 12}), refused);
  EXPECT_THAT(CustomerCell::Of(StageQuery(), {}, {0, StageCell::State::kInside}), refused);
  EXPECT_THAT(CustomerCell::Of(RevenueQuery(), {}, {12}), refused);
  VolumeQuery volume{{EventSelector()}, {TimeRange()}, {}};
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kValue, "a"}}), refused) << "there is no breakdown";
  volume.scope.breakdown = {EventCalendar()};
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kValue, "2026-01-02"}}), refused) << "no month begins then";
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kMissing, ""}}), refused);
  volume.scope.breakdown = {EventSymbols{{{"s", EventSelector()}}}};
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kValue, "t"}}), refused);
  volume.scope.breakdown = {EventField()};
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kOther, ""}}), refused) << "every value has its own";
  volume.scope.breakdown = {EventCustomer{0, 1}};
  EXPECT_THAT(CustomerCell::Of(volume, {{GroupValue::Kind::kValue, "c"}}), refused);
}

}  // namespace
}  // namespace throughline::testing
