#include "services/main/cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/base/text.h"

namespace throughline::cli {
namespace {

constexpr char kReset[] = "\x1b[0m";

const char* Code(Color color) {
  switch (color) {
    case Color::kNone:
      return "";
    case Color::kBold:
      return "\x1b[1m";
    case Color::kDim:
      return "\x1b[2m";
    case Color::kRed:
      return "\x1b[31m";
    case Color::kGreen:
      return "\x1b[32m";
    case Color::kYellow:
      return "\x1b[33m";
    case Color::kBlue:
      return "\x1b[34m";
    case Color::kMagenta:
      return "\x1b[35m";
    case Color::kCyan:
      return "\x1b[36m";
  }
  return "";
}

std::string Padded(absl::string_view text, size_t width, Table::Align align) {
  const size_t own = DisplayWidth(text);
  const std::string padding(width > own ? width - own : 0, ' ');
  return align == Table::Align::kLeft ? absl::StrCat(text, padding) : absl::StrCat(padding, text);
}

}  // namespace

Paint Paint::ForDescriptor(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused =
      (no_color != nullptr && *no_color != '\0') || (term != nullptr && absl::string_view(term) == "dumb");
  return Paint(!refused && isatty(descriptor) == 1);
}

std::string Paint::operator()(Color color, absl::string_view text) const {
  if (!enabled_ || color == Color::kNone || text.empty()) return std::string(text);
  return absl::StrCat(Code(color), text, kReset);
}

size_t DisplayWidth(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    plain.push_back(text[i]);
  }
  return CharacterCount(plain);
}

void Table::Print(std::ostream& out, const Paint& paint, absl::string_view indent) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, i < row.size() ? DisplayWidth(row[i]) : 0);
    widths.push_back(width);
  }
  const auto print = [&](const std::vector<std::string>& cells, Color color) {
    std::string line(indent);
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = i < cells.size() ? cells[i] : "";
      absl::StrAppend(&line, i == 0 ? "" : "  ", paint(color, Padded(cell, widths[i], columns_[i].align)));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    out << line << '\n';
  };
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  const bool titled =
      std::any_of(titles.begin(), titles.end(), [](const std::string& title) { return !title.empty(); });
  if (titled) print(titles, Color::kDim);
  for (const auto& row : rows_) print(row, Color::kNone);
}

std::string FormatCount(int64_t count) {
  std::string digits = absl::StrCat(count < 0 ? -count : count);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return count < 0 ? absl::StrCat("-", digits) : digits;
}

std::string FormatCount(int64_t count, absl::string_view singular, absl::string_view plural) {
  return absl::StrCat(FormatCount(count), " ", count == 1 ? singular : plural);
}

std::string DurationText(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationText(-duration));
  const double seconds = absl::ToDoubleSeconds(duration);
  if (!std::isfinite(seconds)) return "unlimited";
  if (seconds < 10) return absl::StrFormat("%.3g s", seconds);
  const int64_t whole = static_cast<int64_t>(std::llround(seconds));
  const auto two = [](int64_t large, const char* large_unit, int64_t small, const char* small_unit) {
    return small == 0 ? absl::StrCat(large, " ", large_unit)
                      : absl::StrCat(large, " ", large_unit, " ", small, " ", small_unit);
  };
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return two(whole / 60, "min", whole % 60, "s");
  if (whole < 86400) return two(whole / 3600, "h", whole % 3600 / 60, "min");
  return two(whole / 86400, "d", whole % 86400 / 3600, "h");
}

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone()); }

std::string FormatMetricValue(double value, absl::string_view unit) {
  if (unit == "share") return absl::StrFormat("%.2f %%", value * 100);
  if (unit == "seconds") return DurationText(absl::Seconds(value));
  if (unit == "visits") return FormatCount(static_cast<int64_t>(std::llround(value)));
  if (unit == "points") return absl::StrFormat("%+.1f", value);
  return absl::StrFormat("%.3f", value);
}

bool ParseDurationText(absl::string_view text, absl::Duration& duration) {
  duration = absl::ZeroDuration();
  if (text.empty()) return false;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() && (absl::ascii_isdigit(text[digits]) || text[digits] == '.')) ++digits;
    size_t letters = digits;
    while (letters < text.size() && absl::ascii_isalpha(text[letters])) ++letters;
    const absl::string_view unit = text.substr(digits, letters - digits);
    double number = 0;
    if (!absl::SimpleAtod(text.substr(0, digits), &number)) return false;
    double seconds = 0;
    if (unit == "w") {
      seconds = 7 * 86400;
    } else if (unit == "d") {
      seconds = 86400;
    } else if (unit == "h") {
      seconds = 3600;
    } else if (unit == "m" || unit == "min") {
      seconds = 60;
    } else if (unit == "s") {
      seconds = 1;
    } else {
      return false;
    }
    duration += absl::Seconds(number * seconds);
    text.remove_prefix(letters);
  }
  // Beyond what google.protobuf.Duration holds.
  return duration <= absl::Hours(24 * 366 * 10000);
}

}  // namespace throughline::cli
