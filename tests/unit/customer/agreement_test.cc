// What is computed per customer adds up to what the events engine computes over all, and no order of arrival, nor any
// repetition, changes either: random events and maps.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/customer/instances.h"
#include "services/customer/positions.h"
#include "services/customer/timeline.h"
#include "services/events/native/native_event_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/unit/customer/sample.h"

namespace throughline {
namespace {

using ::throughline::testing::Event;
using ::throughline::testing::Map;
using ::throughline::testing::SampleLifecycle;
using ::throughline::testing::Second;

using Random = std::mt19937_64;

int Below(Random& random, int limit) { return static_cast<int>(random() % static_cast<uint64_t>(limit)); }

// One of the seeds 1 … 8, or $THROUGHLINE_TEST_SEED.
std::vector<uint64_t> Seeds() {
  uint64_t seed = 0;
  if (const char* given = std::getenv("THROUGHLINE_TEST_SEED"); given != nullptr && absl::SimpleAtoi(given, &seed)) {
    return {seed};
  }
  std::vector<uint64_t> seeds;
  for (seed = 1; seed <= 8; ++seed) seeds.push_back(seed);
  return seeds;
}

// Few names, moments and values, so that ties and repeats happen.
std::vector<v1::CustomerEvent> RandomEvents(Random& random) {
  std::vector<v1::CustomerEvent> events;
  const int count = 50 + Below(random, 300);
  for (int i = 0; i < count; ++i) {
    v1::CustomerEvent event = Event(absl::StrCat("c", Below(random, 20)), Below(random, 60),
                                    std::string(1, static_cast<char>('a' + Below(random, 6))));
    event.set_id(absl::StrCat("e", i));
    event.set_source(Below(random, 2) == 0 ? "shop" : "crm");
    event.set_sequence(Below(random, 2));
    event.set_channel(Below(random, 2) == 0 ? "web" : "");
    if (Below(random, 6) == 0) (*event.mutable_traits())["plan"].set_string_value(Below(random, 2) == 0 ? "pro" : "x");
    if (Below(random, 12) == 0) (*event.mutable_traits())["plan"].set_null_value(google::protobuf::NULL_VALUE);
    google::protobuf::Value& value = (*event.mutable_properties())["order"];
    switch (Below(random, 5)) {
      case 0:
        value.set_number_value(Below(random, 2) == 0 ? 0.0 : -0.0);
        break;
      case 1:
        value.set_string_value(Below(random, 2) == 0 ? "0" : "");
        break;
      case 2:
        value.set_bool_value(Below(random, 2) == 0);
        break;
      case 3:
        value.set_number_value(Below(random, 2) + 0.5);
        break;
      default:
        event.clear_properties();
    }
    events.push_back(std::move(event));
  }
  return events;
}

std::shared_ptr<const CompiledMap> RandomMap(Random& random) {
  const char* const bindings[] = {"event_names: \"a\"",
                                  "event_names: \"a\" event_names: \"b\"",
                                  "event_names: \"c\" filter: \"channel = web\"",
                                  "filter: \"channel = null AND source = shop\"",
                                  "filter: \"NOT event_name = a AND properties.order > 0\"",
                                  "filter: \"traits.plan = pro\"",
                                  "filter: \"traits.plan = null AND customer.event_count > 8\"",
                                  "filter: \"customer.last_event_time > \\\"2026-01-01T00:00:50Z\\\"\"",
                                  "event_names: \"d\"",
                                  "filter: \"event_time >= \\\"2026-01-01T00:00:30Z\\\"\"",
                                  ""};
  const int touchpoints = 1 + Below(random, 6);
  std::string text;
  for (int i = 0; i < touchpoints; ++i) {
    absl::StrAppend(&text, "touchpoints { id: \"t", i, "\" event_binding { ",
                    bindings[Below(random, static_cast<int>(std::size(bindings)))], " } ",
                    Below(random, 4) == 0 ? "completes_journey: true" : "", " }\n");
  }
  const int transitions = Below(random, 8);
  for (int i = 0; i < transitions; ++i) {
    absl::StrAppend(&text, "transitions { from_touchpoint: \"t", Below(random, touchpoints), "\" to_touchpoint: \"t",
                    Below(random, touchpoints), "\" ");
    if (Below(random, 5) != 0) {
      absl::StrAppend(&text, "expected_duration { seconds: ", Below(random, 40), " nanos: ", 1 + Below(random, 2000),
                      " } ");
    }
    absl::StrAppend(&text, "}\n");
  }
  absl::StrAppend(&text, "instance_rule { ", Below(random, 2) == 0 ? "correlation_property: \"order\" " : "",
                  Below(random, 2) == 0 ? absl::StrCat("abandon_after { seconds: ", 1 + Below(random, 50), " }") : "",
                  " }");
  return Map("m", text);
}

class AgreementTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  // A store with the events, recorded in an order and in batches of its own, some of them more than once.
  std::shared_ptr<const EventView> Record(std::vector<v1::CustomerEvent> events, Random& random) {
    NativeEventStoreOptions options;
    options.directory = directory_ / absl::StrCat("events", stores_.size());
    options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<EventStore>> store = NativeEventStore::Open(options);
    EXPECT_OK(store);
    if (!store.ok()) return nullptr;
    stores_.push_back(*std::move(store));
    const size_t repeated = events.size() / 4;
    events.insert(events.end(), events.begin(), events.begin() + static_cast<int64_t>(repeated));
    std::shuffle(events.begin(), events.end(), random);
    for (size_t from = 0; from < events.size();) {
      const size_t to = std::min(events.size(), from + 1 + random() % 100);
      std::vector<const v1::CustomerEvent*> batch;
      for (; from < to; ++from) batch.push_back(&events[from]);
      EXPECT_OK(stores_.back()->AppendAndWait("w", batch));
    }
    absl::StatusOr<std::shared_ptr<const EventView>> view = stores_.back()->View("w");
    EXPECT_OK(view);
    return view.ok() ? *view : nullptr;
  }

  static std::vector<v1::JourneyInstance> Instances(const EventView& view, const CompiledMap& map,
                                                    const std::string& customer, absl::Time now) {
    const auto page =
        ListJourneyInstances(view, {std::make_shared<CompiledMap>(map)}, "workspaces/w", customer, 0, 1'000'000, now);
    EXPECT_OK(page);
    return page.ok() ? page->instances : std::vector<v1::JourneyInstance>();
  }

  testing::FakeClock clock_;
  testing::TempDir directory_;
  std::vector<std::unique_ptr<EventStore>> stores_;
};

// The positions of all runs, counted one run after the other.
v1::JourneyMapPositions CountRuns(const CompiledMap& map, const std::vector<v1::JourneyInstance>& instances,
                                  EventSequence watermark) {
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < map.touchpoints.size(); ++i) index[map.touchpoints[i].id] = i;
  RunPositions positions;
  positions.touchpoints.resize(map.touchpoints.size());
  for (const v1::JourneyInstance& instance : instances) {
    std::vector<bool> seen(map.touchpoints.size(), false);
    std::set<std::pair<int, int>> taken;
    for (int i = 0; i < instance.visits_size(); ++i) {
      const size_t at = index[instance.visits(i).touchpoint()];
      ++positions.touchpoints[at].visits;
      if (!seen[at]) ++positions.touchpoints[at].runs;
      seen[at] = true;
      if (i == 0) continue;
      const size_t before = index[instance.visits(i - 1).touchpoint()];
      const std::pair<int, int> ends(static_cast<int>(before), static_cast<int>(at));
      RunPositions::Transition& edge = positions.transitions[ends];
      ++edge.count;
      if (taken.insert(ends).second) ++edge.runs;
      edge.durations.Add((instance.visits(i).visit_time().seconds() - instance.visits(i - 1).visit_time().seconds()) *
                         1'000'000);
    }
    RunPositions::Counts& counts = positions.touchpoints[index[instance.position()]].positions;
    ++(instance.status() == v1::JourneyInstance::ACTIVE      ? counts.active
       : instance.status() == v1::JourneyInstance::COMPLETED ? counts.completed
       : instance.status() == v1::JourneyInstance::ABANDONED ? counts.abandoned
                                                             : counts.stalled);
  }
  return MakeJourneyMapPositions(map, positions, watermark);
}

TEST_P(AgreementTest, RunsOfAllCustomers_AddUpToThePositions) {
  Random random(GetParam());
  const std::shared_ptr<const EventView> view = Record(RandomEvents(random), random);
  ASSERT_NE(view, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto customers, view->ListCustomers(0, 1000));
  for (int round = 0; round < 8; ++round) {
    const auto map = RandomMap(random);
    const absl::Time now = Second(Below(random, 120)) + absl::Nanoseconds(Below(random, 2000));
    std::vector<v1::JourneyInstance> all;
    for (const CustomerSummary& customer : customers) {
      for (v1::JourneyInstance& instance : Instances(*view, *map, customer.customer_id, now)) {
        all.push_back(std::move(instance));
      }
    }
    EXPECT_THAT(GetJourneyMapPositions(*view, *map, now),
                testing::IsOkAndHolds(testing::EqualsProto(CountRuns(*map, all, view->watermark()))))
        << "seed " << GetParam() << "\n"
        << map->map.DebugString();
  }
}

TEST_P(AgreementTest, OrderAndRepetitionOfArrival_ChangeNothing) {
  Random random(GetParam());
  const std::vector<v1::CustomerEvent> events = RandomEvents(random);
  const auto one = Record(events, random);
  const auto other = Record(events, random);
  ASSERT_TRUE(one != nullptr && other != nullptr);
  const auto map = RandomMap(random);
  const absl::Time now = Second(Below(random, 120));
  ASSERT_OK_AND_ASSIGN(const auto customers, one->ListCustomers(0, 1000));
  for (const CustomerSummary& customer : customers) {
    const std::string& id = customer.customer_id;
    const auto left = Instances(*one, *map, id, now);
    const auto right = Instances(*other, *map, id, now);
    ASSERT_EQ(left.size(), right.size()) << "seed " << GetParam();
    for (size_t i = 0; i < left.size(); ++i) EXPECT_THAT(left[i], testing::EqualsProto(right[i]));

    TimelineRequest request;
    request.customer_id = id;
    request.page_size = 1000;
    ASSERT_OK_AND_ASSIGN(auto line, ListTimelineEntries(*one, SampleLifecycle(), {map}, "workspaces/w", request));
    ASSERT_OK_AND_ASSIGN(auto same, ListTimelineEntries(*other, SampleLifecycle(), {map}, "workspaces/w", request));
    ASSERT_EQ(line.entries.size(), same.entries.size());
    for (size_t i = 0; i < line.entries.size(); ++i) {
      line.entries[i].clear_record_time();  // when it arrived is the one thing that differs
      same.entries[i].clear_record_time();
      EXPECT_THAT(line.entries[i], testing::EqualsProto(same.entries[i])) << "seed " << GetParam();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgreementTest, ::testing::ValuesIn(Seeds()));

}  // namespace
}  // namespace throughline
