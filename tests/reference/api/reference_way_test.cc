// Conformance, hand-offs and what-if through the API against the published numbers: the running example of six
// requests, and cases of BPI 2012, of which the models say the same when they read the file themselves.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/events/byte_source.h"
#include "services/events/xes_reader.h"
#include "tests/reference/api/reference_api_fixture.h"
#include "tests/support/map_of_variants.h"
#include "tests/support/xes_log.h"
#include "throughline/models/conformance.h"
#include "throughline/models/paths.h"

namespace throughline::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kRunningExample[] = "event_logs/running-example.xes";
constexpr char kBpi2012[] = "event_logs/bpi_challenge_2012.xes.gz";

// "register request" → "register-request", "A_SUBMITTED" → "a-submitted".
std::string IdOf(const std::string& name) {
  std::string id;
  for (const char c : name) {
    id += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? absl::ascii_tolower(static_cast<unsigned char>(c)) : '-';
  }
  return id;
}

std::vector<std::string> WithIds(std::vector<std::string> names) {
  for (std::string& name : names) name = IdOf(name);
  return names;
}

class WayReferenceTest : public ReferenceApiTest {
 protected:
  // The first `cases` of a log, with who did it as department.
  void RecordLog(const std::string& path, int cases) {
    auto source = OpenByteSource(path);
    ASSERT_OK(source);
    const auto reader = MakeXesEventReader(*std::move(source), {.source = "log",
                                                                .event_name_attribute = "concept:name",
                                                                .customer_attribute = "concept:name",
                                                                .department_attribute = "org:resource",
                                                                .department = "",
                                                                .channel = "",
                                                                .trace_properties = false});
    std::vector<v1::CustomerEvent> events;
    std::set<std::string> customers;
    v1::CustomerEvent event;
    RowProblem problem;
    for (auto outcome = reader->Next(event, problem); outcome != EventReader::Outcome::kEnd;
         outcome = reader->Next(event, problem)) {
      ASSERT_EQ(outcome, EventReader::Outcome::kEvent) << problem.message;
      customers.insert(event.customer_id());
      if (static_cast<int>(customers.size()) > cases) break;
      events.push_back(event);
    }
    Record(std::move(events));
  }

  // Publishes a new version of the map that has these touchpoints, ways and ends.
  void Publish(const MapGraph& graph) {
    v1::JourneyMap map;
    map.set_display_name("Map");
    v1::Phase& phase = *map.add_phases();
    phase.set_id("phase");
    phase.set_display_name("Phase");
    for (const MapGraph::Node& node : graph.nodes) {
      v1::Touchpoint& touchpoint = *map.add_touchpoints();
      touchpoint.set_id(IdOf(node.name));
      touchpoint.set_phase("phase");
      touchpoint.set_display_name(node.name);
      touchpoint.mutable_event_binding()->add_event_names(node.name);
      touchpoint.set_completes_journey(node.end);
    }
    for (size_t i = 0; i < graph.edges.size(); ++i) {
      v1::Transition& transition = *map.add_transitions();
      transition.set_id(absl::StrCat("way-", i));
      transition.set_from_touchpoint(IdOf(graph.edges[i].from));
      transition.set_to_touchpoint(IdOf(graph.edges[i].to));
    }
    const std::string id = absl::StrCat("map-", ++maps_made_);
    v1::CreateJourneyMapRequest request;
    request.set_parent("workspaces/w");
    request.set_journey_map_id(id);
    *request.mutable_journey_map() = std::move(map);
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::CreateJourneyMap, request));
    map_name_ = absl::StrCat("workspaces/w/journeyMaps/", id);
    v1::PublishJourneyMapRequest publication;
    publication.set_name(map_name_);
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::PublishJourneyMap, publication));
  }

  absl::StatusOr<v1::QueryConformanceResponse> Conformance() {
    return Ask(&Analysis::QueryConformance, absl::StrCat("limit: 1000 journey_map: '", map_name_, "'"));
  }

 private:
  int maps_made_ = 0;
  std::string map_name_;
};

std::vector<std::vector<std::string>> Ways(const RunLog& log, size_t limit) {
  std::vector<std::vector<std::string>> ways;
  const std::vector<VariantShare> shares = *VariantShares(VariantsOf(log), limit, {});
  for (const VariantShare& share : shares) ways.push_back(share.touchpoints);
  return ways;
}

// ---- The running example --------------------------------------------------------------------------------------------

TEST_F(WayReferenceTest, RunningExample_HandoffsByResourceAndRework) {
  const std::string path = DataPath(kRunningExample);
  REQUIRE_DATA(path);
  RecordLog(path, 6);
  ASSERT_OK_AND_ASSIGN(const auto answer, Ask(&Analysis::QueryHandoffs, ""));
  EXPECT_EQ(answer.read().run_count(), 6);
  EXPECT_EQ(answer.read().visit_count(), 42);
  EXPECT_EQ(answer.handoff_share().details().at("handoffs"), 32);
  EXPECT_EQ(answer.handoff_share().details().at("pairs"), 36);
  EXPECT_EQ(answer.handoff_share().n(), 36);
  EXPECT_NEAR(answer.handoff_share().value(), 32.0 / 36, 1e-12);
  std::map<std::string, double> rework;
  for (const v1::Rework& each : answer.rework()) {
    EXPECT_EQ(each.run_share().n(), 6);
    rework[each.symbol()] = each.run_share().details().at("runs");
  }
  EXPECT_THAT(rework, UnorderedElementsAre(Pair("check ticket", 2), Pair("decide", 2), Pair("examine casually", 1),
                                           Pair("reinitiate request", 1)));
  // The property holds the same as the department.
  ASSERT_OK_AND_ASSIGN(const auto by_property, Ask(&Analysis::QueryHandoffs, "field: 'properties.org_resource'"));
  EXPECT_EQ(by_property.read().visit_count(), 42);
}

TEST_F(WayReferenceTest, RunningExample_MapOfAllWays_FitsEachRun) {
  const std::string path = DataPath(kRunningExample);
  REQUIRE_DATA(path);
  RecordLog(path, 6);
  Publish(MapOfVariants(Ways(XesLog::Read(path), 100)));
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  EXPECT_EQ(answer.alignment_fitness().value(), 1);
  EXPECT_EQ(answer.alignment_fitness().n(), 6);
  EXPECT_EQ(answer.token_fitness().value(), 1);
  EXPECT_EQ(answer.conforming().value(), 1);
  EXPECT_THAT(answer.variants(), SizeIs(6));
  EXPECT_THAT(answer.deviations(), IsEmpty());
  EXPECT_THAT(answer.off_map_ways(), IsEmpty());
  EXPECT_THAT(answer.dead_touchpoints(), IsEmpty());
}

// Each way in its turn is left off the map: it is named, with the runs that took it, and no other is.
TEST_F(WayReferenceTest, RunningExample_WayTakenOffTheMap_IsNamedWithItsRuns) {
  const std::string path = DataPath(kRunningExample);
  REQUIRE_DATA(path);
  RecordLog(path, 6);
  const std::vector<std::vector<std::string>> ways = Ways(XesLog::Read(path), 100);
  const MapGraph whole = MapOfVariants(ways);
  ASSERT_EQ(whole.edges.size(), 16);
  for (size_t i = 0; i < whole.edges.size(); ++i) {
    const auto& [from, to, promise] = whole.edges[i];
    SCOPED_TRACE(absl::StrCat(from, " > ", to));
    MapGraph map = whole;
    map.edges.erase(map.edges.begin() + static_cast<int64_t>(i));
    Publish(map);
    int runs = 0;  // each variant is one run
    for (const std::vector<std::string>& way : ways) {
      bool took = false;
      for (size_t k = 1; k < way.size(); ++k) took = took || (way[k - 1] == from && way[k] == to);
      runs += took ? 1 : 0;
    }
    ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
    ASSERT_THAT(answer.off_map_ways(), SizeIs(1));
    EXPECT_EQ(answer.off_map_ways(0).from_touchpoint(), IdOf(from));
    EXPECT_EQ(answer.off_map_ways(0).to_touchpoint(), IdOf(to));
    EXPECT_EQ(answer.off_map_ways(0).impact().share().details().at("runs"), runs);
    EXPECT_EQ(answer.conforming().details().at("runs"), 6 - runs);
    EXPECT_THAT(answer.deviations(), ::testing::Not(IsEmpty()));
    EXPECT_LT(answer.alignment_fitness().value(), 1);
  }
}

// Three of the nine decisions are made again. Each of six runs is compensated in the end, or rejected: three and three.
TEST_F(WayReferenceTest, RunningExample_WhatIfNobodyHadToAskAgain) {
  const std::string path = DataPath(kRunningExample);
  REQUIRE_DATA(path);
  RecordLog(path, 6);
  ASSERT_OK_AND_ASSIGN(const auto answer, Ask(&Analysis::QueryWhatIf,
                                              R"pb(goal: "pay compensation"
                                                   changes { from: "decide" to: "reinitiate request" share: 0 }
                                                   revenue_per_visit_minor { key: "check ticket" value: -1 })pb"));
  EXPECT_EQ(answer.instance_count(), 6);
  EXPECT_NEAR(answer.conversion().before().value(), 0.5, 1e-12);
  EXPECT_NEAR(answer.conversion().after().value(), 0.5, 1e-12);
  EXPECT_NEAR(answer.revenue_minor().before().value(), -9.0 / 6, 1e-12) << "nine tickets are checked";
  EXPECT_NEAR(answer.revenue_minor().after().value(), -1, 1e-12);
  EXPECT_LT(answer.seconds().difference().value(), 0);
}

// ---- BPI 2012 -------------------------------------------------------------------------------------------------------

// The log as a map of these touchpoints shows it, by their ids: what has none is not seen.
RunLog SeenThrough(RunLog log, const MapGraph& map) {
  std::set<std::string> seen;
  for (const MapGraph::Node& node : map.nodes) seen.insert(node.name);
  for (std::string& name : log.touchpoints) name = IdOf(name);
  for (RunLog::Run& run : log.runs) {
    std::erase_if(run.visits, [&](const RunLog::Visit& visit) {
      return seen.count(log.touchpoints[static_cast<size_t>(visit.touchpoint)]) == 0;
    });
  }
  std::erase_if(log.runs, [](const RunLog::Run& run) { return run.visits.empty(); });
  return log;
}

// The answers over the wire are the models' own on the same cases of the file.
class Bpi2012Test : public WayReferenceTest {
 protected:
  static constexpr int kCases = 1500;
};

TEST_F(Bpi2012Test, Handoffs_AreThoseOfTheFile) {
  const std::string path = DataPath(kBpi2012);
  REQUIRE_DATA(path);
  RecordLog(path, kCases);
  RunLog log = XesLog::Read(path, "org:resource");
  log.runs.resize(kCases);
  const HandoffReport expected = *HandoffsOf(log, {});
  ASSERT_OK_AND_ASSIGN(const auto answer, Ask(&Analysis::QueryHandoffs, "limit: 1000"));
  EXPECT_EQ(answer.read().run_count(), kCases);
  EXPECT_EQ(answer.handoff_share().value(), expected.share.value);
  EXPECT_EQ(answer.handoff_share().n(), expected.share.n);
  EXPECT_EQ(answer.handoff_share().excluded().at("missing_department"),
            expected.share.excluded.at("missing_department"));
  EXPECT_EQ(answer.waiting_seconds().value(), expected.waiting_seconds.value);
  EXPECT_EQ(answer.ping_pong_run_share().value(), expected.ping_pong_runs.value);
  ASSERT_EQ(answer.handoffs_size(), static_cast<int>(std::min<size_t>(1000, expected.pairs.size())));
  for (int i = 0; i < answer.handoffs_size(); ++i) {
    const Handoff& pair = expected.pairs[static_cast<size_t>(i)];
    EXPECT_EQ(answer.handoffs(i).from(), pair.from);
    EXPECT_EQ(answer.handoffs(i).to(), pair.to);
    EXPECT_EQ(answer.handoffs(i).count(), pair.count);
    EXPECT_EQ(answer.handoffs(i).waiting_seconds().value(), pair.waiting_seconds.value);
  }
}

TEST_F(Bpi2012Test, Conformance_IsThatOfTheFile) {
  const std::string path = DataPath(kBpi2012);
  REQUIRE_DATA(path);
  RecordLog(path, kCases);
  RunLog log = XesLog::Read(path);
  log.runs.resize(kCases);
  std::vector<std::vector<std::string>> ways = Ways(log, 20);
  Publish(MapOfVariants(ways));
  for (std::vector<std::string>& way : ways) way = WithIds(std::move(way));
  const MapGraph map = MapOfVariants(ways);
  const ConformanceReport expected = *CheckConformance(map, SeenThrough(std::move(log), map), {});
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  EXPECT_EQ(answer.read().run_count(), kCases);
  EXPECT_NEAR(answer.alignment_fitness().value(), expected.alignment_fitness.value, 1e-12);
  EXPECT_LT(answer.alignment_fitness().value(), 1);
  EXPECT_EQ(answer.token_fitness().value(), expected.token_fitness.value);
  EXPECT_EQ(answer.conforming().value(), expected.conforming.value);
  ASSERT_EQ(answer.deviations_size(), static_cast<int>(expected.deviations.size()));
  ASSERT_GT(answer.deviations_size(), 5);
  for (int i = 0; i < answer.deviations_size(); ++i) {
    const DeviationSummary& summary = expected.deviations[static_cast<size_t>(i)];
    const v1::DeviationSummary& actual = answer.deviations(i);
    EXPECT_EQ(v1::DeviationSummary::Type_Name(actual.type()), DeviationTypeText(summary.type));
    EXPECT_EQ(actual.touchpoint(), summary.touchpoint);
    EXPECT_EQ(actual.impact().occurrence_count(), summary.impact.occurrences);
    EXPECT_EQ(actual.impact().share().value(), summary.impact.share.value);
  }
  ASSERT_EQ(answer.off_map_ways_size(), static_cast<int>(std::min<size_t>(1000, expected.off_map.size())));
  for (int i = 0; i < answer.off_map_ways_size(); ++i) {
    EXPECT_EQ(answer.off_map_ways(i).from_touchpoint(), expected.off_map[static_cast<size_t>(i)].from);
    EXPECT_EQ(answer.off_map_ways(i).to_touchpoint(), expected.off_map[static_cast<size_t>(i)].to);
  }
  ASSERT_FALSE(answer.variants().empty());
  EXPECT_EQ(std::vector<std::string>(answer.variants(0).touchpoints().begin(), answer.variants(0).touchpoints().end()),
            expected.variants[0].touchpoints);
  EXPECT_EQ(answer.variants(0).run_count(), expected.variants[0].runs);
  EXPECT_EQ(answer.variants(0).fitness(), 1);
}

}  // namespace
}  // namespace throughline::testing
