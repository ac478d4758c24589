// Real event logs: counts that others have published. BPI 2012 is imported by the tests of the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/support/files.h"

namespace throughline::testing {
namespace {

// The textbook's log: one line per event, no quotes; the resource stands for the department.
std::vector<v1::CustomerEvent> ReadRunningExample(const std::string& path) {
  std::vector<v1::CustomerEvent> out;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    absl::Time time;
    std::string error;
    EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%S%Ez", fields[3], &time, &error)) << error;
    v1::CustomerEvent event = Event(absl::StrCat("row-", fields[0])).Name(fields[1]).Department(fields[2]);
    event.set_customer_id(fields[7]);
    event.mutable_event_time()->set_seconds(absl::ToUnixSeconds(time));
    out.push_back(event);
  }
  return out;
}

TEST_P(EventStoreContractTest, Graph_OfTheRunningExample_HasThePublishedEdges) {
  const std::string path = DataPath("event_logs/running-example.csv");
  REQUIRE_DATA(path);
  std::vector<v1::CustomerEvent> events = ReadRunningExample(path);
  ASSERT_EQ(events.size(), 42u);
  std::reverse(events.begin(), events.end());
  MustAppend(events);

  const auto answer = View()->Graph(GraphQuery());
  ASSERT_THAT(answer, IsOk());
  const TransitionGraph* const graph = &answer->whole();
  EXPECT_EQ(graph->runs, 6);
  EXPECT_EQ(graph->events, 42);
  EXPECT_EQ(graph->edges.size(), 16u);
  int64_t edges = 0;
  for (const auto& [pair, edge] : graph->edges) edges += edge.count;
  EXPECT_EQ(edges, graph->events - graph->runs);
  const auto count = [&](const char* from, const char* to) { return graph->edges.at({from, to}).count; };
  EXPECT_EQ(count("register request", "check ticket"), 2);
  EXPECT_EQ(count("check ticket", "decide"), 6);
  EXPECT_EQ(count("decide", "reinitiate request"), 3);
  EXPECT_EQ(graph->nodes.at("register request").starts, 6);
  EXPECT_EQ(graph->nodes.at("decide").events, 9);
}

}  // namespace
}  // namespace throughline::testing
