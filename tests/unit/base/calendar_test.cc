#include "throughline/calendar.h"

#include <random>

#include "gtest/gtest.h"

namespace throughline {
namespace {

constexpr CalendarUnit kUnits[] = {CalendarUnit::kDay, CalendarUnit::kWeek, CalendarUnit::kMonth,
                                   CalendarUnit::kQuarter, CalendarUnit::kYear};

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

TEST(CalendarTest, PeriodOf_ADay_IsTheFirstDayOfItsPeriod) {
  const absl::CivilDay day(2024, 2, 29);  // a Thursday
  EXPECT_EQ(PeriodOf(day, CalendarUnit::kDay), day);
  EXPECT_EQ(PeriodOf(day, CalendarUnit::kWeek), absl::CivilDay(2024, 2, 26));
  EXPECT_EQ(PeriodOf(day, CalendarUnit::kMonth), absl::CivilDay(2024, 2, 1));
  EXPECT_EQ(PeriodOf(day, CalendarUnit::kQuarter), absl::CivilDay(2024, 1, 1));
  EXPECT_EQ(PeriodOf(day, CalendarUnit::kYear), absl::CivilDay(2024, 1, 1));
}

TEST(CalendarTest, PeriodOf_AWeek_BeginsOnMonday_OverTheTurnOfTheYear) {
  EXPECT_EQ(PeriodOf(absl::CivilDay(2024, 1, 1), CalendarUnit::kWeek), absl::CivilDay(2024, 1, 1));
  EXPECT_EQ(PeriodOf(absl::CivilDay(2023, 12, 31), CalendarUnit::kWeek), absl::CivilDay(2023, 12, 25));
  EXPECT_EQ(PeriodOf(absl::CivilDay(2026, 1, 1), CalendarUnit::kWeek), absl::CivilDay(2025, 12, 29));
}

TEST(CalendarTest, PeriodOf_TheLastDayOfAQuarter_IsInIt) {
  for (int month = 1; month <= 12; ++month) {
    const absl::CivilDay last = absl::CivilDay(absl::CivilMonth(2023, month) + 1) - 1;
    EXPECT_EQ(PeriodOf(last, CalendarUnit::kQuarter), absl::CivilDay(2023,
                                                                     month <= 3   ? 1
                                                                     : month <= 6 ? 4
                                                                     : month <= 9 ? 7
                                                                                  : 10,
                                                                     1));
  }
}

TEST(CalendarTest, AddPeriods_AndPeriodsBetween_AreInverse) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + static_cast<int64_t>(random() % 60'000) - 30'000;
    const auto count = static_cast<int64_t>(random() % 2000) - 1000;
    for (const CalendarUnit unit : kUnits) {
      const absl::CivilDay from = PeriodOf(day, unit);
      const absl::CivilDay to = AddPeriods(from, unit, count);
      EXPECT_EQ(PeriodOf(to, unit), to);
      EXPECT_EQ(PeriodsBetween(from, to, unit), count);
      EXPECT_LE(from, day);
      EXPECT_LT(day, AddPeriods(from, unit, 1));
    }
  }
}

TEST(CalendarTest, PeriodStart_WhereMidnightIsLeftOut_IsWhatComesFirst) {
  // Clocks went from 2018-11-03 23:59:59 to 2018-11-04 01:00:00.
  const absl::TimeZone sao_paulo = Zone("America/Sao_Paulo");
  EXPECT_EQ(PeriodStart(absl::CivilDay(2018, 11, 4), sao_paulo),
            absl::FromCivil(absl::CivilSecond(2018, 11, 4, 3), absl::UTCTimeZone()));
}

TEST(CalendarTest, PeriodStart_OfADayThatWasLeftOut_IsThatOfTheNext) {
  const absl::TimeZone apia = Zone("Pacific/Apia");
  const absl::Time skipped = PeriodStart(absl::CivilDay(2011, 12, 30), apia);
  EXPECT_EQ(skipped, PeriodStart(absl::CivilDay(2011, 12, 31), apia));
  EXPECT_EQ(PeriodOf(skipped, CalendarUnit::kDay, apia), absl::CivilDay(2011, 12, 31));
  EXPECT_EQ(PeriodOf(skipped - absl::Nanoseconds(1), CalendarUnit::kDay, apia), absl::CivilDay(2011, 12, 29));
}

TEST(CalendarTest, PeriodOf_WhereClocksAreSetBackOverMidnight_StaysInTheNewDay) {
  // At 2006-10-29 00:01 it became 2006-10-28 23:01.
  const absl::TimeZone st_johns = Zone("America/St_Johns");
  const absl::Time start = PeriodStart(absl::CivilDay(2006, 10, 29), st_johns);
  EXPECT_EQ(PeriodOf(start - absl::Seconds(1), CalendarUnit::kDay, st_johns), absl::CivilDay(2006, 10, 28));
  for (const int minutes : {0, 1, 30, 59, 60, 61, 120}) {
    EXPECT_EQ(PeriodOf(start + absl::Minutes(minutes), CalendarUnit::kDay, st_johns), absl::CivilDay(2006, 10, 29));
  }
}

TEST(CalendarTest, PeriodOf_ATime_LiesBetweenTheStartsOfItsPeriodAndTheNext) {
  std::mt19937_64 random(9);
  for (const char* name : {"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/St_Johns",
                           "America/Sao_Paulo", "Asia/Kathmandu"}) {
    const absl::TimeZone zone = Zone(name);
    absl::Time change = absl::FromUnixSeconds(0);
    for (int i = 0; i < 300; ++i) {
      // Near a change of clocks half of the time.
      absl::TimeZone::CivilTransition transition;
      if (i % 2 == 0 && zone.NextTransition(change, &transition)) change = absl::FromCivil(transition.from, zone);
      const absl::Time near =
          i % 2 == 0 ? change : absl::FromUnixSeconds(static_cast<int64_t>(random() % 3'000'000'000) - 1'000'000'000);
      const absl::Time time =
          near + absl::Microseconds(static_cast<int64_t>(random() % 20'000'000'000) - 10'000'000'000);
      for (const CalendarUnit unit : kUnits) {
        const absl::CivilDay period = PeriodOf(time, unit, zone);
        EXPECT_LE(PeriodStart(period, zone), time) << name << " " << absl::FormatTime(time);
        EXPECT_LT(time, PeriodStart(AddPeriods(period, unit, 1), zone)) << name << " " << absl::FormatTime(time);
      }
    }
  }
}

}  // namespace
}  // namespace throughline
