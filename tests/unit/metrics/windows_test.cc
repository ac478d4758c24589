#include "services/metrics/windows.h"

#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;

absl::Time Utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second), absl::UTCTimeZone());
}

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

v1::MetricAttachment Rolling(absl::Duration window) {
  v1::MetricAttachment attachment;
  attachment.mutable_rolling_window()->set_seconds(absl::ToInt64Seconds(window));
  return attachment;
}

void ExpectConsecutive(const MetricWindows& windows) {
  for (size_t i = 1; i < windows.trend.size(); ++i) EXPECT_EQ(windows.trend[i].start, windows.trend[i - 1].end) << i;
  for (const TimeRange& part : windows.trend) EXPECT_LT(part.start, part.end);
}

TEST(WindowStepTest, AnyLength_IsBetweenAMinuteAndAnHour) {
  EXPECT_EQ(WindowStep(absl::Minutes(1)), absl::Minutes(1));
  EXPECT_EQ(WindowStep(absl::Hours(24)), absl::Minutes(2));
  EXPECT_EQ(WindowStep(absl::Hours(24 * 7)), absl::Minutes(14));
  EXPECT_EQ(WindowStep(absl::Hours(24 * 30)), absl::Hours(1));
  EXPECT_EQ(WindowStep(absl::Hours(24 * 36525)), absl::Hours(1));
}

TEST(WindowsOfTest, Rolling_EndsAtTheNextStepAndIsCutInTwelve) {
  const absl::Time now = Utc(2026, 3, 10, 9, 12, 33);
  const MetricWindows windows =
      WindowsOf(Rolling(absl::Hours(24 * 30)), Utc(2020, 1, 1), Utc(2026, 3, 10), now, absl::UTCTimeZone());
  EXPECT_EQ(windows.window.end, Utc(2026, 3, 10, 10));
  EXPECT_EQ(windows.window.start, Utc(2026, 2, 8, 10));
  ASSERT_THAT(windows.trend, SizeIs(12));
  ExpectConsecutive(windows);
  EXPECT_EQ(windows.trend.front().start, windows.window.start);
  EXPECT_EQ(windows.trend.back().end, windows.window.end);
  EXPECT_EQ(windows.trend.front().end - windows.trend.front().start, absl::Hours(60));
}

TEST(WindowsOfTest, RollingAtAFullStep_EndsNow) {
  const absl::Time now = Utc(2026, 3, 10, 9);
  EXPECT_EQ(WindowsOf(Rolling(absl::Hours(24 * 30)), now, now, now, absl::UTCTimeZone()).window.end, now);
}

TEST(WindowsOfTest, Fixed_IsCutInTwelve) {
  v1::MetricAttachment attachment;
  attachment.mutable_fixed_window()->mutable_start_time()->set_seconds(absl::ToUnixSeconds(Utc(2025, 1, 1)));
  attachment.mutable_fixed_window()->mutable_end_time()->set_seconds(absl::ToUnixSeconds(Utc(2025, 1, 8)));
  const MetricWindows windows =
      WindowsOf(attachment, Utc(2020, 1, 1), Utc(2026, 1, 1), Utc(2026, 3, 10), absl::UTCTimeZone());
  EXPECT_EQ(windows.window.start, Utc(2025, 1, 1));
  EXPECT_EQ(windows.window.end, Utc(2025, 1, 8));
  ASSERT_THAT(windows.trend, SizeIs(12));
  ExpectConsecutive(windows);
  EXPECT_EQ(windows.trend[0].end, Utc(2025, 1, 1, 14));
}

TEST(WindowsOfTest, FixedShorterThanTwelveMicroseconds_HasNoEmptyParts) {
  v1::MetricAttachment attachment;
  attachment.mutable_fixed_window()->mutable_start_time()->set_seconds(100);
  attachment.mutable_fixed_window()->mutable_end_time()->set_seconds(100);
  attachment.mutable_fixed_window()->mutable_end_time()->set_nanos(5000);
  const MetricWindows windows =
      WindowsOf(attachment, Utc(2020, 1, 1), Utc(2026, 1, 1), Utc(2026, 3, 10), absl::UTCTimeZone());
  ASSERT_THAT(windows.trend, SizeIs(5));
  ExpectConsecutive(windows);
}

TEST(WindowsOfTest, AllTime_IsTheLastTwelveMonthsOfTheData) {
  const MetricWindows windows =
      WindowsOf({}, Utc(2016, 9, 4), Utc(2018, 10, 17, 13), Utc(2026, 3, 10), absl::UTCTimeZone());
  EXPECT_EQ(windows.window.start, absl::InfinitePast());
  EXPECT_EQ(windows.window.end, absl::InfiniteFuture());
  ASSERT_THAT(windows.trend, SizeIs(12));
  ExpectConsecutive(windows);
  EXPECT_EQ(windows.trend.front().start, Utc(2017, 11, 1));
  EXPECT_EQ(windows.trend.back().end, Utc(2018, 11, 1));
}

TEST(WindowsOfTest, AllTimeOfShortHistory_DoesNotShowMonthsBeforeTheData) {
  const MetricWindows windows = WindowsOf({}, Utc(2012, 1, 31), Utc(2012, 3, 1), Utc(2026, 3, 10), absl::UTCTimeZone());
  ASSERT_THAT(windows.trend, SizeIs(3));
  EXPECT_EQ(windows.trend.front().start, Utc(2012, 1, 1));
}

TEST(WindowsOfTest, AllTimeWithoutEvents_HasNoTrend) {
  EXPECT_THAT(WindowsOf({}, absl::InfiniteFuture(), absl::InfinitePast(), Utc(2026, 3, 10), absl::UTCTimeZone()).trend,
              IsEmpty());
}

TEST(WindowsOfTest, Months_BeginInTheZoneAcrossDaylightSaving) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  // 23:30 UTC on 31 March is 1 April in Berlin.
  const MetricWindows windows = WindowsOf({}, Utc(2026, 2, 15), Utc(2026, 3, 31, 23, 30), Utc(2026, 4, 2), berlin);
  ASSERT_THAT(windows.trend, SizeIs(3));
  EXPECT_EQ(windows.trend[0].start, Utc(2026, 1, 31, 23));
  EXPECT_EQ(windows.trend[1].start, Utc(2026, 2, 28, 23));
  EXPECT_EQ(windows.trend[2].start, Utc(2026, 3, 31, 22));  // summer time
  ExpectConsecutive(windows);
}

TEST(WindowsOfTest, FixedWithoutEnd_ShowsMonthsCutToTheWindow) {
  v1::MetricAttachment attachment;
  attachment.mutable_fixed_window()->mutable_start_time()->set_seconds(absl::ToUnixSeconds(Utc(2026, 1, 10)));
  const MetricWindows windows =
      WindowsOf(attachment, Utc(2020, 1, 1), Utc(2026, 2, 20), Utc(2026, 3, 10), absl::UTCTimeZone());
  ASSERT_THAT(windows.trend, SizeIs(2));
  EXPECT_EQ(windows.trend[0].start, Utc(2026, 1, 10));
  EXPECT_EQ(windows.trend[0].end, Utc(2026, 2, 1));
  // Without an event inside, there is nothing to show.
  EXPECT_THAT(WindowsOf(attachment, Utc(2020, 1, 1), Utc(2025, 2, 20), Utc(2026, 3, 10), absl::UTCTimeZone()).trend,
              IsEmpty());
}

TEST(MaturityCutoffTest, NoRunThatStillHasTime_IsBeforeIt) {
  const absl::Duration window = absl::Hours(24 * 14);
  for (int second = 0; second < 7200; second += 7) {
    const absl::Time now = Utc(2026, 3, 10) + absl::Seconds(second);
    const absl::Time cutoff = MaturityCutoff(window, now);
    EXPECT_LE(cutoff, now - window);
    EXPECT_GT(cutoff, now - window - WindowStep(window));
  }
}

TEST(TimeKeyTest, Key_ChangesExactlyWithTheWindows) {
  EXPECT_EQ(TimeKey({}, Utc(2026, 1, 1)), "");
  const v1::MetricAttachment rolling = Rolling(absl::Hours(24));
  EXPECT_EQ(TimeKey(rolling, Utc(2026, 1, 1, 0, 0, 1)), TimeKey(rolling, Utc(2026, 1, 1, 0, 2)));
  EXPECT_NE(TimeKey(rolling, Utc(2026, 1, 1, 0, 2)), TimeKey(rolling, Utc(2026, 1, 1, 0, 2, 1)));
  v1::MetricAttachment conversion;
  conversion.mutable_conversion_window()->set_seconds(86400);
  EXPECT_EQ(TimeKey(conversion, Utc(2026, 1, 1, 0, 0, 1)), TimeKey(conversion, Utc(2026, 1, 1, 0, 1, 59)));
  EXPECT_NE(TimeKey(conversion, Utc(2026, 1, 1, 0, 1, 59)), TimeKey(conversion, Utc(2026, 1, 1, 0, 2)));
}

TEST(ToIntervalTest, InfiniteEnds_AreAbsent) {
  EXPECT_THAT(ToInterval({}), EqualsProto(""));
  EXPECT_THAT(ToInterval({.start = absl::FromUnixMicros(1'500'001), .end = absl::InfiniteFuture()}),
              EqualsProto("start_time { seconds: 1 nanos: 500001000 }"));
}

}  // namespace
}  // namespace throughline
