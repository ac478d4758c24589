#include "services/customer/customers.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "tests/support/plain_event_view.h"
#include "tests/unit/customer/sample.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::Event;
using ::throughline::testing::HasReason;
using ::throughline::testing::IsOkAndHolds;
using ::throughline::testing::PlainEventView;
using ::throughline::testing::SampleLifecycle;
using ::throughline::testing::Second;
using ::throughline::testing::StatusIs;

constexpr char kWorkspace[] = "workspaces/w";

Filter Parse(const std::string& text) {
  const absl::StatusOr<Filter> filter = Filter::ParseAndCheck(text, CustomerFilterFields());
  EXPECT_OK(filter) << text;
  return filter.ok() ? *filter : Filter();
}

std::vector<std::string> Ids(const CustomerPage& page) {
  std::vector<std::string> ids;
  for (const v1::Customer& customer : page.customers) ids.push_back(customer.customer_id());
  return ids;
}

TEST(GetCustomerTest, SaysWhatTheEventsSay) {
  PlainEventView view;
  view.Add(Event("ben", 0, "visit"));
  view.Add(Event("anna/1", 9, "buy"));
  view.Add(Event("anna/1", 3, "visit"));
  EXPECT_THAT(GetCustomer(view, SampleLifecycle(), kWorkspace, "anna/1", Second(100), Patience()),
              IsOkAndHolds(EqualsProto(R"pb(
                name: "workspaces/w/customers/anna%2F1"
                customer_id: "anna/1"
                first_event_time { seconds: 1767225603 }
                last_event_time { seconds: 1767225609 }
                event_count: 2
                lifecycle_stage: "workspaces/w/lifecycleStages/customer")pb")));
  ASSERT_OK_AND_ASSIGN(const v1::Customer before,
                       GetCustomer(view, SampleLifecycle(), kWorkspace, "anna/1", Second(8), Patience()));
  EXPECT_EQ(before.lifecycle_stage(), "workspaces/w/lifecycleStages/lead") << "the purchase is still ahead";
  EXPECT_THAT(GetCustomer(view, SampleLifecycle(), kWorkspace, "nobody", Second(0), Patience()),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  ASSERT_OK_AND_ASSIGN(const v1::Customer plain,
                       GetCustomer(view, Lifecycle(), kWorkspace, "ben", Second(8), Patience()));
  EXPECT_EQ(plain.lifecycle_stage(), "");
}

TEST(ListCustomersTest, EveryField_CanBeFiltered) {
  PlainEventView view;
  view.Add(Event("anna", 0, "visit"));
  view.Add(Event("anna", 90'000, "buy"));
  view.Add(Event("ben", 10, "visit"));
  view.Add(Event("ghost", 20, "ghost"));
  const auto matching = [&](const std::string& filter) {
    const auto page =
        ListCustomers(view, SampleLifecycle(), kWorkspace, Parse(filter), 0, 10, Second(100'000), Patience());
    EXPECT_OK(page);
    return page.ok() ? Ids(*page) : std::vector<std::string>{"error"};
  };
  EXPECT_THAT(matching(""), ElementsAre("anna", "ben", "ghost"));
  EXPECT_THAT(matching("customer_id = \"*n*\""), ElementsAre("anna", "ben"));
  EXPECT_THAT(matching("event_count > 1"), ElementsAre("anna"));
  EXPECT_THAT(matching("first_event_time >= \"2026-01-01T00:00:10Z\""), ElementsAre("ben", "ghost"));
  EXPECT_THAT(matching("last_event_time < \"2026-01-02\""), ElementsAre("ben", "ghost"));
  EXPECT_THAT(matching("lifecycle_stage = customer"), ElementsAre("anna"));
  EXPECT_THAT(matching("lifecycle_stage != customer"), ElementsAre("ben", "ghost"));
  EXPECT_THAT(matching("lifecycle_stage = null"), ElementsAre("ghost"));
  EXPECT_THAT(matching("NOT lifecycle_stage:* OR event_count = 2"), ElementsAre("anna", "ghost"));
}

TEST(ListCustomersTest, Traits_AreThoseOfTheLastEventThatStatesThem) {
  PlainEventView view;
  view.Add(Event("anna", 20, "visit", R"(traits { key: "plan" value { string_value: "pro" } })"));
  view.Add(Event("anna", 10, "visit", R"(traits { key: "plan" value { string_value: "free" } })"));
  view.Add(Event("ben", 0, "visit", R"(traits { key: "plan" value { string_value: "pro" } }
                                       traits { key: "seats" value { number_value: 5 } })"));
  view.Add(Event("ben", 9, "visit", R"(traits { key: "plan" value { null_value: NULL_VALUE } })"));
  view.Add(Event("cleo", 9, "visit"));
  const auto matching = [&](const std::string& filter) {
    const auto page = ListCustomers(view, SampleLifecycle(), kWorkspace, Parse(filter), 0, 10, Second(100), Patience());
    EXPECT_OK(page);
    const auto all = FindCustomers(view, SampleLifecycle(), Parse(filter), Second(100), Patience());
    EXPECT_OK(all);
    if (!page.ok() || !all.ok()) return std::vector<std::string>{"error"};
    EXPECT_EQ(all->size(), page->customers.size());
    return Ids(*page);
  };
  EXPECT_THAT(matching("traits.plan = pro"), ElementsAre("anna"));
  EXPECT_THAT(matching("traits.plan = free"), IsEmpty());
  EXPECT_THAT(matching("traits.plan = null"), ElementsAre("ben", "cleo"));
  EXPECT_THAT(matching("traits.plan != pro"), ElementsAre("ben", "cleo"));
  EXPECT_THAT(matching("traits.seats > 4 OR traits:plan"), ElementsAre("anna", "ben"));
  EXPECT_THAT(matching("NOT traits.seats > 4 AND event_count < 2"), ElementsAre("cleo"));
  EXPECT_THAT(matching("traits.plan = \"p*\" AND lifecycle_stage = lead"), ElementsAre("anna"));
  EXPECT_THAT(Filter::ParseAndCheck("traits = pro", CustomerFilterFields()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")));
}

// 25 000 customers, every 1000th of whom bought; of these it is known.
class ManyCustomersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    view_ = new PlainEventView();
    for (int i = 0; i < 25'000; ++i) {
      const bool buys = i % 1000 == 999;
      view_->Add(Event(absl::StrCat("c", i), i, buys ? "buy" : "visit",
                       buys ? R"(traits { key: "buyer" value { bool_value: true } })" : ""));
    }
  }
  void SetUp() override { view_->list_calls = view_->first_match_calls = 0; }

  static PlainEventView* view_;
};
PlainEventView* ManyCustomersTest::view_ = nullptr;

TEST_F(ManyCustomersTest, Pages_JoinToAllMatches) {
  for (const char* filter :
       {"lifecycle_stage = customer", "customer_id = \"*999\"", "traits.buyer = true", "event_count > 1"}) {
    std::vector<std::string> ids;
    std::optional<int64_t> next = 0;
    while (next.has_value()) {
      ASSERT_OK_AND_ASSIGN(const CustomerPage page, ListCustomers(*view_, SampleLifecycle(), kWorkspace, Parse(filter),
                                                                  *next, 7, Second(100'000), Patience()));
      for (const std::string& id : Ids(page)) ids.push_back(id);
      ASSERT_GT(page.next_ordinal.value_or(*next + 1), *next);
      next = page.next_ordinal;
    }
    EXPECT_THAT(ids, SizeIs(std::string(filter) == "event_count > 1" ? 0 : 25)) << filter;
  }
}

TEST_F(ManyCustomersTest, OneCall_LooksAtABoundedNumber) {
  ASSERT_OK_AND_ASSIGN(const CustomerPage page,
                       ListCustomers(*view_, SampleLifecycle(), kWorkspace, Parse("event_count > 1"), 0, 10,
                                     Second(100'000), Patience()));
  EXPECT_THAT(page.customers, IsEmpty());
  EXPECT_EQ(page.next_ordinal, 20'000);
  EXPECT_LE(view_->list_calls, 20);
  EXPECT_EQ(view_->first_match_calls, 0) << "nobody is shown, and the filter asks for no stage";
}

TEST_F(ManyCustomersTest, Traits_AreAskedForManyAtATime) {
  ASSERT_OK_AND_ASSIGN(const CustomerSet members,
                       FindCustomers(*view_, SampleLifecycle(), Parse("traits.buyer = true OR traits.buyer = false"),
                                     Second(100'000), Patience()));
  EXPECT_EQ(members.size(), 25);
  EXPECT_LE(view_->first_match_calls, 4) << "of 1000, 4000, 16 000 and the rest";
}

TEST_F(ManyCustomersTest, WithoutFilter_ReadsOnlyThePage) {
  ASSERT_OK_AND_ASSIGN(const CustomerPage page, ListCustomers(*view_, SampleLifecycle(), kWorkspace, Filter(), 24'990,
                                                              10, Second(100'000), Patience()));
  EXPECT_THAT(page.customers, SizeIs(10));
  EXPECT_EQ(page.next_ordinal, std::nullopt) << "a full last page";
  EXPECT_EQ(page.customers[9].lifecycle_stage(), "workspaces/w/lifecycleStages/customer");
  EXPECT_EQ(view_->list_calls, 1);
  EXPECT_EQ(view_->first_match_calls, 1);
  ASSERT_OK_AND_ASSIGN(const CustomerPage first, ListCustomers(*view_, SampleLifecycle(), kWorkspace, Filter(), 0, 10,
                                                               Second(100'000), Patience()));
  EXPECT_EQ(first.next_ordinal, 10);
}

}  // namespace
}  // namespace throughline
