#include "services/journey/published_maps.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/events/event_match.h"
#include "services/journey/publish.h"
#include "tests/support/catalog_fixture.h"
#include "tests/support/matchers.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::HasReason;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;

std::shared_ptr<const CompiledMap> Compile(const std::string& map_text) {
  v1::JourneyMapVersion version;
  version.set_name("workspaces/w/journeyMaps/m/versions/3");
  *version.mutable_journey_map() = ParseProto<v1::JourneyMap>(map_text);
  const absl::StatusOr<std::shared_ptr<const CompiledMap>> compiled = CompileMap(version);
  EXPECT_OK(compiled);
  return compiled.ok() ? *compiled : nullptr;
}

// How many selectors each touchpoint is kept apart from.
std::vector<size_t> Unless(const CompiledMap& map) {
  std::vector<size_t> counts;
  for (const CompiledTouchpoint& touchpoint : map.touchpoints) counts.push_back(touchpoint.selector.unless.size());
  return counts;
}

TEST(CompileMapTest, NamesAndRules_AreTakenFromTheVersion) {
  const auto map = Compile(R"pb(
    touchpoints {
      id: "a"
      event_binding { event_names: "x" }
      completes_journey: true
    }
    instance_rule {
      correlation_property: "order_id"
      abandon_after { seconds: 60 nanos: 500000000 }
    })pb");
  EXPECT_EQ(map->map_name, "workspaces/w/journeyMaps/m");
  EXPECT_EQ(map->version_name, "workspaces/w/journeyMaps/m/versions/3");
  EXPECT_EQ(map->run.correlation_property, "order_id");
  EXPECT_EQ(map->abandon_after, absl::Milliseconds(60500));
  EXPECT_TRUE(map->Find("a")->completes);
  EXPECT_EQ(map->Find("nothing"), nullptr);
}

TEST(CompileMapTest, BindingsThatCannotOverlap_NeedNoUnless) {
  EXPECT_THAT(Unless(*Compile(R"pb(
                touchpoints {
                  id: "a"
                  event_binding { event_names: "x" event_names: "y" }
                }
                touchpoints {
                  id: "b"
                  event_binding { event_names: "z" }
                }
                touchpoints {
                  id: "c"
                  event_binding { event_names: "s" filter: "survey = nps" }
                }
                touchpoints {
                  id: "d"
                  event_binding { event_names: "s" filter: "survey = csat AND score > 3" }
                }
                touchpoints {
                  id: "e"
                  event_binding { filter: "event_name = q" }
                })pb")),
              ElementsAre(0, 0, 0, 0, 0));
}

TEST(CompileMapTest, BindingsThatMayOverlap_BelongToTheFirst) {
  EXPECT_THAT(Unless(*Compile(R"pb(
                touchpoints {
                  id: "a"
                  event_binding { event_names: "x" filter: "channel = web" }
                }
                touchpoints {
                  id: "b"
                  event_binding { event_names: "x" }
                }
                touchpoints {
                  id: "c"
                  event_binding { filter: "event_name = \"x*\"" }
                }
                touchpoints {
                  id: "d"
                  event_binding { event_names: "other" filter: "channel = mail" }
                })pb")),
              ElementsAre(0, 1, 2, 0 + 1));  // "x*" is not seen to be apart from "other"
}

TEST(CompileMapTest, EqualTimesInTwoSpellings_AreNotTakenForDifferent) {
  EXPECT_THAT(Unless(*Compile(R"pb(
                touchpoints {
                  id: "a"
                  event_binding { filter: "event_time = \"2026-01-01T00:00:00Z\"" }
                }
                touchpoints {
                  id: "b"
                  event_binding { filter: "event_time = \"2026-01-01T01:00:00+01:00\"" }
                })pb")),
              ElementsAre(0, 1));
}

TEST(CompileMapTest, EveryEvent_MatchesAtMostOneTouchpoint_TheFirst) {
  const auto map = Compile(R"pb(
    touchpoints {
      id: "a"
      event_binding { event_names: "x" filter: "channel = web" }
    }
    touchpoints { id: "none" }
    touchpoints {
      id: "b"
      event_binding { event_names: "x" event_names: "y" }
    }
    touchpoints {
      id: "c"
      event_binding { filter: "channel = web OR channel = mail" }
    })pb");
  const auto visited = [&](const std::string& event_text) {
    const auto event = ParseProto<v1::CustomerEvent>(event_text);
    std::vector<std::string> ids;
    for (const CompiledTouchpoint& touchpoint : map->touchpoints) {
      if (MatchesSelector(touchpoint.selector, event, CustomerFacts())) ids.push_back(touchpoint.id);
    }
    return ids;
  };
  EXPECT_THAT(visited(R"pb(event_name: "x" channel: "web")pb"), ElementsAre("a"));
  EXPECT_THAT(visited(R"pb(event_name: "x" channel: "mail")pb"), ElementsAre("b"));
  EXPECT_THAT(visited(R"pb(event_name: "y")pb"), ElementsAre("b"));
  EXPECT_THAT(visited(R"pb(event_name: "z" channel: "web")pb"), ElementsAre("c"));
  EXPECT_THAT(visited(R"pb(event_name: "z")pb"), IsEmpty());
  EXPECT_FALSE(map->Find("none")->has_binding);
}

TEST(CompileMapTest, StalledAfter_IsTheLongestWayOut) {
  const auto map = Compile(R"pb(
    touchpoints {
      id: "a"
      event_binding { event_names: "a" }
    }
    touchpoints {
      id: "b"
      event_binding { event_names: "b" }
    }
    touchpoints {
      id: "c"
      event_binding { event_names: "c" }
    }
    transitions {
      from_touchpoint: "a"
      to_touchpoint: "b"
      expected_duration { seconds: 10 }
    }
    transitions {
      from_touchpoint: "a"
      to_touchpoint: "c"
      expected_duration { seconds: 30 }
    }
    transitions {
      from_touchpoint: "b"
      to_touchpoint: "c"
      expected_duration { seconds: 10 }
    }
    transitions { from_touchpoint: "b" kind: EXIT })pb");
  EXPECT_EQ(map->Find("a")->stalled_after, absl::Seconds(30));
  EXPECT_EQ(map->Find("b")->stalled_after, absl::InfiniteDuration()) << "one way states no duration";
  EXPECT_EQ(map->Find("c")->stalled_after, absl::InfiniteDuration()) << "no way leaves";
}

class PublishedMapsTest : public testing::CatalogFixture {
 protected:
  void SetUp() override {
    CatalogFixture::SetUp();
    maps_ = std::make_unique<PublishedMaps>(*catalog_);
  }
  void Draw(const std::string& name) {
    v1::JourneyMap map = ParseProto<v1::JourneyMap>(R"pb(
      display_name: "M"
      phases { id: "p" display_name: "P" }
      touchpoints {
        id: "a"
        phase: "p"
        display_name: "A"
        event_binding { event_names: "a" }
      })pb");
    map.set_name(name);
    Put(name, map);
  }
  void Publish(const std::string& name) {
    ASSERT_OK(catalog_->Write(
        [&](WriteTransaction& transaction) { return PublishJourneyMap(transaction, name, "").status(); }));
  }
  std::vector<std::string> Versions(const std::string& workspace) {
    std::vector<std::string> names;
    const auto list = maps_->List(workspace);
    EXPECT_OK(list);
    if (list.ok()) {
      for (const auto& map : *list) names.push_back(map->version_name);
    }
    return names;
  }

  std::unique_ptr<PublishedMaps> maps_;
};

TEST_F(PublishedMapsTest, OnlyPublishedLivingMapsOfTheWorkspace_InTheOrderOfTheirNames) {
  Draw("workspaces/w/journeyMaps/b");
  Draw("workspaces/w/journeyMaps/a");
  Draw("workspaces/w/journeyMaps/draft");
  Draw("workspaces/w2/journeyMaps/other");
  EXPECT_THAT(Versions("workspaces/w"), IsEmpty());
  Publish("workspaces/w/journeyMaps/b");
  Publish("workspaces/w/journeyMaps/a");
  Publish("workspaces/w2/journeyMaps/other");
  EXPECT_THAT(Versions("workspaces/w"),
              ElementsAre("workspaces/w/journeyMaps/a/versions/1", "workspaces/w/journeyMaps/b/versions/1"));
  Publish("workspaces/w/journeyMaps/b");
  EXPECT_THAT(Versions("workspaces/w"),
              ElementsAre("workspaces/w/journeyMaps/a/versions/1", "workspaces/w/journeyMaps/b/versions/2"));
  Delete("workspaces/w/journeyMaps/a");
  EXPECT_THAT(Versions("workspaces/w"), ElementsAre("workspaces/w/journeyMaps/b/versions/2"));
  EXPECT_THAT(Versions("workspaces/none"), IsEmpty());
}

TEST_F(PublishedMapsTest, Version_IsCompiledOnce) {
  Draw("workspaces/w/journeyMaps/a");
  Publish("workspaces/w/journeyMaps/a");
  ASSERT_OK_AND_ASSIGN(const auto before, maps_->List("workspaces/w"));
  Put("workspaces/w/departments/d", ParseProto<v1::Department>(R"pb(display_name: "D")pb"));
  ASSERT_OK_AND_ASSIGN(const auto unrelated, maps_->List("workspaces/w"));
  Draw("workspaces/w/journeyMaps/b");
  ASSERT_OK_AND_ASSIGN(const auto related, maps_->List("workspaces/w"));
  ASSERT_THAT(related, SizeIs(1));
  EXPECT_EQ(before[0], unrelated[0]);
  EXPECT_EQ(before[0], related[0]);
}

TEST_F(PublishedMapsTest, ManyUnrelatedChanges_HideNoMap) {
  Draw("workspaces/w/journeyMaps/a");
  EXPECT_THAT(Versions("workspaces/w"), IsEmpty());
  for (int i = 0; i < 3; ++i) {  // more changes than are looked through
    ASSERT_OK(catalog_->Write([&](WriteTransaction& transaction) {
      for (int k = 0; k < 600; ++k) {
        const auto department = ParseProto<v1::Department>(R"pb(display_name: "D")pb");
        const absl::Status status =
            transaction.Put("workspaces/w/departments/d" + std::to_string(i * 600 + k), department);
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    }));
  }
  Publish("workspaces/w/journeyMaps/a");
  EXPECT_THAT(Versions("workspaces/w"), ElementsAre("workspaces/w/journeyMaps/a/versions/1"));
}

TEST_F(PublishedMapsTest, PurgedAndDrawnAnew_IsTheNewContent) {
  const std::string name = "workspaces/w/journeyMaps/a";
  Draw(name);
  Publish(name);
  EXPECT_THAT(Versions("workspaces/w"), SizeIs(1));
  ASSERT_OK(catalog_->Write([&](WriteTransaction& transaction) {
    const absl::Status status = transaction.Purge(name + "/versions/1");
    return status.ok() ? transaction.Purge(name) : status;
  }));
  auto map = ParseProto<v1::JourneyMap>(R"pb(
    display_name: "New"
    phases { id: "p" display_name: "P" }
    touchpoints {
      id: "z"
      phase: "p"
      display_name: "Z"
      event_binding { event_names: "z" }
    })pb");
  Put(name, map);
  Publish(name);
  ASSERT_OK_AND_ASSIGN(const auto list, maps_->List("workspaces/w"));
  ASSERT_THAT(list, SizeIs(1));
  EXPECT_EQ(list[0]->version_name, name + "/versions/1");
  EXPECT_NE(list[0]->Find("z"), nullptr);
}

TEST_F(PublishedMapsTest, Find_SaysWhyThereIsNone) {
  const std::string name = "workspaces/w/journeyMaps/a";
  EXPECT_THAT(maps_->Find(name), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  EXPECT_THAT(maps_->Find("nonsense"), StatusIs(absl::StatusCode::kNotFound));
  Draw(name);
  EXPECT_THAT(maps_->Find(name),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("JOURNEY_MAP_NOT_PUBLISHED")));
  Publish(name);
  ASSERT_OK_AND_ASSIGN(const auto map, maps_->Find(name));
  EXPECT_EQ(map->map_name, name);
  Delete(name);
  EXPECT_THAT(maps_->Find(name), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

}  // namespace
}  // namespace throughline
