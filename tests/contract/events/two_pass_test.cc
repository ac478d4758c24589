// Exact answers in two passes, against sorting everything.
#include "services/events/two_pass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_logs.h"
#include "tests/contract/events/reference_aggregates.h"

namespace throughline::testing {
namespace {

// The metric's definition: the value at zero-based rank ⌈q·n⌉ − 1, at least 0. q in thousandths.
int64_t Quantile(const std::vector<int64_t>& sorted, int64_t thousandths) {
  const auto n = static_cast<int64_t>(sorted.size());
  return sorted[static_cast<size_t>(std::max<int64_t>(0, (thousandths * n + 999) / 1000 - 1))];
}

std::string Text(const TopVariants& top) {
  std::string out = absl::StrCat(top.runs, " runs");
  for (const VariantCount& variant : top.variants) {
    absl::StrAppend(&out, "\n", variant.runs, " ", absl::StrJoin(variant.variant, " > "));
  }
  return out;
}

std::string ExpectedTop(const std::vector<VariantCounts::Variant>& ways, int count) {
  std::map<VariantCounts::Variant, int64_t> counts;
  for (const VariantCounts::Variant& way : ways) ++counts[way];
  TopVariants out;
  out.runs = static_cast<int64_t>(ways.size());
  for (const auto& [way, runs] : counts) out.variants.push_back({way, runs});
  // Those of equal frequency are in order of their symbols already.
  std::stable_sort(out.variants.begin(), out.variants.end(),
                   [](const VariantCount& a, const VariantCount& b) { return a.runs > b.runs; });
  out.variants.resize(std::min(out.variants.size(), static_cast<size_t>(count)));
  return Text(out);
}

TEST_P(EventStoreContractTest, FindTopVariants_AreTheFirstOfAllSorted) {
  for (const uint64_t seed : Seeds(3)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(seed);
    // Some hundred variants, most of them of one run: more buckets than are read first.
    std::vector<v1::CustomerEvent> events = RandomEvents(random, 2000);
    for (size_t i = 0; i < events.size(); ++i) events[i].set_customer_id(absl::StrCat("c", random() % 700));
    StartAnew();
    MustAppend(events);
    const auto view = View();
    for (const int length_max : {1, 2, 12}) {
      VariantQuery query;
      query.length_max = length_max;
      query.buckets = {1, 2, 3};  // ignored
      const std::vector<VariantCounts::Variant> ways = ReferenceWays(events, query);
      for (const int count : {0, 1, 3, 20, 65, 10'000}) {
        const auto top = FindTopVariants(*view, query, count);
        ASSERT_THAT(top, IsOk());
        EXPECT_EQ(Text(*top), ExpectedTop(ways, count)) << count << " of length " << length_max;
      }
    }
  }
}

TEST_P(EventStoreContractTest, FindTopVariants_OfNothing_AreNone) {
  const auto top = FindTopVariants(*View(), VariantQuery(), 5);
  ASSERT_THAT(top, IsOk());
  EXPECT_EQ(Text(*top), "0 runs");
}

TEST_P(EventStoreContractTest, FindStageQuantiles_OfFewStays_AreThoseOfAllSorted) {
  for (const uint64_t seed : Seeds(5)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(seed);
    const std::vector<v1::CustomerEvent> events = RandomEvents(random, 120);
    StartAnew();
    MustAppend(events);
    StageQuery query;
    query.stages = {Select({"visit"}), Select({"cart", "buy"}), Select({"never"})};
    const auto found = FindStageQuantiles(*View(), query, {0, 0.5, 0.9, 1});
    ASSERT_THAT(found, IsOk());
    const StageTimes expected = ReferenceStages(events, query).whole();
    for (size_t stage = 0; stage < query.stages.size(); ++stage) {
      std::vector<int64_t> micros;
      if (expected.stages[stage].ended.count() > 0) {
        const std::vector<int64_t>& sorted = expected.stages[stage].ended.values();
        micros = {Quantile(sorted, 0), Quantile(sorted, 500), Quantile(sorted, 900), Quantile(sorted, 1000)};
      }
      EXPECT_EQ(found->micros[stage], micros);
    }
  }
}

// One customer with two hundred thousand events: more stays in each stage than a sketch keeps one by one.
TEST_P(EventStoreContractTest, FindStageQuantiles_OfMoreStaysThanASketchKeeps_AreExact) {
  constexpr int kEvents = 200'000;
  Random random(17);
  std::vector<std::vector<int64_t>> sorted(2);
  int64_t seconds = 0;
  std::vector<v1::CustomerEvent> batch;
  for (int i = 0; i < kEvents; ++i) {
    const int stage = i % 2;
    batch.push_back(Event(absl::StrCat("e", i)).Name(stage == 0 ? "visit" : "cart").At(seconds));
    const auto stay = static_cast<int64_t>(random() % 100'000) * (stage + 1);
    if (i + 1 < kEvents) sorted[static_cast<size_t>(stage)].push_back(stay * 1'000'000);
    seconds += stay;
    if (batch.size() == 20'000) {
      MustAppend(batch);
      batch.clear();
    }
  }
  for (std::vector<int64_t>& stays : sorted) std::sort(stays.begin(), stays.end());
  const auto view = View();
  StageQuery query;
  query.stages = {Select({"visit"}), Select({"cart"})};
  const auto found = FindStageQuantiles(*view, query, {0, 0.001, 0.25, 0.5, 0.9, 0.999, 1});
  ASSERT_THAT(found, IsOk());
  for (size_t stage = 0; stage < 2; ++stage) {
    ASSERT_GT(static_cast<int64_t>(sorted[stage].size()), DurationSketch::kExactMax);
    std::vector<int64_t> expected;
    for (const int64_t q : {0, 1, 250, 500, 900, 999, 1000}) expected.push_back(Quantile(sorted[stage], q));
    EXPECT_EQ(found->micros[stage], expected);
    EXPECT_EQ(found->times.stages[stage].ended.count(), static_cast<int64_t>(sorted[stage].size()));
  }
  EXPECT_EQ(found->times.stages[1].inside_count, 1);

  // What else such a customer is asked.
  const auto graph = view->Graph(GraphQuery());
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->whole().runs, 1);
  EXPECT_EQ((graph->whole().edges.at({"visit", "cart"}).count), kEvents / 2);
  EXPECT_EQ((graph->whole().edges.at({"cart", "visit"}).count), kEvents / 2 - 1);
  StepQuery steps;
  steps.steps = {{Select({"visit"})}, {Select({"cart"})}, {Select({"visit"})}};
  steps.windows = {TimeRange()};
  const auto reach = view->Steps(steps);
  ASSERT_THAT(reach, IsOk());
  EXPECT_THAT((*reach)[0].whole().reached, ::testing::ElementsAre(1, 1, 1));
  FeatureQuery features;
  features.features = {{Select({"cart"}), FeatureQuery::Kind::kCount}};
  const auto row = view->Features(features);
  ASSERT_THAT(row, IsOk());
  EXPECT_EQ(row->whole().rows.entries().at(0).row.at(0), kEvents / 2);
}

TEST_P(EventStoreContractTest, TwoPasses_WithABreakdown_AreInvalidArgument) {
  VariantQuery variants;
  variants.scope.breakdown = {EventField()};
  EXPECT_THAT(FindTopVariants(*View(), variants, 5), StatusIs(absl::StatusCode::kInvalidArgument));
  StageQuery stages;
  stages.stages = {EventSelector()};
  stages.scope.breakdown = {EventField()};
  EXPECT_THAT(FindStageQuantiles(*View(), stages, {0.5}), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace throughline::testing
