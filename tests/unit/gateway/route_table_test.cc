#include "services/gateway/route_table.h"

#include <set>

#include "gtest/gtest.h"
#include "services/gateway/http_message.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

PathTemplate Template(const std::string& text) {
  absl::StatusOr<PathTemplate> path = PathTemplate::Parse(text);
  EXPECT_THAT(path, IsOk());
  return path.ok() ? *path : PathTemplate();
}

std::vector<std::string> Values(const std::string& path_template, const std::string& path) {
  std::vector<std::string> values;
  return Template(path_template).Match(path, values) ? values : std::vector<std::string>{"no match"};
}

TEST(PathTemplateTest, Variables_AreDecoded) {
  EXPECT_THAT(Values("/v1/{name=workspaces/*/personas/*}", "/v1/workspaces/w/personas/p"),
              ElementsAre("workspaces/w/personas/p"));
  EXPECT_THAT(Values("/v1/{name=workspaces/*/personas/*}", "/v1/workspaces/w/personas/%61%20%C3%BC"),
              ElementsAre("workspaces/w/personas/a ü"));
  // A slash inside a segment stays recognisable in a value of several segments, and is one in a value of one.
  EXPECT_THAT(Values("/v1/{name=customers/*}", "/v1/customers/a%2fb%2520"), ElementsAre("customers/a%2Fb%20"));
  EXPECT_THAT(Values("/v1/{id}", "/v1/a%2Fb"), ElementsAre("a/b"));
  EXPECT_THAT(Values("/v1/{a}/x/{b=y/*}", "/v1/1/x/y/2"), ElementsAre("1", "y/2"));
  EXPECT_THAT(Values("/v1/workspaces", "/v1/%77orkspaces"), ElementsAre());
}

TEST(PathTemplateTest, OtherPaths_DoNotMatch) {
  for (const char* path : {"", "/", "/v1", "/v1/workspaces", "/v1/workspaces/", "/v1/workspaces//", "/v1/workspaces/w/",
                           "/v1/workspaces/w/x", "v1/workspaces/w", "//v1/workspaces/w", "/v1/workspaces/%",
                           "/v1/workspaces/%zz", "/v2/workspaces/w"}) {
    EXPECT_THAT(Values("/v1/{name=workspaces/*}", path), ElementsAre("no match")) << path;
  }
}

TEST(PathTemplateTest, Verbs_StandAtTheEnd) {
  EXPECT_THAT(Values("/v1/{name=workspaces/*}:undelete", "/v1/workspaces/w:undelete"), ElementsAre("workspaces/w"));
  EXPECT_THAT(Values("/v1/{name=workspaces/*}:undelete", "/v1/workspaces/w"), ElementsAre("no match"));
  EXPECT_THAT(Values("/v1/{name=workspaces/*}:undelete", "/v1/workspaces/w:delete"), ElementsAre("no match"));
  EXPECT_THAT(Values("/v1/{name=workspaces/*}:undelete", "/v1/workspaces/:undelete"), ElementsAre("no match"));
  EXPECT_THAT(Values("/v1/{parent=workspaces/*}/events:record", "/v1/workspaces/w/events:record"),
              ElementsAre("workspaces/w"));
}

TEST(PathTemplateTest, UnsupportedTemplates_AreRefused) {
  for (const char* text :
       {"", "v1", "/v1/{name", "/v1/{=a}", "/v1/{a=**}", "/v1/**", "/v1/{a=b/{c}}", "/v1/a:", "/v1//a", "/v1/a*"}) {
    EXPECT_THAT(PathTemplate::Parse(text), StatusIs(absl::StatusCode::kInternal)) << text;
  }
}

TEST(RouteTableTest, EveryMethodOfTheApi_HasARoute) {
  ASSERT_OK_AND_ASSIGN(const RouteTable table, RouteTable::Make());
  std::set<std::string> services;
  size_t methods = 0;
  for (const auto* file : ServiceFiles()) {
    for (int i = 0; i < file->service_count(); ++i) {
      services.insert(file->service(i)->name());
      methods += static_cast<size_t>(file->service(i)->method_count());
    }
  }
  EXPECT_THAT(services,
              ::testing::IsSupersetOf({"WorkspaceService", "PersonaService", "SegmentService", "JourneyMapService",
                                       "EventService", "CustomerService", "MetricService", "AnalysisService"}));
  EXPECT_EQ(table.routes().size(), methods);
}

TEST(RouteTableTest, Routes_AreFoundByMethodAndPath) {
  ASSERT_OK_AND_ASSIGN(const RouteTable table, RouteTable::Make());
  const auto find = [&](const char* method, const char* path) {
    const RouteMatch match = table.Find(method, path);
    return match.route == nullptr ? "allow " + match.allow : match.route->method->name();
  };
  EXPECT_EQ(find("GET", "/v1/workspaces/w/journeyMaps/m"), "GetJourneyMap");
  EXPECT_EQ(find("HEAD", "/v1/workspaces/w/journeyMaps/m"), "GetJourneyMap");
  EXPECT_EQ(find("GET", "/v1/workspaces/w/journeyMaps/m@12"), "GetJourneyMap");
  EXPECT_EQ(find("PATCH", "/v1/workspaces/w/journeyMaps/m"), "UpdateJourneyMap");
  EXPECT_EQ(find("POST", "/v1/workspaces/w/journeyMaps/m:publish"), "PublishJourneyMap");
  EXPECT_EQ(find("GET", "/v1/workspaces/w/journeyMaps/m:export"), "ExportJourneyMap");
  EXPECT_EQ(find("POST", "/v1/workspaces/w/journeyMaps:import"), "ImportJourneyMap");
  EXPECT_EQ(find("POST", "/v1/workspaces/w/journeyMaps"), "CreateJourneyMap");
  EXPECT_EQ(find("GET", "/v1/workspaces/w/journeyMaps/m/positions"), "GetJourneyMapPositions");
  EXPECT_EQ(find("GET", "/v1/workspaces/w/eventStatistics"), "GetEventStatistics");
  EXPECT_EQ(find("GET", "/v1/workspaces/w/customers/a:b"), "GetCustomer");
  EXPECT_EQ(find("GET", "/v1/workspaces"), "ListWorkspaces");
  EXPECT_EQ(find("PUT", "/v1/workspaces"), "allow GET, HEAD, POST");
  EXPECT_EQ(find("DELETE", "/v1/workspaces/w/journeyMaps/m:publish"), "allow POST");
  EXPECT_EQ(find("POST", "/v1/workspaces/w/journeyMaps/m:frobnicate"), "allow ");
  EXPECT_EQ(find("GET", "/v1/nothing"), "allow ");
  EXPECT_EQ(find("get", "/v1/workspaces"), "allow GET, HEAD, POST");
}

TEST(HttpMessageTest, QueryStrings_AreDecoded) {
  std::vector<std::pair<std::string, std::string>> parameters;
  ASSERT_TRUE(ParseQuery("a=1&b=x+y%2Bz&&c&d==", parameters));
  EXPECT_THAT(
      parameters,
      ElementsAre(std::pair<std::string, std::string>("a", "1"), std::pair<std::string, std::string>("b", "x y+z"),
                  std::pair<std::string, std::string>("c", ""), std::pair<std::string, std::string>("d", "=")));
  EXPECT_FALSE(ParseQuery("a=%", parameters));
  EXPECT_FALSE(ParseQuery("a=%1", parameters));
  EXPECT_FALSE(ParseQuery("%gg=1", parameters));
}

TEST(HttpMessageTest, Targets_AreSplit) {
  HttpRequest request;
  request.target = "/a/b?c=d#e";
  EXPECT_EQ(request.Path(), "/a/b");
  EXPECT_EQ(request.Query(), "c=d");
  request.target = "http://host:1/a?b";
  EXPECT_EQ(request.Path(), "/a");
  EXPECT_EQ(request.Query(), "b");
  request.target = "http://host";
  EXPECT_EQ(request.Path(), "/");
  request.target = "/redirect?to=http://x/y";
  EXPECT_EQ(request.Path(), "/redirect");
}

TEST(HttpMessageTest, EntityTags_AreStrongAndStable) {
  EXPECT_EQ(EntityTag(""), "\"6c62272e07bb014262b821756295c58d\"");  // the offset basis of FNV-1a, 128 bits
  EXPECT_EQ(EntityTag("a"), "\"d228cb696f1a8caf78912b704e4a8964\"");
  EXPECT_NE(EntityTag("ab"), EntityTag("ba"));
  EXPECT_TRUE(EntityTagMatches("\"x\", \"y\"", "\"y\""));
  EXPECT_TRUE(EntityTagMatches("W/\"y\"", "\"y\""));
  EXPECT_TRUE(EntityTagMatches("*", "\"y\""));
  EXPECT_FALSE(EntityTagMatches("\"x\"", "\"y\""));
  EXPECT_FALSE(EntityTagMatches("y", "\"y\""));
}

TEST(HttpMessageTest, EveryRpcCode_HasItsHttpStatus) {
  const int expected[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
  for (int code = 0; code <= 16; ++code) EXPECT_EQ(HttpStatusOf(code), expected[code]) << code;
}

}  // namespace
}  // namespace throughline
