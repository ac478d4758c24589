// The data of the journey benchmark: events of a made-up year, the same for every run of the same size and seed.
// Plain values; any thread.
//
// Shape: customers with lognormal numbers of events (mean about 19, median 12, at most 2,000); 60 touchpoints in 8
// lifecycle stages, chosen by Zipf's law or, one time in three, as the fixed successor of the touchpoint before; gaps
// of minutes (60 %) or days; 8 channels and 10 departments; every fifth event carries a score from 0 to 10. The times
// of one customer increase strictly, so that no answer depends on how ties are broken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace throughline::bench {

constexpr int kTouchpointCount = 60;
constexpr int kStageCount = 8;
constexpr int kChannelCount = 8;
constexpr int kDepartmentCount = 10;
constexpr uint8_t kNoScore = 255;
// 2018-01-01T00:00:00Z: a Monday, so that the weeks of the calendar are those of the year.
constexpr int64_t kYearStart = 1'514'764'800;
constexpr uint32_t kYearSeconds = 365 * 86'400;

// Columns of equal length, by customer and then by time.
struct JourneyEvents {
  std::vector<uint32_t> offsets;     // of customer c: [offsets[c], offsets[c + 1])
  std::vector<uint32_t> times;       // seconds since kYearStart
  std::vector<uint8_t> touchpoints;  // 0 is the most frequent
  std::vector<uint8_t> channels;
  std::vector<uint8_t> departments;
  std::vector<uint8_t> scores;  // or kNoScore

  size_t events() const { return times.size(); }
  size_t customers() const { return offsets.empty() ? 0 : offsets.size() - 1; }
};

// At least `event_count` events: the last customer is complete.
JourneyEvents MakeJourneyEvents(size_t event_count, uint64_t seed = 1);

// Places of the events in the order in which they happened.
std::vector<uint32_t> ArrivalOrder(const JourneyEvents& events);

// "ad_impression" …; what the touchpoint is called as an event, in SQL and in answers.
const std::array<const char*, kTouchpointCount>& TouchpointNames();
// The lifecycle stage that each touchpoint belongs to.
const std::array<uint8_t, kTouchpointCount>& TouchpointStages();

}  // namespace throughline::bench
