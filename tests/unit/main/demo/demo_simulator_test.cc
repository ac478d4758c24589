#include "services/main/demo/demo_simulator.h"

#include <map>
#include <set>
#include <tuple>

#include "absl/time/civil_time.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/events/event_validation.h"
#include "tests/support/matchers.h"

namespace throughline::demo {
namespace {

constexpr int kCustomers = 4000;

absl::Time Now() { return absl::FromCivil(absl::CivilSecond(2026, 3, 20, 14, 30, 0), absl::UTCTimeZone()); }

SimulatorOptions Options(int customer_count = kCustomers) {
  SimulatorOptions options;
  options.now = Now();
  options.customer_count = customer_count;
  return options;
}

// Every event of a simulation, made once for all tests.
const std::vector<std::vector<v1::CustomerEvent>>& AllEvents() {
  static const auto& all = *[] {
    auto* events = new std::vector<std::vector<v1::CustomerEvent>>();
    const DemoSimulator simulator(Options());
    for (int customer = 0; customer < kCustomers; ++customer) events->push_back(simulator.EventsOf(customer));
    return events;
  }();
  return all;
}

template <typename Function>
void ForEachEvent(Function function) {
  for (const auto& events : AllEvents()) {
    for (const v1::CustomerEvent& event : events) function(event);
  }
}

std::string Bytes(const v1::CustomerEvent& event) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  event.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

// FNV-1a.
uint64_t Digest(const DemoSimulator& simulator) {
  uint64_t digest = 14695981039346656037u;
  for (int customer = 0; customer < simulator.customer_count(); ++customer) {
    for (const v1::CustomerEvent& event : simulator.EventsOf(customer)) {
      for (const char byte : Bytes(event)) digest = (digest ^ static_cast<uint8_t>(byte)) * 1099511628211u;
    }
  }
  return digest;
}

// Mean score of a survey's answers in days [first, last) of the simulation.
double MeanScore(const char* survey, int first, int last) {
  const int64_t begin = absl::ToUnixSeconds(Now()) / 86'400 * 86'400 - int64_t{kDemoDays} * 86'400;
  double sum = 0;
  int count = 0;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    const int64_t day = (event.event_time().seconds() - begin) / 86'400;
    if (event.survey_response().survey() != survey || day < first || day >= last) return;
    sum += event.survey_response().score();
    ++count;
  });
  EXPECT_GT(count, 30) << survey;
  return sum / count;
}

TEST(DemoSimulatorTest, EventsOf_AnyMachine_GivesTheSameBytes) {
  // Whoever changes the story changes this number on purpose.
  EXPECT_EQ(Digest(DemoSimulator(Options(200))), 12788383076213045799u);
}

TEST(DemoSimulatorTest, EventsOf_CalledAgain_GivesTheSameEvents) {
  const DemoSimulator simulator(Options());
  for (int customer : {0, 17, kCustomers - 1}) {
    const auto events = simulator.EventsOf(customer);
    ASSERT_EQ(events.size(), AllEvents()[customer].size());
    for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(Bytes(events[i]), Bytes(AllEvents()[customer][i]));
  }
}

TEST(DemoSimulatorTest, EventsOf_AnotherSeed_TellsAnotherStory) {
  SimulatorOptions other = Options(200);
  other.seed = 8;
  EXPECT_NE(Digest(DemoSimulator(other)), Digest(DemoSimulator(Options(200))));
}

TEST(DemoSimulatorTest, EventsOf_EveryEvent_IsValid) {
  ForEachEvent([](const v1::CustomerEvent& event) { ASSERT_OK(ValidateEvent(event, Now())) << event.DebugString(); });
}

TEST(DemoSimulatorTest, EventsOf_EveryEvent_HasAnIdentityOfItsOwn) {
  std::set<std::pair<std::string, std::string>> identities;
  size_t count = 0;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    ++count;
    identities.emplace(event.source(), event.id());
  });
  EXPECT_EQ(identities.size(), count);
}

TEST(DemoSimulatorTest, EventsOf_EachCustomer_ComeInOrderAndEndNow) {
  const int64_t now = absl::ToUnixSeconds(Now());
  const int64_t begin = now / 86'400 * 86'400 - int64_t{kDemoDays} * 86'400;
  int64_t last = 0;
  for (const auto& events : AllEvents()) {
    std::tuple<int64_t, int64_t> before(0, 0);
    for (const v1::CustomerEvent& event : events) {
      EXPECT_EQ(event.customer_id(), events.front().customer_id());
      EXPECT_GE(event.event_time().seconds(), begin);
      EXPECT_LE(event.event_time().seconds(), now);
      const std::tuple<int64_t, int64_t> place(event.event_time().seconds(), event.sequence());
      EXPECT_LT(before, place);
      before = place;
      last = std::max(last, event.event_time().seconds());
    }
  }
  EXPECT_GT(last, now - 3600);
}

TEST(DemoSimulatorTest, EventsOf_AllCustomers_AreAboutTwentyEach) {
  size_t count = 0;
  std::set<std::string> customers;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    ++count;
    customers.insert(event.customer_id());
  });
  EXPECT_GT(count, size_t{kCustomers} * 18);
  EXPECT_LT(count, size_t{kCustomers} * 22);
  // Who arrives today may not have clicked yet.
  EXPECT_GT(customers.size(), size_t{kCustomers} - 20);
}

TEST(DemoSimulatorTest, EventsOf_EachCustomer_FollowTheOrderOfTheJourney) {
  int orders = 0;
  for (const auto& events : AllEvents()) {
    std::map<std::string, int64_t> first;
    for (const v1::CustomerEvent& event : events) first.emplace(event.event_name(), event.event_time().seconds());
    const auto follows = [&](const char* later, const char* earlier) {
      if (!first.contains(later)) return;
      ASSERT_TRUE(first.contains(earlier)) << events.front().customer_id() << " " << later;
      EXPECT_LE(first.at(earlier), first.at(later)) << events.front().customer_id();
    };
    orders += first.contains("order_placed") ? 1 : 0;
    follows("order_placed", "coverage_checked");
    follows("coverage_checked", "site_visited");
    follows("consultation_held", "quote_requested");
    follows("router_delivered", "order_placed");
    follows("installation_completed", "router_delivered");
    follows("service_activated", "installation_completed");
    follows("monthly_charged", "service_activated");
    follows("case_answered", "case_opened");
    follows("case_resolved", "case_answered");
    follows("support_rated", "case_resolved");
    follows("review_written", "recommendation_rated");
    follows("friend_referred", "recommendation_rated");
  }
  EXPECT_GT(orders, kCustomers * 4 / 10);
  EXPECT_LT(orders, kCustomers * 6 / 10);
}

TEST(DemoSimulatorTest, EventsOf_Surveys_StayOnTheirScales) {
  const std::map<std::string, std::pair<double, double>> scales = {
      {"relationship-nps", {0, 10}}, {"installation", {1, 5}}, {"support", {1, 5}}, {"order-effort", {1, 7}}};
  std::map<std::string, std::set<double>> seen;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    if (!event.has_survey_response()) return;
    const auto scale = scales.find(event.survey_response().survey());
    ASSERT_NE(scale, scales.end()) << event.survey_response().survey();
    EXPECT_GE(event.survey_response().score(), scale->second.first);
    EXPECT_LE(event.survey_response().score(), scale->second.second);
    seen[scale->first].insert(event.survey_response().score());
  });
  EXPECT_EQ(seen.size(), scales.size());
  EXPECT_GE(seen["relationship-nps"].size(), 8u);
}

TEST(DemoSimulatorTest, EventsOf_Departments_HandOverWithEveryOutcome) {
  std::map<std::tuple<std::string, std::string>, std::set<int>> states;
  std::set<std::string> departments;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    departments.insert(event.department());
    if (!event.has_hand_off()) return;
    states[{event.hand_off().from_department(), event.hand_off().to_department()}].insert(event.hand_off().state());
  });
  EXPECT_EQ(departments, (std::set<std::string>{"marketing", "product", "sales", "support"}));
  EXPECT_EQ((states[{"marketing", "sales"}]),
            (std::set<int>{v1::HandOff::OFFERED, v1::HandOff::ACCEPTED, v1::HandOff::REJECTED, v1::HandOff::EXPIRED}));
  EXPECT_EQ((states[{"sales", "product"}]),
            (std::set<int>{v1::HandOff::OFFERED, v1::HandOff::ACCEPTED, v1::HandOff::RETURNED}));
  EXPECT_EQ((states[{"support", "product"}]), (std::set<int>{v1::HandOff::OFFERED, v1::HandOff::ACCEPTED}));
}

TEST(DemoSimulatorTest, EventsOf_Money_FlowsBothWays) {
  std::map<std::string, int64_t> sums;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    if (!event.has_money_movement()) return;
    EXPECT_EQ(event.money_movement().currency_code(), "EUR");
    sums[event.event_name()] += event.money_movement().amount_minor();
  });
  EXPECT_GT(sums["order_placed"], 0);
  EXPECT_GT(sums["monthly_charged"], 0);
  EXPECT_GT(sums["plan_upgraded"], 0);
  EXPECT_LT(sums["refund_issued"], 0);
}

TEST(DemoSimulatorTest, EventsOf_TheSlowQuarter_LowersScoresUntilItIsFixed) {
  const double before = MeanScore("installation", 0, 215);
  const double slow = MeanScore("installation", 235, 315);
  const double after = MeanScore("installation", 345, kDemoDays);
  EXPECT_LT(slow, before - 0.4);
  EXPECT_GT(after, slow + 0.5);
  // What went wrong once is remembered when it comes to a recommendation.
  EXPECT_LT(MeanScore("relationship-nps", 290, 360), MeanScore("relationship-nps", 100, 215) - 0.3);
}

TEST(DemoSimulatorTest, EventsOf_Arrivals_FollowTheWeek) {
  std::map<absl::Weekday, int> visits;
  ForEachEvent([&](const v1::CustomerEvent& event) {
    if (event.event_name() != "site_visited") return;
    const auto day = absl::ToCivilDay(absl::FromUnixSeconds(event.event_time().seconds()), absl::UTCTimeZone());
    ++visits[absl::GetWeekday(day)];
  });
  EXPECT_GT(visits[absl::Weekday::sunday], visits[absl::Weekday::friday] * 105 / 100);
}

TEST(DemoSimulatorTest, EventsOf_Appointments_AreOnWorkingDays) {
  ForEachEvent([](const v1::CustomerEvent& event) {
    if (event.event_name() != "installation_completed") return;
    const absl::Time time = absl::FromUnixSeconds(event.event_time().seconds());
    const auto second = absl::ToCivilSecond(time, absl::UTCTimeZone());
    const absl::Weekday weekday = absl::GetWeekday(absl::CivilDay(second));
    EXPECT_NE(weekday, absl::Weekday::saturday);
    EXPECT_NE(weekday, absl::Weekday::sunday);
    EXPECT_GE(second.hour(), 8);
    EXPECT_LT(second.hour(), 18);
  });
}

}  // namespace
}  // namespace throughline::demo
