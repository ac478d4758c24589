// Checks that several resources share: texts, references, bindings, times. Each adds what is wrong to `violations`.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "throughline/errors.h"
#include "throughline/events.h"
#include "throughline/v1/event.pb.h"

namespace throughline::api {

// display_name: required and at most kDisplayNameLengthMax characters, not only white space; description: at most
// kDescriptionLengthMax.
void CheckDisplayName(absl::string_view display_name, FieldViolations& violations);
void CheckDescription(absl::string_view description, FieldViolations& violations);

// At most kListTextCountMax entries of kListTextLengthMax characters, none empty.
void CheckTexts(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& texts,
                FieldViolations& violations);

// Whether the names of the binding are within limits and its filter is one over events.
void CheckBinding(absl::string_view field, const v1::EventBinding& binding, FieldViolations& violations);

// INVALID_ARGUMENT unless it is a time that protobuf allows (years 1 to 9999).
absl::StatusOr<absl::Time> ToTime(const google::protobuf::Timestamp& timestamp, absl::string_view field);
// INVALID_ARGUMENT unless it is positive and well formed.
absl::StatusOr<absl::Duration> ToPositiveDuration(const google::protobuf::Duration& duration, absl::string_view field);
// Absent ends are infinite. INVALID_ARGUMENT as ToTime, and if the start is not before the end.
absl::StatusOr<TimeRange> ToTimeRange(const v1::TimeInterval& interval, absl::string_view field);
// A property that tells runs apart: empty, or a property's key.
absl::Status CheckCorrelationProperty(absl::string_view property);

// The zone of an IANA name. INVALID_ARGUMENT if there is none of that name.
absl::StatusOr<absl::TimeZone> ToTimeZone(const std::string& name, absl::string_view field);

google::protobuf::Timestamp ToTimestamp(absl::Time time);

}  // namespace throughline::api
