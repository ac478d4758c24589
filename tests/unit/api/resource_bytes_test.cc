#include "services/api/resource_bytes.h"

#include "grpcpp/support/proto_buffer_reader.h"
#include "gtest/gtest.h"
#include "services/catalog/resource_document.h"
#include "tests/support/matchers.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline::api {
namespace {

using testing::EqualsProto;
using testing::ParseProto;

Document MapDocument() {
  const auto map = ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/journeyMaps/m"
    display_name: "Map"
    phases { id: "p" display_name: "Phase" }
    touchpoints {
      id: "t"
      phase: "p"
      display_name: "Touchpoint"
      emotions { level: 0.5 }
    }
    published_version: "workspaces/w/journeyMaps/m/versions/1"
  )pb");
  Document document;
  document.name = map.name();
  document.type = map.GetTypeName();
  document.payload = map.SerializeAsString();
  document.revision = Revision{17};
  document.create_revision = Revision{3};
  document.create_time = absl::FromUnixMillis(1'700'000'000'250);
  document.update_time = absl::FromUnixMillis(-250);
  return document;
}

TEST(SerializeResourceTest, IsWhatParsingAndCompletingTheResourceWouldGive) {
  for (const bool deleted : {false, true}) {
    Document document = MapDocument();
    if (deleted) document.delete_time = absl::FromUnixSeconds(1'800'000'000);
    const auto expected = ToResource<v1::JourneyMap>(document);
    ASSERT_OK(expected);
    grpc::ByteBuffer bytes;
    ASSERT_OK(SerializeResource(document, v1::JourneyMap::default_instance(), bytes));
    v1::JourneyMap map;
    grpc::ProtoBufferReader reader(&bytes);
    ASSERT_TRUE(map.ParseFromZeroCopyStream(&reader));
    EXPECT_THAT(map, EqualsProto(*expected));
    EXPECT_EQ(map.has_delete_time(), deleted);
  }
}

TEST(SerializeResourceTest, AnotherType_IsInternal) {
  grpc::ByteBuffer bytes;
  EXPECT_THAT(SerializeResource(MapDocument(), v1::JourneyMapVersion::default_instance(), bytes),
              testing::StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace throughline::api
