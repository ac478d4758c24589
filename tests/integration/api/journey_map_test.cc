// Journey maps: revisions, publishing, comparison, exchange and what concurrent editors see.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Maps = v1::JourneyMapService::Stub;

constexpr char kName[] = "workspaces/w/journeyMaps/order";

class JourneyMapTest : public ApiFixture {
 protected:
  absl::StatusOr<v1::JourneyMap> Create(const std::string& map = R"pb(
                                          display_name: "Order"
                                          phases { id: "buy" display_name: "Buy" }
                                          touchpoints {
                                            id: "pay"
                                            phase: "buy"
                                            display_name: "Pay"
                                            event_binding { event_names: "paid" }
                                          }
                                        )pb",
                                        const std::string& id = "order") {
    auto request = ParseProto<v1::CreateJourneyMapRequest>(R"pb(parent: "workspaces/w")pb");
    request.set_journey_map_id(id);
    *request.mutable_journey_map() = ParseProto<v1::JourneyMap>(map);
    return Call(maps_, &Maps::CreateJourneyMap, request);
  }
  absl::StatusOr<v1::JourneyMap> Get(const std::string& name, int64_t read_revision = 0) {
    v1::GetJourneyMapRequest request;
    request.set_name(name);
    request.set_read_revision(read_revision);
    return Call(maps_, &Maps::GetJourneyMap, request);
  }
  absl::StatusOr<v1::JourneyMap> Rename(const std::string& display_name, const std::string& etag = "") {
    v1::UpdateJourneyMapRequest request;
    request.mutable_journey_map()->set_name(kName);
    request.mutable_journey_map()->set_display_name(display_name);
    request.mutable_journey_map()->set_etag(etag);
    return Call(maps_, &Maps::UpdateJourneyMap, request);
  }
  absl::StatusOr<v1::JourneyMap> Publish(const std::string& etag = "") {
    v1::PublishJourneyMapRequest request;
    request.set_name(kName);
    request.set_etag(etag);
    return Call(maps_, &Maps::PublishJourneyMap, request);
  }
};

TEST_F(JourneyMapTest, RevisionId_IsTheStoreWideRevision) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Create());
  EXPECT_EQ(map.revision_id(), absl::StrCat(catalog_->LatestRevision().value));
  EXPECT_EQ(map.etag(), map.revision_id());
}

TEST_F(JourneyMapTest, EarlierRevisions_CanBeReadInThreeWays) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap first, Create());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap second, Rename("Second"));
  EXPECT_THAT(Get(absl::StrCat(kName, "@", first.revision_id())), IsOkAndHolds(EqualsProto(first)));
  EXPECT_THAT(Get(absl::StrCat(kName, "@", second.revision_id())), IsOkAndHolds(EqualsProto(second)));
  int64_t revision = 0;
  ASSERT_TRUE(absl::SimpleAtoi(first.revision_id(), &revision));
  EXPECT_THAT(Get(kName, revision), IsOkAndHolds(EqualsProto(first)));
  auto list = ParseProto<v1::ListJourneyMapsRequest>(R"pb(parent: "workspaces/w")pb");
  list.set_read_revision(revision);
  ASSERT_OK_AND_ASSIGN(const auto page, Call(maps_, &Maps::ListJourneyMaps, list));
  ASSERT_THAT(page.journey_maps(), SizeIs(1));
  EXPECT_THAT(page.journey_maps(0), EqualsProto(first));
}

TEST_F(JourneyMapTest, RevisionsThatAreNot_AreRefused) {
  ASSERT_OK(Create());
  EXPECT_THAT(Get(kName, 1'000'000), StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_IN_FUTURE")));
  EXPECT_THAT(Get(absl::StrCat(kName, "@999999")),
              StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_IN_FUTURE")));
  EXPECT_THAT(Get(kName, -1), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("read_revision")));
  EXPECT_THAT(Get(kName, 1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Get(absl::StrCat(kName, "@2"), 2),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("read_revision")));
  for (const char* suffix : {"@", "@0", "@-1", "@1x", "@01", "@99999999999999999999"}) {
    EXPECT_THAT(Get(absl::StrCat(kName, suffix)),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_NAME")),
                      HasFieldViolation("name")))
        << suffix;
  }
}

TEST_F(JourneyMapTest, ListRevisions_IsNewestFirstAndPaged) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap first, Create());
  std::vector<std::string> expected = {first.revision_id()};
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK_AND_ASSIGN(const v1::JourneyMap next, Rename(absl::StrCat("Name ", i)));
    expected.insert(expected.begin(), next.revision_id());
  }
  v1::ListJourneyMapRevisionsRequest request;
  request.set_name(kName);
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Call(maps_, &Maps::ListJourneyMapRevisions, request));
    for (const v1::JourneyMap& map : page.journey_maps()) seen.push_back(map.revision_id());
    request.set_page_token(page.next_page_token());
    // A change in the middle disturbs nothing.
    if (seen.size() == 2) {
      ASSERT_OK(Rename("Late"));
    }
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, expected);
  request.set_page_token("");
  request.set_name("workspaces/w/journeyMaps/none");
  EXPECT_THAT(Call(maps_, &Maps::ListJourneyMapRevisions, request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JourneyMapTest, Rollback_BringsBackTheContentAndKeepsWhatIsPublished) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap first, Create());
  ASSERT_OK(Rename("Second"));
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap published, Publish());
  v1::RollbackJourneyMapRequest request;
  request.set_name(kName);
  request.set_revision_id(first.revision_id());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap back, Call(maps_, &Maps::RollbackJourneyMap, request));
  EXPECT_EQ(back.display_name(), "Order");
  EXPECT_EQ(back.published_version(), published.published_version());
  EXPECT_NE(back.etag(), published.etag());
  EXPECT_THAT(Get(kName), IsOkAndHolds(EqualsProto(back)));

  request.set_etag(published.etag());
  EXPECT_THAT(Call(maps_, &Maps::RollbackJourneyMap, request),
              StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
  request.set_etag("");
  request.set_revision_id("1");
  EXPECT_THAT(Call(maps_, &Maps::RollbackJourneyMap, request),
              StatusIs(absl::StatusCode::kNotFound, HasReason("REVISION_NOT_FOUND")));
  request.set_revision_id("first");
  EXPECT_THAT(Call(maps_, &Maps::RollbackJourneyMap, request),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("revision_id")));
}

TEST_F(JourneyMapTest, Publish_FreezesVersions) {
  ASSERT_OK(Create());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap published, Publish());
  EXPECT_EQ(published.published_version(), absl::StrCat(kName, "/versions/1"));
  EXPECT_TRUE(published.has_publish_time());
  EXPECT_THAT(Get(kName), IsOkAndHolds(EqualsProto(published)));
  ASSERT_OK(Rename("Later"));
  v1::GetJourneyMapVersionRequest get;
  get.set_name(published.published_version());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMapVersion version, Call(maps_, &Maps::GetJourneyMapVersion, get));
  EXPECT_EQ(version.journey_map().display_name(), "Order");
  EXPECT_EQ(version.name(), get.name());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap again, Publish());
  EXPECT_EQ(again.published_version(), absl::StrCat(kName, "/versions/2"));
  get.set_name(absl::StrCat(kName, "/versions/3"));
  EXPECT_THAT(Call(maps_, &Maps::GetJourneyMapVersion, get), StatusIs(absl::StatusCode::kNotFound));
  get.set_name(absl::StrCat(kName, "/versions/one"));
  EXPECT_THAT(Call(maps_, &Maps::GetJourneyMapVersion, get),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("name")));
}

TEST_F(JourneyMapTest, Publish_WithoutAnyBinding_IsFailedPrecondition) {
  ASSERT_OK(Create(R"pb(display_name: "Empty")pb"));
  EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("JOURNEY_MAP_NOT_PUBLISHABLE")));
}

TEST_F(JourneyMapTest, Publish_StaleEtag_IsAborted) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Create());
  ASSERT_OK(Rename("Later"));
  EXPECT_THAT(Publish(map.etag()), StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
}

TEST_F(JourneyMapTest, Diff_NamesWhatChanged) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap first, Create());
  ASSERT_OK(Rename("Second"));
  v1::DiffJourneyMapRequest request;
  request.set_name(kName);
  request.set_base_revision_id(first.revision_id());
  ASSERT_OK_AND_ASSIGN(const auto diff, Call(maps_, &Maps::DiffJourneyMap, request));
  ASSERT_THAT(diff.changes(), SizeIs(1));
  EXPECT_EQ(diff.changes(0).field(), "display_name");
  EXPECT_EQ(diff.changes(0).kind(), v1::JourneyMapChange::CHANGED);
  request.set_revision_id(first.revision_id());
  EXPECT_THAT(Call(maps_, &Maps::DiffJourneyMap, request)->changes(), SizeIs(0));
}

TEST_F(JourneyMapTest, InvalidMap_NamesThePathsWithinTheRequest) {
  EXPECT_THAT(Create(R"pb(
                display_name: "Bad"
                phases { id: "buy" display_name: "Buy" }
                touchpoints { id: "a" phase: "buy" display_name: "A" }
                touchpoints {
                  id: "b"
                  phase: "sell"
                  display_name: "B"
                  emotions { level: 3 }
                }
              )pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("journey_map.touchpoints[1].phase"),
                    HasFieldViolation("journey_map.touchpoints[1].emotions[0].level")));
}

TEST_F(JourneyMapTest, NumbersThatAreNone_AreInvalidArgument) {
  auto request = ParseProto<v1::CreateJourneyMapRequest>(R"pb(
    parent: "workspaces/w"
    journey_map {
      display_name: "Bad"
      phases { id: "buy" display_name: "Buy" }
      touchpoints {
        id: "a"
        phase: "buy"
        display_name: "A"
        emotions { level: nan }
      }
    })pb");
  EXPECT_THAT(Call(maps_, &Maps::CreateJourneyMap, request),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                    HasFieldViolation("journey_map.touchpoints[0].emotions[0].level")));
}

TEST_F(JourneyMapTest, ExportAndImport_GiveTheSameMap) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Create());
  v1::ExportJourneyMapRequest request;
  request.set_name(kName);
  request.set_format(v1::JSON);
  ASSERT_OK_AND_ASSIGN(const auto exported, Call(maps_, &Maps::ExportJourneyMap, request));
  v1::ImportJourneyMapRequest import;
  import.set_parent("workspaces/w");
  import.set_journey_map_id("copy");
  import.set_format(v1::JSON);
  import.set_text(exported.text());
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap copy, Call(maps_, &Maps::ImportJourneyMap, import));
  EXPECT_EQ(copy.name(), "workspaces/w/journeyMaps/copy");
  EXPECT_THAT(copy.touchpoints(0), EqualsProto(map.touchpoints(0)));

  EXPECT_THAT(Call(maps_, &Maps::ImportJourneyMap, import),
              StatusIs(absl::StatusCode::kAlreadyExists, HasReason("RESOURCE_ALREADY_EXISTS")));
  import.set_allow_replace(true);
  import.set_format(v1::MERMAID);
  import.set_text("journey\n  title Day\n  section Work\n    Make tea: 5: Me\n");
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap replaced, Call(maps_, &Maps::ImportJourneyMap, import));
  EXPECT_EQ(replaced.display_name(), "Day");
  EXPECT_EQ(replaced.touchpoints_size(), 1);
  import.set_text("pie\n");
  EXPECT_EQ(Call(maps_, &Maps::ImportJourneyMap, import).status().code(), absl::StatusCode::kInvalidArgument);
  import.set_format(v1::JOURNEY_MAP_FORMAT_UNSPECIFIED);
  EXPECT_THAT(Call(maps_, &Maps::ImportJourneyMap, import),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("format")));
}

TEST_F(JourneyMapTest, Discover_DraftsAMapThatCanBeCreated) {
  v1::RecordEventsRequest record;
  record.set_parent("workspaces/w");
  for (int customer = 0; customer < 5; ++customer) {
    for (int step = 0; step < 3; ++step) {
      v1::CustomerEvent& event = *record.add_events();
      event.set_id(absl::StrCat(customer, "-", step));
      event.set_source("shop");
      event.set_customer_id(absl::StrCat("c", customer));
      event.set_event_name(absl::StrCat("step_", step));
      event.mutable_event_time()->set_seconds(1760000000 + step * 60);
    }
  }
  ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, record));
  auto request = ParseProto<v1::DiscoverJourneyMapRequest>(R"pb(parent: "workspaces/w")pb");
  ASSERT_OK_AND_ASSIGN(const auto draft, Call(maps_, &Maps::DiscoverJourneyMap, request));
  EXPECT_EQ(draft.event_count(), 15);
  EXPECT_EQ(draft.instance_count(), 5);
  EXPECT_EQ(draft.transition_count(), 2);
  EXPECT_EQ(draft.journey_map().touchpoints_size(), 3);
  auto create = ParseProto<v1::CreateJourneyMapRequest>(R"pb(parent: "workspaces/w")pb");
  *create.mutable_journey_map() = draft.journey_map();
  EXPECT_OK(Call(maps_, &Maps::CreateJourneyMap, create));

  request.set_transition_share_min(std::nan(""));
  EXPECT_THAT(Call(maps_, &Maps::DiscoverJourneyMap, request), HasFieldViolation("transition_share_min"));
  request.clear_transition_share_min();
  request.set_touchpoint_count_max(201);
  EXPECT_THAT(Call(maps_, &Maps::DiscoverJourneyMap, request), HasFieldViolation("touchpoint_count_max"));
  request.set_touchpoint_count_max(0);
  request.set_filter("colour = 1");
  EXPECT_THAT(Call(maps_, &Maps::DiscoverJourneyMap, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")));
}

TEST_F(JourneyMapTest, ConcurrentEditsWithOneEtag_ExactlyOneWins) {
  ASSERT_OK_AND_ASSIGN(v1::JourneyMap map, Create());
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> won = 0;
    std::atomic<int> stale = 0;
    std::vector<std::thread> editors;
    for (int editor = 0; editor < 8; ++editor) {
      editors.emplace_back([&, editor] {
        const auto result = Rename(absl::StrCat("Round ", round, " editor ", editor), map.etag());
        if (result.ok()) ++won;
        if (GetErrorReason(result.status()) == "STALE_ETAG") ++stale;
      });
    }
    for (std::thread& editor : editors) editor.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(stale, 7);
    ASSERT_OK_AND_ASSIGN(map, Get(kName));
  }
}

TEST_F(JourneyMapTest, ConcurrentEditsOfDifferentFields_AllStand) {
  ASSERT_OK(Create());
  std::vector<std::thread> editors;
  for (int editor = 0; editor < 16; ++editor) {
    editors.emplace_back([&, editor] {
      for (int i = 0; i < 5; ++i) {
        v1::UpdateJourneyMapRequest request;
        request.mutable_journey_map()->set_name(kName);
        if (editor % 2 == 0) {
          request.mutable_journey_map()->set_display_name(absl::StrCat("Name ", editor, " ", i));
          request.mutable_update_mask()->add_paths("display_name");
        } else {
          request.mutable_journey_map()->set_description(absl::StrCat("Text ", editor, " ", i));
          request.mutable_update_mask()->add_paths("description");
        }
        EXPECT_OK(Call(maps_, &Maps::UpdateJourneyMap, request));
      }
    });
  }
  for (std::thread& editor : editors) editor.join();
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map, Get(kName));
  EXPECT_THAT(map.display_name(), HasSubstr("Name "));
  EXPECT_THAT(map.description(), HasSubstr("Text "));
  v1::ListJourneyMapRevisionsRequest revisions;
  revisions.set_name(kName);
  revisions.set_page_size(1000);
  EXPECT_THAT(Call(maps_, &Maps::ListJourneyMapRevisions, revisions)->journey_maps(), SizeIs(81));
}

}  // namespace
}  // namespace throughline::testing
