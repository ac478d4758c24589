#include "services/api/field_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "throughline/filter.h"

namespace throughline::api {
namespace {

// What google/protobuf/timestamp.proto allows: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
constexpr int64_t kTimestampSecondsMin = -62135596800;
constexpr int64_t kTimestampSecondsMax = 253402300799;
// What google/protobuf/duration.proto allows: about 10 000 years.
constexpr int64_t kDurationSecondsMax = 315576000000;
constexpr int32_t kNanosMax = 999'999'999;

}  // namespace

void CheckDisplayName(absl::string_view display_name, FieldViolations& violations) {
  if (absl::StripAsciiWhitespace(display_name).empty()) {
    violations.AddStatus("", MissingField("display_name"));
  } else if (CharacterCount(display_name) > limits::kDisplayNameLengthMax) {
    violations.Add("display_name", absl::StrCat("is longer than ", limits::kDisplayNameLengthMax, " characters"));
  }
}

void CheckDescription(absl::string_view description, FieldViolations& violations) {
  if (CharacterCount(description) > limits::kDescriptionLengthMax) {
    violations.Add("description", absl::StrCat("is longer than ", limits::kDescriptionLengthMax, " characters"));
  }
}

void CheckTexts(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& texts,
                FieldViolations& violations) {
  if (static_cast<size_t>(texts.size()) > limits::kListTextCountMax) {
    violations.Add(field, absl::StrCat("has ", texts.size(), " entries; at most ", limits::kListTextCountMax));
    return;
  }
  for (int i = 0; i < texts.size(); ++i) {
    const std::string path = FieldPath(field, static_cast<size_t>(i));
    if (absl::StripAsciiWhitespace(texts[i]).empty()) {
      violations.Add(path, "is empty");
    } else if (CharacterCount(texts[i]) > limits::kListTextLengthMax) {
      violations.Add(path, absl::StrCat("is longer than ", limits::kListTextLengthMax, " characters"));
    }
  }
}

void CheckBinding(absl::string_view field, const v1::EventBinding& binding, FieldViolations& violations) {
  const std::string names_path = FieldPath(field, "event_names");
  if (binding.event_names_size() > limits::kBindingEventNameCountMax) {
    violations.Add(names_path, absl::StrCat("has ", binding.event_names_size(), " entries; at most ",
                                            limits::kBindingEventNameCountMax));
  } else {
    for (int i = 0; i < binding.event_names_size(); ++i) {
      const size_t bytes = binding.event_names(i).size();
      if (bytes == 0 || bytes > limits::kEventNameBytesMax) {
        violations.Add(FieldPath(names_path, static_cast<size_t>(i)),
                       absl::StrCat("has ", bytes, " bytes; an event name has 1 to ", limits::kEventNameBytesMax));
      }
    }
  }
  violations.AddStatus(field, Filter::ParseAndCheck(binding.filter(), EventFilterFields()).status());
}

absl::StatusOr<absl::Time> ToTime(const google::protobuf::Timestamp& timestamp, absl::string_view field) {
  if (timestamp.seconds() < kTimestampSecondsMin || timestamp.seconds() > kTimestampSecondsMax ||
      timestamp.nanos() < 0 || timestamp.nanos() > kNanosMax) {
    return InvalidField(field, "is no time between the years 1 and 9999");
  }
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

absl::StatusOr<absl::Duration> ToPositiveDuration(const google::protobuf::Duration& duration, absl::string_view field) {
  if (duration.seconds() < 0 || duration.seconds() > kDurationSecondsMax || duration.nanos() < 0 ||
      duration.nanos() > kNanosMax || (duration.seconds() == 0 && duration.nanos() == 0)) {
    return InvalidField(field, "must be a positive duration of at most 10 000 years");
  }
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::StatusOr<TimeRange> ToTimeRange(const v1::TimeInterval& interval, absl::string_view field) {
  TimeRange range;
  if (interval.has_start_time()) {
    ASSIGN_OR_RETURN(range.start, ToTime(interval.start_time(), FieldPath(field, "start_time")));
  }
  if (interval.has_end_time()) {
    ASSIGN_OR_RETURN(range.end, ToTime(interval.end_time(), FieldPath(field, "end_time")));
  }
  if (range.start >= range.end) return InvalidField(FieldPath(field, "end_time"), "must be after start_time");
  return range;
}

absl::Status CheckCorrelationProperty(absl::string_view property) {
  if (property.size() <= limits::kEventPropertyKeyBytesMax) return absl::OkStatus();
  return InvalidField("correlation_property",
                      absl::StrCat("is longer than ", limits::kEventPropertyKeyBytesMax, " bytes"));
}

absl::StatusOr<absl::TimeZone> ToTimeZone(const std::string& name, absl::string_view field) {
  // The library would also read files by absolute or relative path, which is none of a client's business.
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  absl::TimeZone zone;
  if (!plain || name.size() > limits::kTimeZoneLengthMax || absl::StartsWith(name, "/") || name == "localtime" ||
      !absl::LoadTimeZone(name, &zone)) {
    return InvalidField(field, "is no IANA time zone, such as Europe/Berlin");
  }
  return zone;
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return timestamp;
}

}  // namespace throughline::api
