#include "services/main/demo/demo_simulator.h"

#include <algorithm>

#include "services/main/demo/demo_story.h"

namespace throughline::demo {
namespace {

// How many people arrive on a day, relative to others. Sunday first: people look for internet at home in the evening
// and on Sundays.
constexpr int kWeekdayWeights[] = {135, 100, 96, 98, 101, 86, 104};
// Campaigns: first day, last day, percent on top.
struct Campaign {
  int first_day;
  int last_day;
  int percent;
};
constexpr Campaign kCampaigns[] = {{150, 171, 60}, {430, 458, 85}};

int64_t FloorToDay(int64_t seconds) { return seconds - seconds % kDay; }

int64_t ArrivalWeight(int64_t start, int day) {
  // 1970-01-01 was a Thursday.
  const int weekday = static_cast<int>((start / kDay + day + 4) % 7);
  // Half as many again at the end as in the beginning.
  int64_t weight = kWeekdayWeights[weekday] * (1000 + int64_t{500} * day / kDemoDays);
  for (const Campaign& campaign : kCampaigns) {
    if (day >= campaign.first_day && day <= campaign.last_day) weight = weight * (100 + campaign.percent) / 100;
  }
  return weight;
}

}  // namespace

DemoSimulator::DemoSimulator(const SimulatorOptions& options) : options_(options) {
  end_ = absl::ToUnixSeconds(options.now);
  end_ -= end_ % kMinute;
  start_ = FloorToDay(end_) - kDemoDays * kDay;
  int64_t total = 0;
  for (int day = 0; day < kDemoDays; ++day) {
    total += ArrivalWeight(start_, day);
    arrivals_until_.push_back(total);
  }
}

std::vector<v1::CustomerEvent> DemoSimulator::EventsOf(int customer) const {
  const int64_t total = arrivals_until_.back();
  const int64_t place = total * (2 * int64_t{customer} + 1) / (2 * int64_t{options_.customer_count});
  const auto day = std::upper_bound(arrivals_until_.begin(), arrivals_until_.end(), place) - arrivals_until_.begin();
  DemoRandom random(options_.seed * 0x100000001B3u + static_cast<uint64_t>(customer));
  const uint64_t story_seed = random.Next();
  // From seven to half past eleven, the evening twice as likely.
  const int64_t hour = random.Chance(550) ? random.Between(17, 22) : random.Between(7, 16);
  const int64_t arrival = start_ + day * kDay + hour * kHour + random.Below(kHour);
  return DemoStory(customer, story_seed, start_, arrival, end_).Tell();
}

}  // namespace throughline::demo
