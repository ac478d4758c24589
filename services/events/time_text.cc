#include "services/events/time_text.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace throughline {
namespace {

// Takes digits off the front of a text.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}
  bool empty() const { return text_.empty(); }
  char front() const { return text_.empty() ? '\0' : text_.front(); }
  bool Take(char wanted) {
    if (front() != wanted || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Digits(int count, int& value) {
    if (text_.size() < static_cast<size_t>(count)) return false;
    value = 0;
    for (int i = 0; i < count; ++i) {
      if (!absl::ascii_isdigit(text_[i])) return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }
  // A fraction of a second, cut after the nanosecond.
  bool Fraction(int64_t& nanoseconds) {
    int digits = 0;
    nanoseconds = 0;
    while (absl::ascii_isdigit(front())) {
      if (digits < 9) nanoseconds = nanoseconds * 10 + (front() - '0');
      ++digits;
      text_.remove_prefix(1);
    }
    for (int i = digits; i < 9; ++i) nanoseconds *= 10;
    return digits > 0;
  }

 private:
  absl::string_view text_;
};

TimeTextResult At(absl::CivilSecond civil, absl::Duration fraction, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(civil);
  if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) return {TimeTextKind::kSkippedByClocks, {}};
  return {TimeTextKind::kOk, info.pre + fraction};
}

TimeTextResult AtOffset(absl::CivilSecond civil, absl::Duration fraction, int64_t offset_seconds) {
  const int64_t seconds = civil - absl::CivilSecond(1970, 1, 1) - offset_seconds;
  return {TimeTextKind::kOk, absl::FromUnixSeconds(seconds) + fraction};
}

// The offset at the end: `Z`, `+hh`, `+hhmm`, `+hh:mm`.
bool TakeOffset(Scanner& scanner, int64_t& seconds) {
  if (scanner.Take('Z') || scanner.Take('z')) {
    seconds = 0;
    return scanner.empty();
  }
  int sign = 0;
  if (scanner.Take('+')) sign = 1;
  if (sign == 0 && scanner.Take('-')) sign = -1;
  int hours = 0, minutes = 0;
  if (sign == 0 || !scanner.Digits(2, hours)) return false;
  if (!scanner.empty()) {
    scanner.Take(':');
    if (!scanner.Digits(2, minutes)) return false;
  }
  seconds = sign * (hours * 3600 + minutes * 60);
  return scanner.empty() && hours <= 23 && minutes <= 59;
}

// `%z`, `%Ez`, `%E*z`, `%:z` and `%s` say the offset, or need none.
bool PatternHasOffset(absl::string_view pattern) {
  for (size_t i = pattern.find('%'); i != absl::string_view::npos; i = pattern.find('%', i)) {
    ++i;
    while (i < pattern.size() && (pattern[i] == 'E' || pattern[i] == '*' || pattern[i] == ':')) ++i;
    if (i < pattern.size() && (pattern[i] == 'z' || pattern[i] == 's')) return true;
    if (i < pattern.size()) ++i;  // also skips the second half of `%%`
  }
  return false;
}

}  // namespace

TimeTextResult ParseIsoTime(absl::string_view text, absl::TimeZone zone) {
  Scanner scanner(absl::StripAsciiWhitespace(text));
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int64_t nanoseconds = 0;
  if (!scanner.Digits(4, year) || !scanner.Take('-') || !scanner.Digits(2, month) || !scanner.Take('-') ||
      !scanner.Digits(2, day)) {
    return {};
  }
  if (!scanner.empty()) {
    if (!scanner.Take('T') && !scanner.Take('t') && !scanner.Take(' ')) return {};
    if (!scanner.Digits(2, hour) || !scanner.Take(':') || !scanner.Digits(2, minute)) return {};
    if (scanner.Take(':')) {
      if (!scanner.Digits(2, second)) return {};
      if ((scanner.Take('.') || scanner.Take(',')) && !scanner.Fraction(nanoseconds)) return {};
    }
    scanner.Take(' ');
  }
  const bool leap_second = second == 60;
  const absl::CivilSecond civil(year, month, day, hour, minute, leap_second ? 59 : second);
  if (civil.month() != month || civil.day() != day || civil.hour() != hour || civil.minute() != minute || second > 60) {
    return {};
  }
  const absl::Duration fraction = leap_second ? absl::Seconds(1) : absl::Nanoseconds(nanoseconds);
  if (scanner.empty()) {
    return zone == absl::UTCTimeZone() ? AtOffset(civil, fraction, 0) : At(civil, fraction, zone);
  }
  int64_t offset_seconds = 0;
  if (!TakeOffset(scanner, offset_seconds)) return {};
  return AtOffset(civil, fraction, offset_seconds);
}

absl::StatusOr<TimeFormat> TimeFormat::Make(const std::string& format, absl::TimeZone zone) {
  if (format.empty()) return TimeFormat(Style::kIso, "", zone);
  if (format == "unix") return TimeFormat(Style::kUnixSeconds, "", zone);
  if (format == "unix_ms") return TimeFormat(Style::kUnixMilliseconds, "", zone);
  if (format.find('%') == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", format,
                     "' is no time format; leave it out for ISO 8601, or say unix, unix_ms or a pattern such as "
                     "%d/%m/%Y %H:%M"));
  }
  return TimeFormat(Style::kPattern, format, zone);
}

TimeTextResult TimeFormat::Parse(absl::string_view text) const {
  switch (style_) {
    case Style::kIso:
      return ParseIsoTime(text, zone_);
    case Style::kUnixSeconds:
    case Style::kUnixMilliseconds: {
      // Beyond this the year has more than four digits, and arithmetic would overflow.
      constexpr double kSecondsMax = 253402300799;
      double number = 0;
      if (!absl::SimpleAtod(text, &number)) return {};
      int64_t whole = 0;
      const bool milliseconds = style_ == Style::kUnixMilliseconds;
      if (milliseconds) number /= 1000;
      if (!(number >= -kSecondsMax && number <= kSecondsMax)) return {};
      if (absl::SimpleAtoi(text, &whole)) {
        return {TimeTextKind::kOk, milliseconds ? absl::FromUnixMillis(whole) : absl::FromUnixSeconds(whole)};
      }
      return {TimeTextKind::kOk, absl::FromUnixMicros(static_cast<int64_t>(number * 1e6 + (number < 0 ? -.5 : .5)))};
    }
    case Style::kPattern: {
      // Read as if in UTC, to learn the civil time; unless the text has an offset of its own, that is then looked up.
      absl::Time in_utc;
      std::string error;
      if (!absl::ParseTime(pattern_, text, absl::UTCTimeZone(), &in_utc, &error)) return {};
      if (PatternHasOffset(pattern_)) return {TimeTextKind::kOk, in_utc};
      const absl::CivilSecond civil = absl::ToCivilSecond(in_utc, absl::UTCTimeZone());
      return At(civil, in_utc - absl::FromCivil(civil, absl::UTCTimeZone()), zone_);
    }
  }
  return {};
}

}  // namespace throughline
