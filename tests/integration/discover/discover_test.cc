// Maps drafted from real logs: recorded by the native engine, drafted, stored, published, and held against the same
// events.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/customer/positions.h"
#include "services/events/native/native_event_store.h"
#include "services/events/xes_reader.h"
#include "services/journey/discover.h"
#include "services/journey/exchange.h"
#include "services/journey/mermaid.h"
#include "services/journey/publish.h"
#include "services/journey/validate.h"
#include "tests/support/catalog_fixture.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;

constexpr char kMap[] = "workspaces/w/journeyMaps/draft";

class DiscoverTest : public testing::CatalogFixture {
 protected:
  void Import(const std::string& path) {
    clock_.Set(absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone()));
    NativeEventStoreOptions options;
    options.directory = directory_ / "events";
    options.clock = &clock_;
    ASSERT_OK_AND_ASSIGN(store_, NativeEventStore::Open(options));
    ASSERT_OK_AND_ASSIGN(auto source, OpenByteSource(path));
    XesOptions xes;
    xes.source = "log";
    const std::unique_ptr<EventReader> reader = MakeXesEventReader(std::move(source), xes);
    std::vector<v1::CustomerEvent> batch;
    const auto record = [&] {
      std::vector<const v1::CustomerEvent*> pointers;
      for (const v1::CustomerEvent& event : batch) pointers.push_back(&event);
      EXPECT_OK(store_->AppendAndWait("w", pointers));
      batch.clear();
    };
    RowProblem problem;
    while (true) {
      v1::CustomerEvent event;
      const EventReader::Outcome outcome = reader->Next(event, problem);
      if (outcome == EventReader::Outcome::kEnd) break;
      ASSERT_EQ(outcome, EventReader::Outcome::kEvent) << problem.message;
      batch.push_back(std::move(event));
      if (batch.size() == 5000) record();
    }
    if (!batch.empty()) record();
    ASSERT_OK_AND_ASSIGN(view_, store_->View("w"));
  }

  v1::JourneyMap Draft() {
    const absl::StatusOr<Grouped<TransitionGraph>> graph = view_->Graph(GraphQuery());
    EXPECT_OK(graph);
    if (!graph.ok()) return {};
    graph_ = graph->whole();
    DiscoverOptions options;
    options.workspace_name = "workspaces/w";
    return DiscoverJourneyMap(graph_, options);
  }

  // Stores and publishes the draft; where all runs stand then.
  v1::JourneyMapPositions PublishAndCount(const v1::JourneyMap& draft) {
    const absl::StatusOr<Revision> revision = catalog_->Write([&](WriteTransaction& transaction) -> absl::Status {
      if (absl::Status status = ValidateJourneyMap(draft, "workspaces/w", transaction); !status.ok()) return status;
      if (absl::Status status = transaction.Put(kMap, draft); !status.ok()) return status;
      return PublishJourneyMap(transaction, kMap, "").status();
    });
    EXPECT_OK(revision);
    PublishedMaps maps(*catalog_);
    const auto map = maps.Find(kMap);
    EXPECT_OK(map);
    if (!map.ok()) return {};
    const auto positions = GetJourneyMapPositions(*view_, **map, clock_.Now());
    EXPECT_OK(positions);
    return positions.ok() ? *positions : v1::JourneyMapPositions();
  }

  std::unique_ptr<EventStore> store_;
  std::shared_ptr<const EventView> view_;
  TransitionGraph graph_;
};

int64_t Visits(const v1::JourneyMapPositions& positions) {
  int64_t visits = 0;
  for (const v1::TouchpointPosition& touchpoint : positions.touchpoints()) visits += touchpoint.visit_count();
  return visits;
}

// The textbook log: six requests for compensation.
TEST_F(DiscoverTest, RunningExample_ReadsLikeTheProcess) {
  const std::string path = testing::DataPath("event_logs/running-example.xes");
  REQUIRE_DATA(path);
  Import(path);
  const v1::JourneyMap map = Draft();
  EXPECT_EQ(graph_.events, 42);
  EXPECT_EQ(graph_.edges.size(), 16u);
  std::vector<std::string> names;
  std::vector<std::string> completing;
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
    names.push_back(touchpoint.display_name());
    if (touchpoint.completes_journey()) completing.push_back(touchpoint.id());
  }
  EXPECT_EQ(names.front(), "Register request");
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("Register request", "Examine casually", "Examine thoroughly",
                                                     "Check ticket", "Decide", "Reinitiate request", "Pay compensation",
                                                     "Reject request"));
  EXPECT_THAT(completing, ::testing::UnorderedElementsAre("pay-compensation", "reject-request"));
  // After an examination or check comes the decision, after which three of six requests begin again.
  const auto way = [&](const std::string& id) {
    const auto found = std::find_if(map.transitions().begin(), map.transitions().end(),
                                    [&](const v1::Transition& transition) { return transition.id() == id; });
    return found == map.transitions().end() ? v1::Transition() : *found;
  };
  EXPECT_EQ(way("check-ticket-to-decide").kind(), v1::Transition::SEQUENCE);
  EXPECT_NEAR(way("decide-to-reinitiate-request").expected_share(), 3.0 / 9, 1e-12);

  const v1::JourneyMapPositions positions = PublishAndCount(map);
  EXPECT_EQ(positions.instance_count(), 6);
  EXPECT_EQ(positions.status_counts().completed(), 6);
  EXPECT_EQ(Visits(positions), 42);
}

// A bank's loan applications: loops, rework, 24 activities, 4366 variants.
TEST_F(DiscoverTest, Bpi2012_IsAMapOfAtMostSevenPhases) {
  const std::string path = testing::DataPath("event_logs/bpi_challenge_2012.xes.gz");
  REQUIRE_DATA(path);
  Import(path);
  const v1::JourneyMap map = Draft();
  EXPECT_EQ(graph_.runs, 13087);
  EXPECT_EQ(graph_.events, 262200);
  EXPECT_EQ(graph_.edges.size(), 125u);
  EXPECT_EQ(map.touchpoints_size(), 24);
  EXPECT_GE(map.phases_size(), 3);
  EXPECT_LE(map.phases_size(), 7);
  EXPECT_EQ(map.touchpoints(0).display_name(), "A submitted");
  EXPECT_EQ(map.touchpoints(1).display_name(), "A partlysubmitted");
  EXPECT_EQ(map.transitions(0).id(), "a-submitted-to-a-partlysubmitted");
  EXPECT_EQ(map.transitions(0).expected_share(), 1);
  std::set<std::string> used;
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) used.insert(touchpoint.phase());
  EXPECT_EQ(used.size(), static_cast<size_t>(map.phases_size())) << "no phase is empty";

  const v1::JourneyMapPositions positions = PublishAndCount(map);
  EXPECT_EQ(positions.instance_count(), 13087);
  EXPECT_EQ(Visits(positions), 262200);
  EXPECT_EQ(positions.touchpoints(0).visit_count(), 13087);
  EXPECT_EQ(positions.transitions_size(), 125);

  ASSERT_OK_AND_ASSIGN(const std::string mermaid, ExportJourneyMap(map, v1::MERMAID, {}));
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap again, ImportJourneyMap(mermaid, v1::MERMAID, {}));
  EXPECT_EQ(again.touchpoints_size(), 24);
  EXPECT_EQ(again.phases_size(), map.phases_size());
  RecordProperty("phases", map.phases_size());
  if (const char* show = std::getenv("THROUGHLINE_SHOW"); show != nullptr) fputs(mermaid.c_str(), stdout);
}

}  // namespace
}  // namespace throughline
