#include "services/catalog/resource_document.h"

#include "tests/support/matchers.h"
#include "throughline/v1/customer.pb.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {
namespace {

using testing::EqualsProto;
using testing::IsOkAndHolds;
using testing::ParseProto;
using testing::StatusIs;

Document DocumentOf(const google::protobuf::Message& message) {
  Document document;
  document.name = "workspaces/w/things/t";
  document.type = message.GetDescriptor()->full_name();
  document.payload = message.SerializeAsString();
  document.revision = Revision{42};
  document.create_revision = Revision{7};
  document.create_time = absl::FromUnixSeconds(100);
  document.update_time = absl::FromUnixMicros(200'000'001);
  return document;
}

TEST(ResourceDocumentTest, ToResource_SetsWhatTheDocumentKnows) {
  v1::JourneyMap map;
  map.set_display_name("Map");
  EXPECT_THAT(ToResource<v1::JourneyMap>(DocumentOf(map)), IsOkAndHolds(EqualsProto(R"pb(
                name: "workspaces/w/things/t"
                display_name: "Map"
                revision_id: "42"
                etag: "42"
                create_time { seconds: 100 }
                update_time { seconds: 200 nanos: 1000 }
              )pb")));
}

TEST(ResourceDocumentTest, ToResource_OfADeletedDocument_SetsItsTimeOfDeletion) {
  v1::JourneyMap map;
  Document document = DocumentOf(map);
  document.delete_time = absl::FromUnixSeconds(300);
  ASSERT_OK_AND_ASSIGN(const auto resource, ToResource<v1::JourneyMap>(document));
  EXPECT_EQ(resource.delete_time().seconds(), 300);
}

TEST(ResourceDocumentTest, ToResource_OfAMessageWithoutThoseFields_SetsThoseItHas) {
  EXPECT_THAT(ToResource<v1::MetricValue>(DocumentOf(v1::MetricValue())),
              IsOkAndHolds(EqualsProto(R"pb(name: "workspaces/w/things/t")pb")));
}

TEST(ResourceDocumentTest, ToResource_TimesBefore1970_HaveNanosecondsAboveZero) {
  Document document = DocumentOf(v1::JourneyMap());
  document.create_time = absl::FromUnixMicros(-1);
  ASSERT_OK_AND_ASSIGN(const auto resource, ToResource<v1::JourneyMap>(document));
  EXPECT_THAT(resource.create_time(), EqualsProto(R"pb(seconds: -1 nanos: 999999000)pb"));
}

TEST(ResourceDocumentTest, ToResource_OfAnotherType_IsInternal) {
  EXPECT_THAT(ToResource<v1::JourneyMap>(DocumentOf(v1::MetricValue())), StatusIs(absl::StatusCode::kInternal));
}

TEST(ResourceDocumentTest, ClearDerivedFields_LeavesWhatIsInsideTheResource) {
  auto version = ParseProto<v1::JourneyMapVersion>(R"pb(
    name: "n"
    create_time { seconds: 1 }
    journey_map {
      display_name: "Map"
      etag: "9"
      update_time { seconds: 2 }
      revision_id: "9"
    }
  )pb");
  ClearDerivedFields(version);
  EXPECT_THAT(version, EqualsProto(R"pb(
                name: "n"
                journey_map {
                  display_name: "Map"
                  etag: "9"
                  update_time { seconds: 2 }
                  revision_id: "9"
                }
              )pb"));
}

TEST(ResourceDocumentTest, ClearDerivedFields_AndToResource_AreInverse) {
  auto map = ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/things/t"
    display_name: "Map"
    etag: "1"
    revision_id: "1"
    delete_time { seconds: 5 })pb");
  ClearDerivedFields(map);
  EXPECT_THAT(map, EqualsProto(R"pb(name: "workspaces/w/things/t" display_name: "Map")pb"));
  EXPECT_EQ(MakeEtag(Revision{42}), "42");
}

}  // namespace
}  // namespace throughline
