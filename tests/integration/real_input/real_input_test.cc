// The walk-through of docs/walkthrough.md, run word for word on the public data sets, and its numbers held against the
// reference counts; and the questions of AnalysisService on two more data sets.
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/throughline_server.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The lines of the document's ```sh blocks; what starts the server stands in ```console blocks.
std::string WalkthroughScript() {
  const std::string document = ReadFile((ProjectRoot() / "docs/walkthrough.md").string());
  std::string script = "set -euo pipefail\n";
  bool inside = false;
  for (const absl::string_view line : absl::StrSplit(document, '\n')) {
    if (line == "```sh") {
      inside = true;
    } else if (absl::StartsWith(line, "```")) {
      inside = false;
    } else if (inside) {
      absl::StrAppend(&script, line, "\n");
    }
  }
  return script;
}

class RealInputTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const char* file :
         {"orders_and_reviews/olist_orders_dataset.csv.gz", "event_logs/bpi_challenge_2012.xes.gz"}) {
      if (!std::filesystem::exists(DataPath(file))) return;
    }
    server_ = new ThroughlineServer;
    const std::string bin = std::filesystem::path(ThroughlineBinary()).parent_path().string();
    script_ = new ProgramResult(RunProgram({"bash", "-c", WalkthroughScript()},
                                           {{"PATH", absl::StrCat(bin, ":", std::getenv("PATH"))},
                                            {"THROUGHLINE_ADDRESS", server_->address()},
                                            {"THROUGHLINE_DATA", DataPath("")}},
                                           "", ProjectRoot().string()));
  }
  static void TearDownTestSuite() {
    if (server_ == nullptr) return;
    EXPECT_EQ(server_->Stop(SIGTERM), 0) << ReadFile(server_->directory() / "log");
    delete script_;
    delete server_;
  }
  void SetUp() override {
    REQUIRE_DATA(DataPath("orders_and_reviews/olist_orders_dataset.csv.gz"));
    REQUIRE_DATA(DataPath("event_logs/bpi_challenge_2012.xes.gz"));
    ASSERT_EQ(script_->exit_code, 0) << script_->out << script_->error;
  }

  static v1::EventStatistics Statistics(const std::string& workspace) {
    v1::GetEventStatisticsRequest request;
    request.set_name(absl::StrCat("workspaces/", workspace, "/eventStatistics"));
    const auto statistics = server_->client().Call(&v1::EventService::Stub::GetEventStatistics, request);
    EXPECT_THAT(statistics, IsOk());
    return statistics.value_or(v1::EventStatistics());
  }

  static std::vector<int64_t> Funnel(const std::string& workspace, const std::vector<std::string>& steps,
                                     const std::string& correlation, int64_t window_seconds) {
    v1::QueryFunnelRequest request;
    request.set_parent(absl::StrCat("workspaces/", workspace));
    request.set_correlation_property(correlation);
    for (const std::string& step : steps) request.add_steps()->add_event_names(step);
    if (window_seconds > 0) request.mutable_window()->set_seconds(window_seconds);
    const auto response = server_->client().Call(&v1::AnalysisService::Stub::QueryFunnel, request);
    EXPECT_THAT(response, IsOk());
    std::vector<int64_t> counts;
    if (response.ok()) {
      for (const v1::FunnelStep& step : response->steps()) counts.push_back(step.count());
    }
    return counts;
  }

  static std::map<std::string, v1::MetricValue> Values(const std::string& map) {
    v1::ListMetricValuesRequest request;
    request.set_parent(map);
    request.set_page_size(1000);
    const auto response = server_->client().Call(&v1::MetricService::Stub::ListMetricValues, request);
    EXPECT_THAT(response, IsOk());
    std::map<std::string, v1::MetricValue> values;
    if (!response.ok()) return values;
    for (const v1::MetricValue& value : response->metric_values()) {
      const std::vector<std::string> segments = absl::StrSplit(value.name(), '/');
      values[segments.at(5)] = value;
    }
    return values;
  }

  static ThroughlineServer* server_;
  static ProgramResult* script_;
};
ThroughlineServer* RealInputTest::server_ = nullptr;
ProgramResult* RealInputTest::script_ = nullptr;

constexpr char kOlistMap[] = "workspaces/olist/journeyMaps/order-to-review";
const std::vector<std::string> kOrderSteps = {"order_placed", "payment_approved", "handed_to_carrier",
                                              "order_delivered"};

TEST_F(RealInputTest, Olist_EveryOrderAndPersonIsThere) {
  const v1::EventStatistics statistics = Statistics("olist");
  EXPECT_EQ(statistics.customer_count(), 8016);
  std::map<std::string, int64_t> counts;
  for (const v1::EventNameCount& name : statistics.event_names()) counts[name.event_name()] = name.event_count();
  EXPECT_EQ(counts, (std::map<std::string, int64_t>{{"order_placed", 8135},
                                                    {"payment_approved", 7989},
                                                    {"handed_to_carrier", 6353},
                                                    {"order_delivered", 5170},
                                                    {"review_written", 8225}}));
}

TEST_F(RealInputTest, Olist_VolumesOfTheTouchpoints) {
  const auto values = Values(kOlistMap);
  const auto volume = [&](const std::string& id) {
    const auto found = values.find(id);
    return found == values.end() ? -1 : found->second.value();
  };
  EXPECT_EQ(volume("placed-volume"), 8135);
  EXPECT_EQ(volume("approved-volume"), 7989);
  EXPECT_EQ(volume("carrier-volume"), 6353);
  EXPECT_EQ(volume("delivered-volume"), 5170);
}

TEST_F(RealInputTest, Olist_ReviewCsat_WithItsWilsonInterval) {
  const v1::MetricValue value = Values(kOlistMap)["review-csat"];
  EXPECT_EQ(value.state(), v1::MetricValue::OK);
  EXPECT_EQ(value.n(), 8225);
  EXPECT_NEAR(value.details().at("mean"), 3.271611, 1e-6);
  const double n = 8225, p = (1184 + 3354) / n, z = 1.959963984540054;
  EXPECT_NEAR(value.value(), p, 1e-12);
  EXPECT_NEAR(value.value(), .551733, 1e-6);
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  EXPECT_NEAR(value.interval_low(), centre - half, 1e-9);
  EXPECT_NEAR(value.interval_high(), centre + half, 1e-9);
  EXPECT_THAT(value.method(), HasSubstr("wilson"));
}

TEST_F(RealInputTest, Olist_ReachedInOrderOfTime) {
  EXPECT_THAT(Funnel("olist", kOrderSteps, "order_id", 0), ElementsAre(8135, 7989, 6276, 5099));
}

TEST_F(RealInputTest, Olist_NegativeIntervals_AreCountedAndShown) {
  auto values = Values(kOlistMap);
  EXPECT_EQ(values["approved-to-carrier-time"].excluded().at("negative_interval"), 77);
  EXPECT_EQ(values["carrier-to-delivered-time"].excluded().at("negative_interval"), 3);
  EXPECT_EQ(values["placed-to-approved-time"].excluded().count("negative_interval"), 0u);
  EXPECT_THAT(script_->out, AllOf(HasSubstr("77 negative_interval"), HasSubstr("3 negative_interval")));
}

TEST_F(RealInputTest, Olist_ImportedAgain_ChangesNothing) {
  const v1::EventStatistics before = Statistics("olist");
  for (const char* what : {"orders", "reviews"}) {
    const ProgramResult again = server_->Cli(
        {"import", "csv",
         DataPath(absl::StrCat("orders_and_reviews/olist_", what == std::string("orders") ? "" : "order_", what,
                               "_dataset.csv.gz")),
         "--mapping", (ProjectRoot() / absl::StrCat("docs/examples/olist/", what, ".mapping.json")).string(), "-w",
         "olist", "--format", "json"});
    EXPECT_EQ(again.exit_code, 0) << again.out << again.error;
    EXPECT_THAT(again.out, HasSubstr("\"recorded\": 0,"));
  }
  const v1::EventStatistics after = Statistics("olist");
  EXPECT_THAT(after, EqualsProto(before));
}

TEST_F(RealInputTest, Bpi2012_EveryCustomerAndEventIsThere) {
  const v1::EventStatistics statistics = Statistics("loans");
  EXPECT_EQ(statistics.customer_count(), 13087);
  EXPECT_EQ(statistics.event_count(), 262200);
}

TEST_F(RealInputTest, Bpi2012_TransitionGraph) {
  v1::QueryTransitionGraphRequest request;
  request.set_parent("workspaces/loans");
  const auto graph = server_->client().Call(&v1::AnalysisService::Stub::QueryTransitionGraph, request);
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->edges_size(), 125);
  EXPECT_EQ(graph->instance_count(), 13087);
  int64_t total = 0;
  for (const v1::TransitionGraphEdge& edge : graph->edges()) total += edge.count();
  EXPECT_EQ(total, 262200 - 13087) << "events minus cases";
}

TEST_F(RealInputTest, Bpi2012_Variants) {
  v1::QueryVariantsRequest request;
  request.set_parent("workspaces/loans");
  request.set_length(1000);
  request.set_limit(10'000);
  const auto variants = server_->client().Call(&v1::AnalysisService::Stub::QueryVariants, request);
  ASSERT_THAT(variants, IsOk());
  ASSERT_EQ(variants->variants_size(), 4366);
  EXPECT_EQ(variants->instance_count(), 13087);
  EXPECT_EQ(variants->variants(0).instance_count(), 3429);
  EXPECT_THAT(variants->variants(0).symbols(), ElementsAre("A_SUBMITTED", "A_PARTLYSUBMITTED", "A_DECLINED"));
  int64_t total = 0;
  for (const v1::RunVariant& variant : variants->variants()) total += variant.instance_count();
  EXPECT_EQ(total, 13087);
}

TEST_F(RealInputTest, RunningExample_GraphAndVariants) {
  REQUIRE_DATA(DataPath("event_logs/running-example.xes"));
  const ProgramResult imported = server_->Cli(
      {"import", "xes", DataPath("event_logs/running-example.xes"), "-w", "running-example", "--create-workspace"});
  ASSERT_EQ(imported.exit_code, 0) << imported.out << imported.error;
  v1::QueryTransitionGraphRequest graph_request;
  graph_request.set_parent("workspaces/running-example");
  const auto graph = server_->client().Call(&v1::AnalysisService::Stub::QueryTransitionGraph, graph_request);
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->edges_size(), 16);
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  int64_t total = 0;
  for (const v1::TransitionGraphEdge& edge : graph->edges()) {
    counts[{edge.from_event_name(), edge.to_event_name()}] = edge.count();
    total += edge.count();
  }
  EXPECT_EQ(total, 42 - 6) << "events minus cases";
  EXPECT_EQ((counts[{"register request", "check ticket"}]), 2);
  EXPECT_EQ((counts[{"check ticket", "decide"}]), 6);
  EXPECT_EQ((counts[{"decide", "reinitiate request"}]), 3);
  v1::QueryVariantsRequest variants_request;
  variants_request.set_parent("workspaces/running-example");
  variants_request.set_length(1000);
  const auto variants = server_->client().Call(&v1::AnalysisService::Stub::QueryVariants, variants_request);
  ASSERT_THAT(variants, IsOk());
  EXPECT_EQ(variants->variants_size(), 6);
}

TEST_F(RealInputTest, Cdnow_MonthlyCohorts) {
  REQUIRE_DATA(DataPath("purchases/CDNOW_master.txt.gz"));
  // Columns between runs of spaces, below a line of names: docs/import.md.
  const TempDir directory;
  const ProgramResult converted = RunProgram(
      {"bash", "-c",
       R"(set -o pipefail; zcat "$0" | tr -d '\r' | awk 'NR > 1 && NF == 4 {print NR "," $1 "," $2 "," $3 "," $4}' > "$1")",
       DataPath("purchases/CDNOW_master.txt.gz"), directory / "cdnow.csv"});
  ASSERT_EQ(converted.exit_code, 0) << converted.error;
  const ProgramResult imported = server_->Cli({"import", "csv", directory / "cdnow.csv", "--mapping",
                                               (ProjectRoot() / "docs/examples/cdnow/purchases.mapping.json").string(),
                                               "-w", "cdnow", "--create-workspace"});
  ASSERT_EQ(imported.exit_code, 0) << imported.out << imported.error;
  EXPECT_EQ(Statistics("cdnow").event_count(), 69659);

  v1::QueryCohortsRequest request;
  request.set_parent("workspaces/cdnow");
  request.mutable_entry()->add_event_names("purchase");
  request.mutable_period()->set_unit(v1::CalendarPeriod::MONTH);
  request.set_period_count(24);
  const auto cohorts = server_->client().Call(&v1::AnalysisService::Stub::QueryCohorts, request);
  ASSERT_THAT(cohorts, IsOk());
  ASSERT_EQ(cohorts->cohorts_size(), 3) << "everybody first bought in January, February or March 1997";
  const v1::Cohort& january = cohorts->cohorts(0);
  EXPECT_EQ(january.start_day(), "1997-01-01");
  std::vector<int64_t> cells;
  for (int i = 0; i < 6; ++i) cells.push_back(january.cells(i).customer_count());
  EXPECT_THAT(cells, ElementsAre(7846, 1157, 964, 810, 679, 736));
  EXPECT_TRUE(january.cells(17).has_retention()) << "June 1998, the last month of the data";
  EXPECT_FALSE(january.cells(18).has_retention()) << "July 1998 lies beyond it";
}

TEST_F(RealInputTest, Bpi2012_FunnelsInTheirWindows) {
  const std::vector<std::string> steps = {"A_SUBMITTED", "A_PARTLYSUBMITTED", "A_PREACCEPTED",
                                          "A_ACCEPTED",  "A_FINALIZED",       "A_APPROVED"};
  EXPECT_THAT(Funnel("loans", steps, "", 3600), ElementsAre(13087, 13087, 6139, 1537, 1478, 18));
  EXPECT_THAT(Funnel("loans", steps, "", 7 * 86400), ElementsAre(13087, 13087, 7366, 5023, 4932, 126));
  EXPECT_THAT(Funnel("loans", steps, "", 30 * 86400), ElementsAre(13087, 13087, 7367, 5113, 5015, 2058));
  EXPECT_THAT(Funnel("loans", steps, "", 0), ElementsAre(13087, 13087, 7367, 5113, 5015, 2246));
}

TEST_F(RealInputTest, Bpi2012_DiscoveredMap_IsPublished) {
  v1::GetJourneyMapRequest request;
  request.set_name("workspaces/loans/journeyMaps/loan");
  const auto map = server_->client().Call(&v1::JourneyMapService::Stub::GetJourneyMap, request);
  ASSERT_THAT(map, IsOk());
  EXPECT_THAT(map->published_version(), HasSubstr("/versions/1"));
  EXPECT_GE(map->touchpoints_size(), 10);
  v1::GetJourneyMapPositionsRequest positions_request;
  positions_request.set_name("workspaces/loans/journeyMaps/loan/positions");
  const auto positions = server_->client().Call(&v1::CustomerService::Stub::GetJourneyMapPositions, positions_request);
  ASSERT_THAT(positions, IsOk());
  EXPECT_EQ(positions->instance_count(), 13087);
}

TEST_F(RealInputTest, Bpi2012_ImportedAgain_ChangesNothing) {
  const v1::EventStatistics before = Statistics("loans");
  const ProgramResult again = server_->Cli({"import", "xes", DataPath("event_logs/bpi_challenge_2012.xes.gz"),
                                            "--source", "bpi2012", "-w", "loans", "--format", "json"});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.error;
  EXPECT_THAT(again.out, AllOf(HasSubstr("\"recorded\": 0,"), HasSubstr("\"duplicates\": 262200,")));
  EXPECT_THAT(Statistics("loans"), EqualsProto(before));
}

}  // namespace
}  // namespace throughline::testing
