// Who is one person: the same whatever the order in which links came.
#include "services/events/native/identity_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <ranges>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_builder.h"
#include "tests/contract/events/reference_people.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Feeds events to a graph as the columns do, and remembers what it tells.
class Feeder {
 public:
  void Add(const v1::CustomerEvent& event) {
    const auto [known, is_new] = codes_.try_emplace(event.customer_id(), static_cast<uint32_t>(codes_.size()));
    if (is_new) graph.SetCode(event.customer_id(), known->second);
    EventFields fields;
    fields.source = event.source();
    fields.id = event.id();
    fields.customer_id = event.customer_id();
    fields.linked_customer_id = event.identity_link().customer_id();
    fields.unlinked_source = event.identity_unlink().event_source();
    fields.unlinked_id = event.identity_unlink().event_id();
    const std::string statement = IdentityStatement::Encode(fields);
    if (statement.empty()) return;
    graph.Add(row_++, event.customer_id(), known->second, IdentityStatement::Decode(statement),
              [&](absl::string_view id) -> std::optional<uint32_t> {
                const auto code = codes_.find(std::string(id));
                return code == codes_.end() ? std::nullopt : std::optional(code->second);
              });
  }

  // What each customer's person is called, by what was told.
  std::map<std::string, std::string> Told() const {
    std::map<std::string, std::string> out;
    for (const auto& [id, code] : codes_) {
      const auto told = told_.find(code);
      if (told != told_.end()) out[id] = told->second.second;
    }
    return out;
  }
  uint32_t HomeOf(const std::string& id) const { return told_.at(codes_.at(id)).first; }
  uint32_t CodeOf(const std::string& id) const { return codes_.at(id); }

  IdentityGraph graph{[this](uint32_t customer, uint32_t home, absl::string_view name) {
    told_[customer] = {home, std::string(name)};
  }};

 private:
  std::map<std::string, uint32_t> codes_;
  std::map<uint32_t, std::pair<uint32_t, std::string>> told_;
  uint32_t row_ = 0;
};

TEST(IdentityGraphTest, People_AreThoseOfThePlainReference_InAnyOrder) {
  for (const uint64_t seed : std::views::iota(uint64_t{1}, uint64_t{301})) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    const uint64_t customers = 2 + random() % 30;
    std::vector<v1::CustomerEvent> events;
    for (int i = 0; i < 60; ++i) {
      Event event(absl::StrCat("e", i));
      const uint64_t customer = random() % customers;
      event.Customer(absl::StrCat("c", customer));
      const uint64_t other = random() % customers;
      if (random() % 2 == 0 && other != customer) event.Link(absl::StrCat("c", other));
      if (random() % 3 == 0) event.Unlink(absl::StrCat("e", random() % 60));
      events.push_back(event);
    }
    const std::map<std::string, std::string> expected = ReferencePeople(events);
    for (int order = 0; order < 3; ++order) {
      Feeder feeder;
      for (const v1::CustomerEvent& event : events) feeder.Add(event);
      for (const auto& [id, name] : feeder.Told()) ASSERT_EQ(name, expected.at(id)) << id;
      std::map<std::string, uint32_t> homes;
      for (const auto& [id, name] : expected) {
        const auto person = feeder.graph.FindPerson(id);
        ASSERT_TRUE(person.has_value());
        ASSERT_EQ(person->name, name) << id;
        if (!feeder.Told().contains(id)) continue;
        ASSERT_EQ(feeder.HomeOf(id), person->home);
        const auto [home, is_new] = homes.try_emplace(name, feeder.HomeOf(id));
        ASSERT_EQ(home->second, feeder.HomeOf(id)) << "one person, one home";
        ASSERT_LE(home->second, feeder.CodeOf(id)) << "the smallest";
      }
      std::shuffle(events.begin(), events.end(), random);
    }
  }
}

TEST(IdentityGraphTest, Name_IsWhoIsLinkedToAndDoesNotLinkOn) {
  Feeder feeder;
  feeder.Add(Event("1").Customer("cookie").Link("device"));
  feeder.Add(Event("2").Customer("device").Link("zoe"));
  EXPECT_EQ(feeder.graph.FindPerson("cookie")->name, "zoe");
  EXPECT_THAT(feeder.graph.FindPerson("cookie")->others, ElementsAre("cookie", "device"));
  feeder.Add(Event("3").Customer("device").Link("ann"));
  EXPECT_EQ(feeder.graph.FindPerson("cookie")->name, "ann") << "of several the first";
  feeder.Add(Event("4").Customer("ann").Link("cookie"));
  feeder.Add(Event("5").Customer("zoe").Link("cookie"));
  EXPECT_EQ(feeder.graph.FindPerson("zoe")->name, "ann") << "where all link on, the first of all";
}

TEST(IdentityGraphTest, Link_ThatWasSaidTwice_HoldsUntilBothAreTakenBack) {
  Feeder feeder;
  feeder.Add(Event("1").Customer("a").Link("b"));
  feeder.Add(Event("2").Customer("a").Link("b"));
  feeder.Add(Event("3").Customer("x").Unlink("1"));
  EXPECT_EQ(feeder.graph.FindPerson("a")->name, "b");
  feeder.Add(Event("4").Customer("x").Unlink("2"));
  EXPECT_EQ(feeder.graph.FindPerson("a")->name, "a");
  EXPECT_EQ(feeder.graph.EdgesAround("b")->size(), 2u);
  EXPECT_THAT(*feeder.graph.EdgesAround("x"), IsEmpty());
  EXPECT_TRUE(feeder.graph.IsAsOf("a", 4));
  EXPECT_FALSE(feeder.graph.IsAsOf("b", 3)) << "the second was taken back after that";
  EXPECT_TRUE(feeder.graph.IsAsOf("x", 0));
}

TEST(IdentityStatementTest, Bytes_SayWhatTheEventSaid) {
  EventFields fields;
  EXPECT_EQ(IdentityStatement::Encode(fields), "");
  fields.source = "shop";
  fields.id = "e1";
  fields.linked_customer_id = "ann";
  fields.unlinked_source = "crm";
  fields.unlinked_id = "e0";
  const std::string bytes = IdentityStatement::Encode(fields);
  const IdentityStatement both = IdentityStatement::Decode(bytes);
  EXPECT_TRUE(both.own == EventKey::Of("shop", "e1"));
  EXPECT_EQ(both.linked_customer_id, "ann");
  ASSERT_TRUE(both.unlinked.has_value());
  EXPECT_TRUE(*both.unlinked == EventKey::Of("crm", "e0"));
  EXPECT_FALSE(EventKey::Of("ab", "c") == EventKey::Of("a", "bc"));
}

}  // namespace
}  // namespace throughline::testing
