#include "services/journey/observed_map.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::throughline::testing::ParseProto;

std::shared_ptr<const CompiledMap> Compile(const std::string& map_text) {
  v1::JourneyMapVersion version;
  version.set_name("workspaces/w/journeyMaps/m/versions/1");
  *version.mutable_journey_map() = ParseProto<v1::JourneyMap>(map_text);
  return CompileMap(version).value();
}

// Touchpoints a, b, … in this order, all with a binding.
std::string Touchpoints(const std::string& ids) {
  std::string text;
  for (const char id : ids) {
    text += std::string("touchpoints { id: '") + id + "' event_binding { event_names: '" + id + "' } }\n";
  }
  return text;
}

std::string Way(char from, char to, const std::string& more = "") {
  return std::string("transitions { from_touchpoint: '") + from + "' to_touchpoint: '" + to + "' " + more + " }\n";
}

MapGraph Graph(const std::string& map_text) { return ObservedGraph(*Compile(map_text)); }

std::string Names(const MapGraph& graph, bool MapGraph::Node::*is) {
  std::string names;
  for (const MapGraph::Node& node : graph.nodes) {
    if (node.*is) names += node.name;
  }
  return names;
}
std::string Starts(const MapGraph& graph) { return Names(graph, &MapGraph::Node::start); }
std::string Ends(const MapGraph& graph) { return Names(graph, &MapGraph::Node::end); }

std::vector<std::string> Edges(const MapGraph& graph) {
  std::vector<std::string> edges;
  for (const MapGraph::Edge& edge : graph.edges) edges.push_back(edge.from + edge.to);
  return edges;
}

TEST(ObservedGraphTest, Line_BeginsAndEndsWhereNothingArrivesAndLeaves) {
  const MapGraph graph = Graph(Touchpoints("abc") + Way('a', 'b') + Way('b', 'c'));
  EXPECT_EQ(Starts(graph), "a");
  EXPECT_EQ(Ends(graph), "c");
  EXPECT_THAT(Edges(graph), ElementsAre("ab", "bc"));
  EXPECT_OK(ValidateMapGraph(graph));
}

TEST(ObservedGraphTest, Loops_ChangeNeitherStartNorEnd) {
  const std::string line = Touchpoints("abc") + Way('a', 'b') + Way('b', 'c');
  const MapGraph graph = Graph(line + Way('b', 'a', "kind: LOOP") + Way('a', 'a') + Way('c', 'c', "kind: LOOP"));
  EXPECT_EQ(Starts(graph), "a");
  EXPECT_EQ(Ends(graph), "c");
  EXPECT_THAT(Edges(graph), ElementsAre("aa", "ab", "ba", "bc", "cc"));
  // A way back that is not called a loop is a way like any other.
  EXPECT_EQ(Ends(Graph(line + Way('c', 'b'))), "c") << "nothing but going back is left: the last";
  EXPECT_EQ(Starts(Graph(line + Way('b', 'a'))), "a") << "everything is arrived at: the first";
}

TEST(ObservedGraphTest, LoopsOut_AreAnEndOnlyWhereThereIsNoOther) {
  const std::string line = Touchpoints("abc") + Way('a', 'b') + Way('b', 'c') + Way('c', 'a', "kind: LOOP");
  EXPECT_EQ(Ends(Graph(line)), "c");
  EXPECT_EQ(Ends(Graph(line + "touchpoints { id: 'd' completes_journey: true event_binding { event_names: 'd' } }" +
                       Way('b', 'd'))),
            "d")
      << "who is at c has to do it again";
}

TEST(ObservedGraphTest, CompletionAndExits_AreEnds) {
  const MapGraph graph =
      Graph("touchpoints { id: 'a' event_binding { event_names: 'a' } completes_journey: true }" + Touchpoints("bcd") +
            Way('a', 'b') + Way('b', 'c') + Way('c', 'd') + "transitions { from_touchpoint: 'b' kind: EXIT }");
  EXPECT_EQ(Ends(graph), "abd");
  EXPECT_THAT(Edges(graph), ElementsAre("ab", "bc", "cd"));
  // An exit that leads somewhere is also a way there.
  const MapGraph led = Graph(Touchpoints("abc") + Way('a', 'b') + Way('a', 'c', "kind: EXIT"));
  EXPECT_EQ(Ends(led), "abc");
  EXPECT_THAT(Edges(led), ElementsAre("ab", "ac"));
}

TEST(ObservedGraphTest, SkipsAndBranches_AreOrdinaryWays) {
  const MapGraph graph =
      Graph(Touchpoints("abc") + Way('a', 'b', "kind: BRANCH") + Way('b', 'c') + Way('a', 'c', "kind: SKIP"));
  EXPECT_THAT(Edges(graph), ElementsAre("ab", "ac", "bc"));
  EXPECT_EQ(Names(graph, &MapGraph::Node::optional), "") << "a skip allows this one way, not every other past b";
}

TEST(ObservedGraphTest, ExpectedDuration_IsThePromise) {
  const MapGraph graph = Graph(
      Touchpoints("abc") + Way('a', 'b', "expected_duration { seconds: 60 nanos: 5000 }") + Way('b', 'c') +
      Way('a', 'c', "expected_duration { seconds: 5 }") + Way('a', 'c', "kind: SKIP expected_duration { seconds: 9 }") +
      Way('c', 'a', "kind: LOOP expected_duration { seconds: 9 }") + Way('c', 'a', "kind: LOOP"));
  ASSERT_THAT(Edges(graph), ElementsAre("ab", "ac", "bc", "ca"));
  EXPECT_EQ(graph.edges[0].promise_micros, 60'000'005);
  EXPECT_EQ(graph.edges[1].promise_micros, 9'000'000) << "the longest of two";
  EXPECT_EQ(graph.edges[2].promise_micros, std::nullopt);
  EXPECT_EQ(graph.edges[3].promise_micros, std::nullopt) << "one of two states none";
  EXPECT_OK(ValidateMapGraph(graph));
}

TEST(ObservedGraphTest, WithoutBinding_IsPassed_AndLeftOutWhereNothingLeads) {
  const MapGraph graph = Graph(Touchpoints("ac") + "touchpoints { id: 'b' channel: 'web' } touchpoints { id: 'z' }" +
                               Way('a', 'b') + Way('b', 'c') + Way('z', 'z'));
  EXPECT_EQ(Names(graph, &MapGraph::Node::optional), "b");
  ASSERT_EQ(graph.nodes.size(), 3) << "z: an empty way through the map would be the cheapest one";
  EXPECT_THAT(Edges(graph), ElementsAre("ab", "bc"));
  EXPECT_EQ(Starts(graph), "a");
  EXPECT_EQ(Ends(graph), "c");
  EXPECT_THAT(graph.nodes[2].channels, ElementsAre("web"));
  EXPECT_THAT(graph.nodes[0].channels, IsEmpty());
}

TEST(ObservedGraphTest, NoTransitions_EachTouchpointIsAJourney) {
  const MapGraph graph = Graph(Touchpoints("ab"));
  EXPECT_EQ(Starts(graph), "ab");
  EXPECT_EQ(Ends(graph), "ab");
  EXPECT_THAT(graph.edges, IsEmpty());
  EXPECT_THAT(Graph("").nodes, IsEmpty());
}

TEST(ObservedGraphTest, EverythingInCircles_BeginsAtTheFirstAndEndsAtTheLast) {
  const MapGraph graph = Graph(Touchpoints("abc") + Way('a', 'b') + Way('b', 'c') + Way('c', 'a'));
  EXPECT_EQ(Starts(graph), "a");
  EXPECT_EQ(Ends(graph), "c");
  EXPECT_OK(ValidateMapGraph(graph));
}

TEST(ObservedSymbolsTest, BoundTouchpoints_InTheMapsOrder) {
  const EventSymbols symbols = ObservedSymbols(
      *Compile("touchpoints { id: 'any' event_binding { filter: 'channel = web' } } touchpoints { id: 'unseen' }" +
               Touchpoints("ab")));
  std::vector<std::string> names;
  for (const Symbol& symbol : symbols.symbols) {
    names.push_back(symbol.name);
    EXPECT_THAT(symbol.selector.unless, IsEmpty()) << symbol.name;
  }
  EXPECT_THAT(names, ElementsAre("any", "a", "b"));
}

}  // namespace
}  // namespace throughline
