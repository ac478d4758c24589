// Periods and their table against the calendar, asked of every time. THROUGHLINE_TEST_SEED runs one round again.
#include "services/events/native/periods.h"

#include <cstdlib>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace throughline {
namespace {

constexpr int64_t kMicros = TimeColumn::kMicrosPerSecond;

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// `times` in microseconds, ascending. In seconds: they must be whole.
TimeColumn ColumnOf(const std::vector<int64_t>& times, bool in_seconds) {
  TimeColumn out;
  out.in_seconds = in_seconds;
  out.first_micros = times.front();
  out.last_micros = times.back();
  if (!in_seconds) {
    out.micros = times;
    return out;
  }
  out.base_seconds = times.front() / kMicros;
  std::vector<uint32_t> seconds;
  for (const int64_t time : times) seconds.push_back(static_cast<uint32_t>(time / kMicros - out.base_seconds));
  out.seconds = std::move(seconds);
  return out;
}

template <typename Time>
void ExpectTable(const Periods& periods, const TimeColumn& column, const ColumnArray<Time>& times, CalendarUnit unit,
                 absl::TimeZone zone) {
  const PeriodTable<Time> table(periods, column);
  for (size_t i = 0; i < times.size(); ++i) {
    const int period = table.Of(times[i]);
    const absl::Time time = absl::FromUnixMicros(column[i]);
    ASSERT_GE(period, 0) << absl::FormatTime(time, zone);
    ASSERT_LT(period, periods.count()) << absl::FormatTime(time, zone);
    EXPECT_EQ(periods.day(period), PeriodOf(time, unit, zone)) << absl::FormatTime(time, zone);
  }
}

// Returns whether the periods are equal.
bool ExpectEqualPeriods(const Periods& periods, const TimeColumn& column) {
  const std::optional<EqualPeriods> equal = EqualPeriods::Find(periods, column);
  if (!equal.has_value()) return false;
  const PeriodTable<uint32_t> table(periods, column);
  for (const uint32_t time : column.seconds) {
    EXPECT_EQ(equal->Of(time), table.Of(time)) << column.base_seconds << " + " << time;
  }
  return true;
}

TEST(PeriodsTest, Table_FindsThePeriodThatTheCalendarSays) {
  const char* seed = std::getenv("THROUGHLINE_TEST_SEED");
  const uint64_t first = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
  int equal = 0, unequal = 0;
  for (uint64_t round = first; round < first + (seed != nullptr ? 1 : 300); ++round) {
    SCOPED_TRACE(testing::Message() << "THROUGHLINE_TEST_SEED=" << round);
    std::mt19937_64 random(round);
    const char* const zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/St_Johns"};
    const absl::TimeZone zone = Zone(zones[random() % 5]);
    const auto unit = static_cast<CalendarUnit>(random() % 5);
    const int64_t centers[] = {0, 1'325'200'000, 1'162'100'000, 1'711'846'800, -1'000'000'000};
    const int64_t center = centers[random() % 5];
    const int64_t spans[] = {1, 1000, 90'000, 4'000'000, 90'000'000};
    const int64_t span = spans[random() % 5];
    const bool in_seconds = random() % 2 == 0;
    std::vector<int64_t> times;
    for (int i = 0; i < 60; ++i) {
      const int64_t seconds = center + static_cast<int64_t>(random() % static_cast<uint64_t>(span)) - span / 2;
      const absl::CivilDay day = absl::ToCivilDay(absl::FromUnixSeconds(seconds), zone);
      // At and around midnights half of the time.
      const int64_t at = random() % 2 == 0 ? seconds : absl::ToUnixSeconds(absl::FromCivil(day, zone));
      times.push_back(at * kMicros + (in_seconds ? 0 : static_cast<int64_t>(random() % 3) - 1));
    }
    std::sort(times.begin(), times.end());
    const Periods periods(unit, zone, times.front(), times.back(), 100'000);
    ASSERT_TRUE(periods.complete());
    const TimeColumn column = ColumnOf(times, in_seconds);
    in_seconds ? ExpectTable(periods, column, column.seconds, unit, zone)
               : ExpectTable(periods, column, column.micros, unit, zone);
    if (in_seconds) ++(ExpectEqualPeriods(periods, column) ? equal : unequal);
  }
  if (seed != nullptr) return;
  EXPECT_GT(equal, 20);
  EXPECT_GT(unequal, 20);
}

TEST(PeriodsTest, EqualPeriods_AtEveryBoundaryOfALongTime_AreThoseOfTheTable) {
  std::vector<int64_t> times;
  // As many seconds as have 32 bits, from a moment in the first week.
  constexpr int64_t kFirst = -2'000'000'000, kWeek = 7 * 86'400, kMonday = 4 * 86'400;
  for (int64_t week = kFirst / kWeek + 1; week * kWeek + kMonday < kFirst + 0xfff00000; ++week) {
    for (const int64_t around : {-1, 0, 1}) times.push_back((week * kWeek + kMonday + around) * kMicros);
  }
  const Periods periods(CalendarUnit::kWeek, absl::UTCTimeZone(), times.front(), times.back(), 100'000);
  EXPECT_TRUE(ExpectEqualPeriods(periods, ColumnOf(times, /*in_seconds=*/true)));
}

TEST(PeriodsTest, Table_OfPeriodsOfOtherEvents_SaysBeforeAndAfter) {
  const absl::Time noon = absl::FromCivil(absl::CivilSecond(2024, 5, 5, 12), absl::UTCTimeZone());
  const int64_t micros = absl::ToUnixMicros(noon), day = 86'400 * kMicros;
  const Periods periods(CalendarUnit::kDay, absl::UTCTimeZone(), micros, micros + day, 10);
  ASSERT_EQ(periods.count(), 2);
  const TimeColumn column = ColumnOf({micros - day, micros, micros + day, micros + 3 * day}, /*in_seconds=*/true);
  const PeriodTable<uint32_t> table(periods, column);
  EXPECT_EQ(table.Of(column.seconds[0]), -1);
  EXPECT_EQ(table.Of(column.seconds[1]), 0);
  EXPECT_EQ(table.Of(column.seconds[2]), 1);
  EXPECT_EQ(table.Of(column.seconds[3]), 2);
}

TEST(PeriodsTest, MoreThanTheMost_IsNotComplete) {
  const int64_t day = 86'400 * kMicros;
  EXPECT_TRUE(Periods(CalendarUnit::kDay, absl::UTCTimeZone(), 0, 9 * day, 10).complete());
  EXPECT_FALSE(Periods(CalendarUnit::kDay, absl::UTCTimeZone(), 0, 10 * day, 10).complete());
}

TEST(PeriodsTest, OfNoTimeAtAll_AreNone) {
  const Periods periods(CalendarUnit::kDay, absl::UTCTimeZone(), 1, 0, 10);
  EXPECT_TRUE(periods.complete());
  EXPECT_EQ(periods.count(), 0);
}

}  // namespace
}  // namespace throughline
