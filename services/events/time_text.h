// Times as files write them. Any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace throughline {

enum class TimeTextKind { kOk, kMalformed, kSkippedByClocks };

struct TimeTextResult {
  TimeTextKind kind = TimeTextKind::kMalformed;
  absl::Time time;
};

// ISO 8601 and its relatives: `2018-01-31`, `2018-01-31 13:45`, `2018-01-31T13:45:10.123456Z`,
// `2018-01-31 13:45:10+01:00`. A time without an offset is meant in `zone`: one that occurs twice is the first, one
// that the clocks skipped is kSkippedByClocks.
TimeTextResult ParseIsoTime(absl::string_view text, absl::TimeZone zone);

// A reader of one format: empty (as ParseIsoTime), `unix`, `unix_ms`, or a pattern with the letters of strptime.
class TimeFormat {
 public:
  // INVALID_ARGUMENT if the pattern has no date in it.
  static absl::StatusOr<TimeFormat> Make(const std::string& format, absl::TimeZone zone);
  TimeTextResult Parse(absl::string_view text) const;

 private:
  enum class Style { kIso, kUnixSeconds, kUnixMilliseconds, kPattern };
  TimeFormat(Style style, std::string pattern, absl::TimeZone zone)
      : style_(style), pattern_(std::move(pattern)), zone_(zone) {}
  Style style_;
  std::string pattern_;
  absl::TimeZone zone_;
};

}  // namespace throughline
