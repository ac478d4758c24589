#include "services/main/demo/demo_story.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throughline::demo {
namespace {

constexpr char kMarketing[] = "marketing";
constexpr char kSales[] = "sales";
constexpr char kSupport[] = "support";
constexpr char kProduct[] = "product";

// The quarter in which the technicians are booked out, and what a median installation takes before, in and after it.
constexpr int kSlowFirstDay = 215;
constexpr int kSlowLastDay = 305;
constexpr int64_t kLeadDaysBefore = 9;
constexpr int64_t kLeadDaysSlow = 20;
constexpr int64_t kLeadDaysAfter = 6;
// The day from which support answers faster.
constexpr int kChatDay = 428;

struct Outage {
  int day;
  const char* region;
};
constexpr Outage kOutages[] = {{262, "north"}, {391, "harbour"}};
constexpr int kOutageDays = 3;

struct Plan {
  const char* id;
  int64_t price_minor;
};
constexpr Plan kHomePlans[] = {{"home-100", 2990}, {"home-500", 3990}, {"home-1000", 5490}};
constexpr int kHomePlanWeights[] = {46, 38, 16};
constexpr Plan kProPlans[] = {{"pro-500", 5990}, {"pro-1000", 8990}};
constexpr int kProPlanWeights[] = {64, 36};

constexpr const char* kRegions[] = {"north", "harbour", "hills", "old-town"};
constexpr int kRegionWeights[] = {34, 27, 21, 18};

constexpr const char* kGoodComments[] = {"Everything worked the first time. Thank you!", "Fast, friendly, no fuss.",
                                         "The technician explained every step.", "I have already told my neighbours.",
                                         "Clear answers and a fair price."};
constexpr const char* kFairComments[] = {"It works. The app could be simpler.", "Fine in the end, after a second call.",
                                         "Good speed, but the first bill was hard to read."};
constexpr const char* kPoorComments[] = {
    "I waited weeks for the appointment.", "Nobody could tell me when it would be fixed.",
    "I had to explain my problem three times.", "The technician did not show up and nobody called.",
    "The bill was higher than I was told."};

}  // namespace

DemoStory::DemoStory(int customer, uint64_t seed, int64_t begin, int64_t arrival, int64_t end)
    : random_(seed),
      begin_(begin),
      arrival_(arrival),
      end_(end),
      business_(random_.Chance(120)),
      number_(customer + 1) {
  customer_id_ = absl::StrFormat("%s-%05d", business_ ? "business" : "household", number_);
  region_ = random_.Pick(kRegions, kRegionWeights);
  const Plan& plan = business_ ? random_.Pick(kProPlans, kProPlanWeights) : random_.Pick(kHomePlans, kHomePlanWeights);
  plan_ = plan.id;
  price_minor_ = plan.price_minor;
  satisfaction_ = 60 + random_.Noise(110);
}

std::vector<v1::CustomerEvent> DemoStory::Tell() {
  int64_t time = arrival_;
  if (Discover(time) && Consider(time)) {
    Order(time);
    if (GetConnected(time)) {
      SettleIn(time);
      Subscribe(time);
    }
  }
  // What lies beyond the end has not happened. Ids and dice do not depend on where the end lies.
  std::erase_if(events_, [&](const v1::CustomerEvent& event) { return Over(event.event_time().seconds()); });
  std::stable_sort(events_.begin(), events_.end(), [](const v1::CustomerEvent& a, const v1::CustomerEvent& b) {
    return a.event_time().seconds() < b.event_time().seconds();
  });
  return std::move(events_);
}

bool DemoStory::Discover(int64_t& time) {
  static constexpr const char* kChannels[] = {"search", "social", "display"};
  static constexpr int kChannelWeights[] = {46, 36, 18};
  if (random_.Chance(560)) {
    const char* channel = random_.Pick(kChannels, kChannelWeights);
    const int day = Day(time);
    const char* campaign = day >= 430 && day <= 458   ? "spring-switch"
                           : day >= 150 && day <= 171 ? "new-home"
                                                      : "always-on";
    Add(time, "ads", "ad_clicked", channel, kMarketing, {{"campaign", campaign}});
    time += random_.Between(5, 240);
  }
  Add(time, "web", "site_visited", "web", kMarketing, {{"page", "home"}, {"region", region_}});
  int64_t later = time;
  for (int64_t visits = random_.Below(3); visits > 0; --visits) {
    later = Awake(later + kHour + random_.Waiting(2 * kDay));
    Add(later, "web", "site_visited", "web", kMarketing, {{"page", "plans"}, {"region", region_}});
  }
  if (random_.Chance(260)) {
    for (int64_t letters = random_.Between(1, 3); letters > 0; --letters) {
      later = Awake(later + 6 * kDay + random_.Waiting(3 * kDay));
      Add(later, "mail", "newsletter_opened", "email", kMarketing);
    }
  }
  return random_.Chance(840);
}

bool DemoStory::Consider(int64_t& time) {
  time = Awake(time + 10 * kMinute + random_.Waiting(kDay));
  const bool covered = random_.Chance(930);
  v1::CustomerEvent& check = Add(time, "web", "coverage_checked", "web", kMarketing, {{"region", region_}});
  (*check.mutable_properties())["covered"].set_bool_value(covered);
  if (!covered) return false;
  for (int64_t looks = random_.Chance(880) ? random_.Between(1, 3) : 0; looks > 0; --looks) {
    time = Awake(time + 3 * kMinute + random_.Waiting(18 * kHour));
    Add(time, "web", "plans_compared", "web", kMarketing, {{"plan", plan_}});
  }
  if (!random_.Chance(640)) {
    // Without a quote: straight to the shop, or away.
    time = Awake(time + random_.Waiting(2 * kDay));
    return random_.Chance(business_ ? 300 : 520);
  }
  time = Awake(time + 20 * kMinute + random_.Waiting(2 * kDay));
  static constexpr const char* kChannels[] = {"web", "phone", "chat"};
  static constexpr int kChannelWeights[] = {62, 25, 13};
  Add(time, "web", "quote_requested", random_.Pick(kChannels, kChannelWeights), kMarketing, {{"plan", plan_}});
  return HandToSales(time);
}

bool DemoStory::HandToSales(int64_t& time) {
  time += random_.Between(5, 90) * kMinute;
  AddHandOff(time, "hand_off_offered", kMarketing, kMarketing, kSales, v1::HandOff::OFFERED);
  const int64_t fate = random_.Below(1000);
  if (fate < 70) {
    time += 3 * kDay;
    AddHandOff(time, "hand_off_expired", kMarketing, kMarketing, kSales, v1::HandOff::EXPIRED);
    Feel(-50);
    time = Awake(time + random_.Waiting(3 * kDay));
    return random_.Chance(250);
  }
  time = AtWork(time + random_.Waiting(10 * kHour));
  if (fate < 160) {
    static constexpr const char* kReasons[] = {"landlord has not agreed", "still bound to another provider",
                                               "address incomplete"};
    AddHandOff(time, "hand_off_rejected", kSales, kMarketing, kSales, v1::HandOff::REJECTED, random_.Pick(kReasons));
    Feel(-30);
    time = Awake(time + 5 * kDay + random_.Waiting(9 * kDay));
    return random_.Chance(220);
  }
  AddHandOff(time, "hand_off_accepted", kSales, kMarketing, kSales, v1::HandOff::ACCEPTED);
  time = AtWork(time + random_.Waiting(30 * kHour));
  Add(time, "crm", "consultation_held", random_.Chance(720) ? "phone" : "chat", kSales, {{"plan", plan_}});
  Feel(random_.Noise(40) + 10);
  time = Awake(time + random_.Waiting(2 * kDay));
  return random_.Chance(850);
}

void DemoStory::Order(int64_t& time) {
  constexpr int64_t kSetUpFeeMinor = 4900;
  const bool by_phone = random_.Chance(business_ ? 450 : 230);
  v1::CustomerEvent& order =
      Add(time, "shop", "order_placed", by_phone ? "phone" : "web", kSales,
          {{"plan", plan_}, {"region", region_}, {"segment", business_ ? "business" : "household"}});
  order.mutable_money_movement()->set_amount_minor(kSetUpFeeMinor);
  order.mutable_money_movement()->set_currency_code("EUR");
  if (random_.Chance(370)) {
    // 1 to 7, how easy it was. The web shop got easier when the address check came.
    const int64_t middle = (by_phone ? 470 : 505) + (Day(time) > 330 ? 45 : 0);
    const int64_t score = std::clamp<int64_t>(1 + Score(6, middle - 100), 1, 7);
    AddSurvey(time + kHour + random_.Waiting(kDay), "order_effort_rated", "order-effort", "email", score, 7, kSales);
  }
}

bool DemoStory::GetConnected(int64_t& time) {
  const int64_t ordered = time;
  int64_t handed = AtWork(ordered + random_.Waiting(8 * kHour));
  AddHandOff(handed, "hand_off_offered", kSales, kSales, kProduct, v1::HandOff::OFFERED);
  if (random_.Chance(80)) {
    static constexpr const char* kReasons[] = {"address incomplete", "wiring plan missing", "customer not informed"};
    handed = AtWork(handed + random_.Waiting(kDay));
    AddHandOff(handed, "hand_off_returned", kProduct, kSales, kProduct, v1::HandOff::RETURNED, random_.Pick(kReasons));
    handed = AtWork(handed + kDay + random_.Waiting(kDay));
    AddHandOff(handed, "hand_off_offered", kSales, kSales, kProduct, v1::HandOff::OFFERED);
  }
  handed = AtWork(handed + random_.Waiting(6 * kHour));
  AddHandOff(handed, "hand_off_accepted", kProduct, kSales, kProduct, v1::HandOff::ACCEPTED);
  const int day = Day(ordered);
  const int64_t typical = day < kSlowFirstDay ? kLeadDaysBefore : day < kSlowLastDay ? kLeadDaysSlow : kLeadDaysAfter;
  const int64_t lead = typical * kDay * random_.Between(70, 150) / 100;
  const int64_t delivered = AtWork(handed + lead * random_.Between(35, 60) / 100);
  if (lead > 16 * kDay && random_.Chance(110)) {
    Cancel(handed + lead * 3 / 4);
    return false;
  }
  Add(delivered, "logistics", "router_delivered", "parcel", kProduct, {{"region", region_}});
  // Not on the day of the parcel.
  int64_t installed = AtWork(std::max(handed + lead, delivered + kDay / 2));
  const bool missed = random_.Chance(day >= kSlowFirstDay && day < kSlowLastDay ? 110 : 45);
  if (missed) {
    Add(installed, "field", "appointment_missed", "visit", kProduct, {{"region", region_}});
    Feel(-80);
    installed = AtWork(installed + 3 * kDay + random_.Waiting(2 * kDay));
  }
  Add(installed, "field", "installation_completed", "visit", kProduct, {{"region", region_}, {"plan", plan_}});
  const int64_t lead_days = (installed - ordered) / kDay;
  installed_late_days_ = std::max<int64_t>(0, lead_days - 12);
  Feel((9 - lead_days) * 9);
  Rate(installed, lead_days, missed);
  time = Awake(installed + 10 * kMinute + random_.Waiting(5 * kHour));
  Add(time, "network", "service_activated", "app", kProduct, {{"plan", plan_}});
  return true;
}

void DemoStory::Rate(int64_t installed, int64_t lead_days, bool missed) {
  if (!random_.Chance(lead_days > 15 ? 520 : 430)) return;
  const int64_t score = std::clamp<int64_t>(1 + Score(4, 312), 1, 5);
  AddSurvey(installed + 2 * kHour + random_.Waiting(kDay), "installation_rated", "installation", "app", score, 5,
            kProduct);
  // What may explain the rating.
  (*events_.back().mutable_properties())["lead_days"].set_number_value(static_cast<double>(lead_days));
  (*events_.back().mutable_properties())["missed_appointments"].set_number_value(missed ? 1 : 0);
}

void DemoStory::SettleIn(int64_t time) {
  if (random_.Chance(730)) {
    const int64_t set_up = Awake(time + 20 * kMinute + random_.Waiting(3 * kDay));
    Add(set_up, "app", "app_set_up", "app", kProduct);
    Feel(10);
    if (random_.Chance(560)) {
      Add(Awake(set_up + kHour + random_.Waiting(8 * kDay)), "app", "wifi_checkup_run", "app", kProduct);
      Feel(25);
    }
  }
}

void DemoStory::Subscribe(int64_t activated) {
  for (int month = 1; !left_; ++month) {
    const int64_t time = activated + month * 30 * kDay;
    if (Over(time - 30 * kDay)) return;
    Month(time, month);
  }
}

void DemoStory::Month(int64_t time, int number) {
  Bill(time, number);
  const int64_t month_begin = time - 30 * kDay;
  if (random_.Chance(CasePermille(month_begin, number))) GetHelp(month_begin + random_.Below(28 * kDay));
  for (const Outage& outage : kOutages) {
    const int64_t day_in_month = outage.day - Day(month_begin);
    if (region_ != outage.region || day_in_month < 0 || day_in_month >= 30) continue;
    Feel(-45);
    if (random_.Chance(320)) GetHelp(month_begin + day_in_month * kDay + random_.Below(kOutageDays * kDay));
  }
  if (random_.Chance(560)) {
    Add(Awake(month_begin + random_.Below(30 * kDay)), "app", "speed_tested", "app", kProduct, {{"plan", plan_}});
  }
  if (random_.Chance(340))
    Add(Awake(month_begin + random_.Below(30 * kDay)), "mail", "newsletter_opened", "email", kMarketing);
  MaybeGrow(time - 10 * kDay);
  MaybeAskForRecommendation(time - 5 * kDay, number);
  if (Leaves(time, number)) return;
  // Strong feelings fade.
  satisfaction_ -= (satisfaction_ - 55) / 8;
}

void DemoStory::Bill(int64_t time, int number) {
  AddMoney(time, "monthly_charged", "email", price_minor_, {{"plan", plan_}});
  (*events_.back().mutable_properties())["month"].set_number_value(number);
  if (random_.Chance(22)) {
    Add(time + kDay, "billing", "payment_failed", "email", kSales);
    Feel(-25);
  }
}

void DemoStory::MaybeGrow(int64_t time) {
  const int64_t permille = satisfaction_ > 60 ? 22 : satisfaction_ > 0 ? 9 : 2;
  if (random_.Chance(permille) && plan_ != "home-1000" && plan_ != "pro-1000") {
    const std::string before = plan_;
    plan_ = business_ ? "pro-1000" : plan_ == "home-100" ? "home-500" : "home-1000";
    const int64_t new_price = business_ ? 8990 : plan_ == "home-500" ? 3990 : 5490;
    AddMoney(time, "plan_upgraded", random_.Chance(700) ? "app" : "phone", new_price - price_minor_,
             {{"plan", plan_}, {"from_plan", before}});
    price_minor_ = new_price;
    Feel(15);
  } else if (random_.Chance(permille)) {
    AddMoney(time, "booster_added", "app", 590, {{"plan", plan_}});
    price_minor_ += 590;
  }
}

void DemoStory::MaybeAskForRecommendation(int64_t time, int number) {
  if (number != 2 && (number < 6 || number % 6 != 0)) return;
  if (!random_.Chance(satisfaction_ < -60 || satisfaction_ > 120 ? 520 : 400)) return;
  time = Awake(time);
  const int64_t score = std::clamp<int64_t>(Score(10, 730), 0, 10);
  AddSurvey(time, "recommendation_rated", "relationship-nps", "email", score, 10, kMarketing);
  MaybeRecommend(time, score);
}

void DemoStory::MaybeRecommend(int64_t time, int64_t score) {
  if (score < 9) return;
  if (random_.Chance(240)) {
    Add(Awake(time + kHour + random_.Waiting(4 * kDay)), "web", "review_written", "web", kMarketing,
        {{"region", region_}});
  }
  if (random_.Chance(190)) {
    Add(Awake(time + kDay + random_.Waiting(12 * kDay)), "app", "friend_referred", "app", kMarketing,
        {{"region", region_}});
  }
}

int64_t DemoStory::CasePermille(int64_t time, int month) const {
  int64_t permille = month <= 2 ? 105 : 54;
  if (month <= 2) permille += 14 * installed_late_days_;
  if (satisfaction_ < 0) permille += 35;
  if (business_) permille += 20;
  // The Wi-Fi check-up in the app spares calls.
  if (Day(time) > 360) permille = permille * 85 / 100;
  return permille;
}

void DemoStory::GetHelp(int64_t time) {
  time = Awake(time);
  static constexpr const char* kTopics[] = {"no-connection", "slow-wifi", "bill", "moving-home", "router"};
  static constexpr int kTopicWeights[] = {30, 28, 20, 8, 14};
  static constexpr const char* kOldChannels[] = {"phone", "email"};
  static constexpr int kOldWeights[] = {68, 32};
  static constexpr const char* kNewChannels[] = {"phone", "email", "chat"};
  static constexpr int kNewWeights[] = {41, 17, 42};
  const std::string channel =
      Day(time) >= kChatDay ? random_.Pick(kNewChannels, kNewWeights) : random_.Pick(kOldChannels, kOldWeights);
  const std::string case_id = absl::StrFormat("case-%05d-%d", number_, ++case_count_);
  AddCase(time, "case_opened", channel, case_id, "open", {{"topic", random_.Pick(kTopics, kTopicWeights)}});
  int64_t now = Answer(time, case_id, channel);
  if (random_.Chance(210)) {
    AddCase(now, "case_escalated", channel, case_id, "escalated");
    AddHandOff(now + kMinute, "hand_off_offered", kSupport, kSupport, kProduct, v1::HandOff::OFFERED);
    now = AtWork(now + random_.Waiting(kDay));
    AddHandOff(now, "hand_off_accepted", kProduct, kSupport, kProduct, v1::HandOff::ACCEPTED);
    now = AtWork(now + random_.Waiting(2 * kDay));
    Feel(-35);
  }
  now += 15 * kMinute + random_.Waiting(Day(time) >= kChatDay ? 14 * kHour : kDay);
  AddCase(now, "case_resolved", channel, case_id, "resolved");
  if (random_.Chance(90)) {
    now += random_.Waiting(3 * kDay);
    AddCase(now, "case_reopened", channel, case_id, "open");
    Feel(-40);
    now = AtWork(now + random_.Waiting(2 * kDay));
    AddCase(now, "case_resolved", channel, case_id, "resolved");
  }
  const int64_t hours = (now - time) / kHour;
  Feel(hours < 8 ? 20 : hours < 30 ? -15 : -55);
  if (random_.Chance(420)) {
    const int64_t middle = hours < 8 ? 375 : hours < 30 ? 305 : 225;
    AddSurvey(now + kHour + random_.Waiting(10 * kHour), "support_rated", "support", channel,
              std::clamp<int64_t>(1 + Score(4, middle), 1, 5), 5, kSupport, case_id);
  }
}

int64_t DemoStory::Answer(int64_t time, const std::string& case_id, absl::string_view channel) {
  const int64_t wait = channel == "email" ? 20 * kHour : channel == "chat" ? 4 * kMinute : 25 * kMinute;
  const int64_t mean = Day(time) >= kChatDay && channel != "chat" ? wait * 6 / 10 : wait;
  const int64_t answered = time + kMinute + random_.Waiting(mean);
  AddCase(answered, "case_answered", channel, case_id, "waiting");
  return answered;
}

bool DemoStory::Leaves(int64_t time, int month) {
  int64_t permille = 8;
  if (satisfaction_ < 0) permille += 12;
  if (satisfaction_ < -60) permille += 30;
  if (satisfaction_ < -120) permille += 45;
  if (month == 12) permille += 20;  // the contract ends
  if (!random_.Chance(permille)) return false;
  Cancel(time + random_.Below(20 * kDay));
  return true;
}

void DemoStory::Cancel(int64_t time) {
  static constexpr const char* kReasons[] = {"moved away", "found a cheaper offer", "too many problems"};
  const int unhappy = satisfaction_ < -40 ? 80 : 12;
  const int weights[] = {30, 38, unhappy};
  Add(time, "crm", "subscription_cancelled", random_.Chance(600) ? "phone" : "web", kSupport,
      {{"reason", random_.Pick(kReasons, weights)}, {"plan", plan_}});
  if (satisfaction_ < -40 && random_.Chance(450)) AddMoney(time + kDay, "refund_issued", "email", -price_minor_);
  left_ = true;
}

v1::CustomerEvent& DemoStory::Add(int64_t time, const char* source, const char* name, absl::string_view channel,
                                  const char* department, std::initializer_list<Property> properties) {
  v1::CustomerEvent& event = events_.emplace_back();
  event.set_id(absl::StrFormat("%05d-%03d", number_, ++event_count_));
  event.set_source(source);
  event.set_customer_id(customer_id_);
  event.mutable_event_time()->set_seconds(time);
  event.set_sequence(event_count_);
  event.set_event_name(name);
  event.set_channel(std::string(channel));
  event.set_department(department);
  for (const auto& [key, value] : properties) (*event.mutable_properties())[key].set_string_value(value);
  return event;
}

void DemoStory::AddHandOff(int64_t time, const char* name, const char* department, const char* from, const char* to,
                           v1::HandOff::State state, const char* reason) {
  v1::HandOff& hand_off = *Add(time, "crm", name, "internal", department).mutable_hand_off();
  hand_off.set_from_department(from);
  hand_off.set_to_department(to);
  hand_off.set_state(state);
  hand_off.set_reason(reason);
}

void DemoStory::AddCase(int64_t time, const char* name, absl::string_view channel, const std::string& case_id,
                        const char* status, std::initializer_list<Property> properties) {
  v1::CustomerEvent& event = Add(time, "helpdesk", name, channel, kSupport, properties);
  (*event.mutable_properties())["case_id"].set_string_value(case_id);
  event.mutable_case_change()->set_case_id(case_id);
  event.mutable_case_change()->set_status(status);
}

void DemoStory::AddSurvey(int64_t time, const char* name, const char* survey, absl::string_view channel, int64_t score,
                          int64_t score_max, const char* department, const std::string& case_id) {
  v1::CustomerEvent& event = Add(Awake(time), "surveys", name, channel, department);
  event.mutable_survey_response()->set_score(static_cast<double>(score));
  event.mutable_survey_response()->set_survey(survey);
  (*event.mutable_properties())["segment"].set_string_value(business_ ? "business" : "household");
  if (!case_id.empty()) (*event.mutable_properties())["case_id"].set_string_value(case_id);
  if (!random_.Chance(180)) return;
  const int64_t percent = score * 100 / score_max;
  event.mutable_survey_response()->set_comment(percent >= 85   ? random_.Pick(kGoodComments)
                                               : percent >= 60 ? random_.Pick(kFairComments)
                                                               : random_.Pick(kPoorComments));
}

void DemoStory::AddMoney(int64_t time, const char* name, absl::string_view channel, int64_t amount_minor,
                         std::initializer_list<Property> properties) {
  v1::CustomerEvent& event = Add(time, "billing", name, channel, kSales, properties);
  event.mutable_money_movement()->set_amount_minor(amount_minor);
  event.mutable_money_movement()->set_currency_code("EUR");
}

int64_t DemoStory::Awake(int64_t time) {
  constexpr int64_t kMorning = 7 * kHour;
  return time % kDay < kMorning ? time + kMorning : time;
}

int64_t DemoStory::AtWork(int64_t time) {
  // 1970-01-01 was a Thursday; Sunday is 0.
  const auto weekday = [](int64_t moment) { return (moment / kDay + 4) % 7; };
  const auto midnight = [](int64_t moment) { return moment - moment % kDay; };
  if (time % kDay >= 18 * kHour) time = midnight(time) + kDay;
  while (weekday(time) == 0 || weekday(time) == 6) time = midnight(time) + kDay;
  if (time % kDay < 8 * kHour) time = midnight(time) + 8 * kHour + random_.Below(9 * kHour);
  return time;
}

void DemoStory::Feel(int64_t change) { satisfaction_ = std::clamp<int64_t>(satisfaction_ + change, -300, 300); }

int64_t DemoStory::Score(int64_t max, int64_t middle_hundredths) {
  // Satisfaction moves it by half the scale, the mood of the day by a quarter.
  const int64_t hundredths = middle_hundredths + satisfaction_ * max / 6 + random_.Noise(max * 30);
  // Rounded to whole points; what is negative becomes the lowest.
  return std::clamp<int64_t>((hundredths + 50) / 100, 0, max);
}

}  // namespace throughline::demo
