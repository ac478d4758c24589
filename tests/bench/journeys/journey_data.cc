#include "tests/bench/journeys/journey_data.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace throughline::bench {
namespace {

constexpr double kEventCountMedian = 12;
constexpr double kEventCountMean = 19.2;
constexpr uint32_t kEventCountMax = 2'000;
constexpr double kSuccessorShare = 0.35;
constexpr double kMinutesShare = 0.6;
constexpr double kScoreShare = 0.2;
constexpr double kGapDaysMean = 3;

// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): the same on every
// platform, which the distributions of the standard library are not.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Of [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(Uniform() * bound); }
  double Normal() { return std::sqrt(-2 * std::log(1 - Uniform())) * std::cos(2 * std::numbers::pi * Uniform()); }

 private:
  uint64_t state_;
};

class TouchpointChooser {
 public:
  TouchpointChooser() {
    double sum = 0;
    for (int i = 0; i < kTouchpointCount; ++i) cumulative_[i] = sum += 1.0 / (i + 1);
    for (double& value : cumulative_) value /= sum;
  }
  uint8_t Next(Random& random, uint8_t before) const {
    if (before < kTouchpointCount && random.Uniform() < kSuccessorShare) {
      return static_cast<uint8_t>((before * 7 + 1) % kTouchpointCount);
    }
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, random.Uniform());
    return static_cast<uint8_t>(found - cumulative_.begin());
  }

 private:
  std::array<double, kTouchpointCount> cumulative_;
};

uint32_t Gap(Random& random) {
  if (random.Uniform() < kMinutesShare) return 1 + random.Below(3'600);
  return 3'600 + static_cast<uint32_t>(-std::log(1 - random.Uniform()) * kGapDaysMean * 86'400);
}

void AddCustomer(const TouchpointChooser& chooser, Random& random, JourneyEvents& out) {
  static const double kSigma = std::sqrt(2 * std::log(kEventCountMean / kEventCountMedian));
  const double drawn = kEventCountMedian * std::exp(kSigma * random.Normal());
  const auto count = static_cast<uint32_t>(std::clamp(drawn, 1.0, static_cast<double>(kEventCountMax)));
  uint32_t time = random.Below(kYearSeconds / 5 * 4);
  uint8_t touchpoint = kTouchpointCount;
  for (uint32_t i = 0; i < count && time < kYearSeconds; ++i, time += Gap(random)) {
    touchpoint = chooser.Next(random, touchpoint);
    out.times.push_back(time);
    out.touchpoints.push_back(touchpoint);
    out.channels.push_back(static_cast<uint8_t>(
        (touchpoint + (random.Uniform() < 0.3 ? random.Below(kChannelCount) : 0)) % kChannelCount));
    out.departments.push_back(static_cast<uint8_t>(touchpoint % kDepartmentCount));
    out.scores.push_back(random.Uniform() < kScoreShare ? static_cast<uint8_t>(random.Below(11)) : kNoScore);
  }
  out.offsets.push_back(static_cast<uint32_t>(out.times.size()));
}

}  // namespace

JourneyEvents MakeJourneyEvents(size_t event_count, uint64_t seed) {
  JourneyEvents out;
  const size_t room = event_count + kEventCountMax;
  out.times.reserve(room);
  for (std::vector<uint8_t>* column : {&out.touchpoints, &out.channels, &out.departments, &out.scores}) {
    column->reserve(room);
  }
  out.offsets.push_back(0);
  const TouchpointChooser chooser;
  Random random(seed);
  while (out.events() < event_count) AddCustomer(chooser, random, out);
  return out;
}

std::vector<uint32_t> ArrivalOrder(const JourneyEvents& events) {
  std::vector<uint32_t> order(events.events());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return events.times[a] != events.times[b] ? events.times[a] < events.times[b] : a < b;
  });
  return order;
}

const std::array<const char*, kTouchpointCount>& TouchpointNames() {
  static constexpr std::array<const char*, kTouchpointCount> kNames = {
      "ad_impression",   "site_visit",       "newsletter_opened", "product_view",     "price_page_view",
      "webinar_joined",  "add_to_cart",      "social_click",      "comparison_view",  "support_chat",
      "checkout_start",  "demo_requested",   "whitepaper_read",   "trial_started",    "quote_requested",
      "purchase",        "welcome_call",     "account_created",   "onboarding_step",  "payment_method_set",
      "ticket_opened",   "event_attended",   "ticket_solved",     "contract_sent",    "faq_read",
      "callback",        "complaint",        "community_post",    "bug_reported",     "renewal_notice",
      "renewal",         "sales_call",       "sales_mail",        "product_tour",     "offer_sent",
      "offer_opened",    "contract_opened",  "contract_signed",   "training_booked",  "training_done",
      "first_login",     "status_page_view", "phone_call",        "discount_granted", "invoice_paid",
      "upgrade",         "plan_changed",     "survey_answered",   "refund",           "referral_click",
      "seat_added",      "blog_read",        "invoice_due",       "payment_failed",   "podcast_played",
      "calculator_used", "store_visit",      "mail_answered",     "review_written",   "cancellation"};
  return kNames;
}

const std::array<uint8_t, kTouchpointCount>& TouchpointStages() {
  // 0 awareness, 1 interest, 2 evaluation, 3 decision, 4 purchase, 5 onboarding, 6 service, 7 renewal.
  static constexpr std::array<uint8_t, kTouchpointCount> kStages = {
      0, 1, 0, 2, 2, 1, 3, 0, 2, 6, 3, 2, 1, 2, 3, 4, 5, 5, 5, 4, 6, 1, 6, 3, 6, 6, 6, 6, 6, 7,
      7, 2, 2, 2, 3, 3, 3, 4, 5, 5, 5, 6, 6, 3, 4, 7, 7, 6, 6, 0, 7, 0, 7, 7, 0, 2, 1, 6, 6, 7};
  return kStages;
}

}  // namespace throughline::bench
