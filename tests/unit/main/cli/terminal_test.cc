#include "services/main/cli/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline::cli {
namespace {

TEST(DurationText, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(DurationText(absl::Milliseconds(1500)), "1.5 s");
  EXPECT_EQ(DurationText(absl::Seconds(59)), "59 s");
  EXPECT_EQ(DurationText(absl::Seconds(200)), "3 min 20 s");
  EXPECT_EQ(DurationText(absl::Minutes(60)), "1 h");
  EXPECT_EQ(DurationText(absl::Hours(52)), "2 d 4 h");
  EXPECT_EQ(DurationText(-absl::Hours(2)), "-2 h");
  EXPECT_EQ(DurationText(absl::InfiniteDuration()), "unlimited");
}

TEST(FormatCount, GroupsThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(13087), "13,087");
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
  EXPECT_EQ(FormatCount(1, "run", "runs"), "1 run");
  EXPECT_EQ(FormatCount(1000, "run", "runs"), "1,000 runs");
}

TEST(FormatMetricValue, FollowsTheUnit) {
  EXPECT_EQ(FormatMetricValue(.551733, "share"), "55.17 %");
  EXPECT_EQ(FormatMetricValue(33.333, "points"), "+33.3");
  EXPECT_EQ(FormatMetricValue(8135, "visits"), "8,135");
  EXPECT_EQ(FormatMetricValue(90000, "seconds"), "1 d 1 h");
  EXPECT_EQ(FormatMetricValue(3.271611, "mean"), "3.272");
}

TEST(ParseDurationText, UnderstandsUnitsOneAfterTheOther) {
  const auto parse = [](const char* text) {
    absl::Duration duration;
    return ParseDurationText(text, duration) ? duration : -absl::Seconds(1);
  };
  EXPECT_EQ(parse("30d"), absl::Hours(720));
  EXPECT_EQ(parse("1d12h"), absl::Hours(36));
  EXPECT_EQ(parse("1.5h"), absl::Minutes(90));
  EXPECT_EQ(parse("2w"), absl::Hours(336));
  EXPECT_EQ(parse("90s"), absl::Seconds(90));
  for (const char* wrong : {"", "d", "30", "soon", "1x", "-5d", "1e400d", "99999999999d"}) {
    EXPECT_EQ(parse(wrong), -absl::Seconds(1)) << wrong;
  }
}

TEST(Table, LinesUpBeyondAsciiAndUnderColours) {
  const Paint colours(true);
  EXPECT_EQ(DisplayWidth(colours(Color::kRed, "né→x")), 4u);
  Table table({{"NAME"}, {"N", Table::Align::kRight}});
  table.AddRow({colours(Color::kRed, "né"), "1"});
  table.AddRow({"plain", "100"});
  std::ostringstream out;
  table.Print(out, Paint(false));
  EXPECT_EQ(out.str(), "NAME     N\n\x1b[31mné\x1b[0m       1\nplain  100\n");
}

TEST(Paint, IsOffWhereNobodyCanSeeIt) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_FALSE(Paint::ForDescriptor(null).enabled());
  close(null);
  EXPECT_EQ(Paint(false)(Color::kRed, "x"), "x");
  EXPECT_EQ(Paint(true)(Color::kRed, "x"), "\x1b[31mx\x1b[0m");
  // A terminal of our own: colours are on, until NO_COLOR or a dumb terminal says otherwise.
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const int line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  unsetenv("NO_COLOR");
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(Paint::ForDescriptor(line).enabled());
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(Paint::ForDescriptor(line).enabled());
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(Paint::ForDescriptor(line).enabled());
  close(line);
  close(terminal);
}

}  // namespace
}  // namespace throughline::cli
