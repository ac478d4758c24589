#include "services/journey/publish.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/journey/validate.h"
#include "tests/support/catalog_fixture.h"
#include "tests/support/matchers.h"
#include "throughline/v1/persona.pb.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using ::testing::AllOf;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::HasFieldViolation;
using ::throughline::testing::HasPreconditionViolation;
using ::throughline::testing::HasReason;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;

constexpr char kMap[] = "workspaces/w/journeyMaps/m";
constexpr char kSales[] = "workspaces/w/departments/sales";

class PublishTest : public testing::CatalogFixture {
 protected:
  v1::JourneyMap Drawn() {
    return ParseProto<v1::JourneyMap>(R"pb(
      name: "workspaces/w/journeyMaps/m"
      display_name: "M"
      phases { id: "p" display_name: "P" }
      touchpoints {
        id: "a"
        phase: "p"
        display_name: "A"
        event_binding { event_names: "a" }
      }
      touchpoints { id: "b" phase: "p" display_name: "B" })pb");
  }
  absl::StatusOr<v1::JourneyMap> Publish(const std::string& etag = "", const std::string& name = kMap) {
    absl::StatusOr<v1::JourneyMap> map = absl::UnknownError("the function did not run");
    const absl::StatusOr<Revision> revision = catalog_->Write([&](WriteTransaction& transaction) {
      map = PublishJourneyMap(transaction, name, etag);
      return map.status();
    });
    EXPECT_EQ(revision.status(), map.status());
    return map;
  }
};

TEST_F(PublishTest, Map_BecomesItsFirstVersion) {
  Put(kMap, Drawn());
  clock_.Advance(absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Publish());
  EXPECT_EQ(map.published_version(), "workspaces/w/journeyMaps/m/versions/1");
  EXPECT_EQ(map.publish_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(map.etag(), std::to_string(catalog_->LatestRevision().value));
  EXPECT_EQ(map.name(), kMap);

  ASSERT_OK_AND_ASSIGN(const auto document, catalog_->FindLatest(map.published_version()));
  ASSERT_TRUE(document.has_value());
  ASSERT_OK_AND_ASSIGN(const auto version, document->Parse<v1::JourneyMapVersion>());
  EXPECT_EQ(version.name(), map.published_version());
  EXPECT_THAT(version.journey_map().touchpoints(), ::testing::SizeIs(2));
}

TEST_F(PublishTest, LaterEdits_DoNotChangeThePublishedVersion) {
  Put(kMap, Drawn());
  ASSERT_OK_AND_ASSIGN(v1::JourneyMap map, Publish());
  map.set_display_name("Edited");
  Put(kMap, map);
  ASSERT_OK_AND_ASSIGN(map, Publish());
  EXPECT_EQ(map.published_version(), "workspaces/w/journeyMaps/m/versions/2");
  ASSERT_OK_AND_ASSIGN(const auto first, catalog_->FindLatest("workspaces/w/journeyMaps/m/versions/1"));
  ASSERT_OK_AND_ASSIGN(const auto version, first->Parse<v1::JourneyMapVersion>());
  EXPECT_EQ(version.journey_map().display_name(), "M");
}

TEST_F(PublishTest, ForgottenVersionNumber_OverwritesNoVersion) {
  Put(kMap, Drawn());
  ASSERT_OK(Publish());
  Put(kMap, Drawn());  // as if it had never been published
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Publish());
  EXPECT_EQ(map.published_version(), "workspaces/w/journeyMaps/m/versions/2");
}

TEST_F(PublishTest, AbsentOrDeletedMap_IsNotFound) {
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  Put(kMap, Drawn());
  Delete(kMap);
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(PublishTest, StaleEtag_IsAborted) {
  Put(kMap, Drawn());
  const std::string etag = std::to_string(catalog_->LatestRevision().value);
  EXPECT_THAT(Publish("999"), StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
  EXPECT_OK(Publish(etag));
  EXPECT_THAT(Publish(etag), StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
}

TEST_F(PublishTest, NothingToMeasure_NamesEveryProblem) {
  v1::JourneyMap map = Drawn();
  map.mutable_touchpoints(0)->clear_event_binding();
  Put(kMap, map);
  EXPECT_THAT(Publish(),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("JOURNEY_MAP_NOT_PUBLISHABLE")),
                    HasPreconditionViolation("touchpoints[0].event_binding"),
                    HasPreconditionViolation("touchpoints[1].event_binding")));
  Put(kMap, ParseProto<v1::JourneyMap>(R"pb(display_name: "M")pb"));
  EXPECT_THAT(Publish(), AllOf(StatusIs(absl::StatusCode::kFailedPrecondition), HasPreconditionViolation("phases"),
                               HasPreconditionViolation("touchpoints")));
}

TEST_F(PublishTest, ReferenceThatIsGone_IsNamed) {
  v1::JourneyMap map = Drawn();
  map.mutable_touchpoints(1)->set_department(kSales);
  Put(kMap, map);
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("touchpoints[1].department")));
  Put(kSales, ParseProto<v1::Department>(R"pb(display_name: "Sales")pb"));
  EXPECT_OK(Publish());
  Delete(kSales);
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("touchpoints[1].department")));
}

TEST_F(PublishTest, MoreMapsThanAWorkspaceMayPublish_AreRefused) {
  ASSERT_OK(catalog_->Write([&](WriteTransaction& transaction) {
    absl::Status status;
    for (int i = 0; i < 1000 && status.ok(); ++i) {
      const std::string name = "workspaces/w/journeyMaps/other-" + std::to_string(i);
      v1::JourneyMap other = Drawn();
      other.set_published_version(name + "/versions/1");
      status = transaction.Put(name, other);
    }
    return status;
  }));
  Put(kMap, Drawn());
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
  Delete("workspaces/w/journeyMaps/other-7");
  EXPECT_OK(Publish());
  EXPECT_OK(Publish()) << "again, at the limit";
}

class ValidateReferencesTest : public testing::CatalogFixture {};

TEST_F(ValidateReferencesTest, EveryReference_IsLookedUp) {
  const auto map = ParseProto<v1::JourneyMap>(R"pb(
    display_name: "M"
    personas: "workspaces/w/personas/anna"
    phases { id: "p" display_name: "P" lifecycle_stage: "workspaces/w/lifecycleStages/s" }
    touchpoints {
      id: "a"
      phase: "p"
      display_name: "A"
      department: "workspaces/w/departments/sales"
      emotions { persona: "workspaces/w/personas/anna" }
      linked_map: "workspaces/w/journeyMaps/other"
    })pb");
  const auto validate = [&] {
    absl::StatusOr<std::unique_ptr<CatalogReader>> reader = catalog_->Read();
    EXPECT_OK(reader);
    return ValidateJourneyMap(map, "workspaces/w", **reader);
  };
  absl::Status status = validate();
  for (const char* field : {"personas[0]", "phases[0].lifecycle_stage", "touchpoints[0].department",
                            "touchpoints[0].emotions[0].persona", "touchpoints[0].linked_map"}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation(field)));
  }
  Put("workspaces/w/personas/anna", ParseProto<v1::Persona>(R"pb(display_name: "Anna")pb"));
  Put("workspaces/w/lifecycleStages/s", ParseProto<v1::LifecycleStage>(R"pb(display_name: "S")pb"));
  Put(kSales, ParseProto<v1::Department>(R"pb(display_name: "Sales")pb"));
  Put("workspaces/w/journeyMaps/other", ParseProto<v1::JourneyMap>(R"pb(display_name: "O")pb"));
  EXPECT_OK(validate());
}

}  // namespace
}  // namespace throughline
