#include "throughline/resource_names.h"

#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using throughline::testing::HasFieldViolation;
using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::IsOkAndHolds;
using throughline::testing::StatusIs;

TEST(ResourceNamesTest, EveryName_RoundTrips) {
  EXPECT_THAT(ParseWorkspaceName("workspaces/w"), IsOkAndHolds(WorkspaceName{"w"}));
  EXPECT_THAT(ParseDepartmentName(MakeDepartmentName("w", "sales")), IsOkAndHolds(DepartmentName{"w", "sales"}));
  EXPECT_THAT(ParseLifecycleStageName(MakeLifecycleStageName("w", "s")), IsOkAndHolds(LifecycleStageName{"w", "s"}));
  EXPECT_THAT(ParsePersonaName(MakePersonaName("w", "p")), IsOkAndHolds(PersonaName{"w", "p"}));
  EXPECT_THAT(ParseSegmentName(MakeSegmentName("w", "s")), IsOkAndHolds(SegmentName{"w", "s"}));
  EXPECT_THAT(ParseMetricDefinitionName(MakeMetricDefinitionName("w", "nps")),
              IsOkAndHolds(MetricDefinitionName{"w", "nps"}));
  EXPECT_THAT(ParseJourneyMapName(MakeJourneyMapName("w", "m")), IsOkAndHolds(JourneyMapName{"w", "m"}));
  EXPECT_THAT(ParseTouchpointName(MakeTouchpointName("w", "m", "t")), IsOkAndHolds(TouchpointName{"w", "m", "t"}));
  EXPECT_THAT(ParseMetricAttachmentName(MakeMetricAttachmentName("w", "m", "a")),
              IsOkAndHolds(MetricAttachmentName{"w", "m", "a"}));
  EXPECT_THAT(ParseMetricValueName(MakeMetricValueName("w", "m", "a")), IsOkAndHolds(MetricValueName{"w", "m", "a"}));
  EXPECT_THAT(ParseJourneyMapPositionsName(MakeJourneyMapPositionsName("w", "m")),
              IsOkAndHolds(JourneyMapPositionsName{"w", "m"}));
  EXPECT_THAT(ParseEventStatisticsName(MakeEventStatisticsName("w")), IsOkAndHolds(EventStatisticsName{"w"}));
  EXPECT_THAT(ParseJourneyMapVersionName(MakeJourneyMapVersionName("w", "m", 12)),
              IsOkAndHolds(JourneyMapVersionName{"w", "m", 12}));
  EXPECT_EQ(MakeMetricValueName("w", "m", "a"), "workspaces/w/journeyMaps/m/metricAttachments/a/value");
  EXPECT_EQ((MetricValueName{"w", "m", "a"}.MetricAttachmentResource()), MakeMetricAttachmentName("w", "m", "a"));
  EXPECT_EQ((JourneyMapPositionsName{"w", "m"}.JourneyMapResource()), "workspaces/w/journeyMaps/m");
  EXPECT_EQ(MakeTouchpointName("w", "m", "t"), "workspaces/w/journeyMaps/m/touchpoints/t");
}

TEST(ResourceNamesTest, OtherShapes_AreRefused_WithFieldAndPattern) {
  for (const std::string& name :
       {std::string(), std::string("/"), std::string("workspaces"), std::string("workspaces/"),
        std::string("workspaces/w/"), std::string("workspaces/w/personas"), std::string("workspaces/w/personas/"),
        std::string("workspaces/w/segments/p"), std::string("/workspaces/w/personas/p"),
        std::string("workspaces/W/personas/p"), std::string("workspaces//personas/p"),
        std::string("workspaces/w/personas/p/x"), std::string("workspaces/w/personas/p "),
        std::string("workspaces/w/personas/\0p", 23), std::string("workspaces/w/personas/\xff"),
        std::string(10'000'000, '/'), "workspaces/w/personas/" + std::string(64, 'a')}) {
    EXPECT_THAT(ParsePersonaName(name, "persona"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_NAME")));
    EXPECT_THAT(ParsePersonaName(name, "persona"), HasFieldViolation("persona"));
  }
}

TEST(ResourceNamesTest, Ids_FollowTheRule) {
  for (const std::string& good :
       {std::string("a"), std::string("a1"), std::string("a-b"), std::string("a--b"), std::string(63, 'a')}) {
    EXPECT_THAT(ValidatePersonaId(good), IsOk()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("1a"), std::string("-a"), std::string("a-"), std::string("A"), std::string("a_b"),
        std::string("a/b"), std::string("ä"), std::string(64, 'a')}) {
    EXPECT_THAT(ValidatePersonaId(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_ID")))
        << bad;
    EXPECT_THAT(ValidatePersonaId(bad), HasFieldViolation("persona_id"));
  }
}

TEST(ResourceNamesTest, JourneyMapRevision_IsASuffix) {
  ASSERT_OK_AND_ASSIGN(const JourneyMapRevisionName name, ParseJourneyMapRevisionName("workspaces/w/journeyMaps/m@12"));
  EXPECT_EQ(name.journey_map.ToString(), "workspaces/w/journeyMaps/m");
  EXPECT_EQ(name.revision, Revision{12});
  EXPECT_EQ(name.ToString(), "workspaces/w/journeyMaps/m@12");
  ASSERT_OK_AND_ASSIGN(const JourneyMapRevisionName latest, ParseJourneyMapRevisionName("workspaces/w/journeyMaps/m"));
  EXPECT_EQ(latest.revision, Revision{0});
  EXPECT_EQ(latest.ToString(), "workspaces/w/journeyMaps/m");
  for (const char* bad :
       {"workspaces/w/journeyMaps/m@", "workspaces/w/journeyMaps/m@0", "workspaces/w/journeyMaps/m@-1",
        "workspaces/w/journeyMaps/m@01", "workspaces/w/journeyMaps/m@1x", "workspaces/w/journeyMaps/m@1@2",
        "workspaces/w@1/journeyMaps/m", "workspaces/w/journeyMaps/m@99999999999999999999"}) {
    EXPECT_THAT(ParseJourneyMapRevisionName(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(ParseJourneyMapName("workspaces/w/journeyMaps/m@12"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ResourceNamesTest, Version_IsACanonicalPositiveNumber) {
  for (const char* bad : {"0", "01", "-1", "1.0", "x", "", "99999999999999999999"}) {
    EXPECT_THAT(ParseJourneyMapVersionName(std::string("workspaces/w/journeyMaps/m/versions/") + bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(ResourceNamesTest, CustomerIds_ArePercentEncoded) {
  EXPECT_EQ(MakeCustomerName("w", "anna@example.com"), "workspaces/w/customers/anna@example.com");
  EXPECT_EQ(MakeCustomerName("w", "a/b c%ü"), "workspaces/w/customers/a%2Fb%20c%25%C3%BC");
  for (const std::string& id : {std::string("a/b"), std::string("100%"), std::string("%2F"), std::string("ü€😀"),
                                std::string("\n"), std::string("a:b+c~d"), std::string(256, '/')}) {
    EXPECT_THAT(ParseCustomerName(MakeCustomerName("w", id)), IsOkAndHolds(CustomerName{"w", id})) << id;
  }
  // What an HTTP client decoded once too often.
  EXPECT_THAT(ParseCustomerName("workspaces/w/customers/a b"), IsOkAndHolds(CustomerName{"w", "a b"}));
  for (const char* bad : {"%", "%2", "%zz", "%FF", "a/b", ""}) {
    EXPECT_THAT(ParseCustomerName(std::string("workspaces/w/customers/") + bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_NAME")))
        << bad;
  }
  EXPECT_THAT(ParseCustomerName("workspaces/w/customers/" + std::string(257, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ValidateCustomerId(std::string(257, 'a')), HasFieldViolation("customer_id"));
}

TEST(ResourceNamesTest, ParentsAndWorkspaces) {
  EXPECT_EQ(ParentName("workspaces/w"), "");
  EXPECT_EQ(ParentName("workspaces/w/personas/p"), "workspaces/w");
  EXPECT_EQ(ParentName("workspaces/w/eventStatistics"), "workspaces/w");
  EXPECT_EQ(ParentName("workspaces/w/journeyMaps/m/metricAttachments/a/value"),
            "workspaces/w/journeyMaps/m/metricAttachments/a");
  EXPECT_EQ(ParentName(""), "");
  EXPECT_EQ(WorkspaceNameOf("workspaces/w/personas/p"), "workspaces/w");
  EXPECT_EQ(WorkspaceNameOf("workspaces/w"), "workspaces/w");
  EXPECT_EQ(WorkspaceNameOf("workspaces/"), "");
  EXPECT_EQ(WorkspaceNameOf("departments/w"), "");
  EXPECT_EQ(LastSegment("workspaces/w/personas/p"), "p");
  EXPECT_EQ(LastSegment("p"), "p");
  EXPECT_EQ(PersonaCollection("workspaces/w"), "workspaces/w/personas");
}

}  // namespace
}  // namespace throughline
