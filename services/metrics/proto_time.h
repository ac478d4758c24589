// Between protobuf's and Abseil's times and durations. Pure functions; any thread.
#pragma once

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace throughline {

// Whether the message is one that protobuf allows: years 1 to 9999, nanos within a second.
inline bool IsValid(const google::protobuf::Timestamp& timestamp) {
  constexpr int64_t kSecondsMin = -62'135'596'800;
  constexpr int64_t kSecondsMax = 253'402'300'799;
  return timestamp.seconds() >= kSecondsMin && timestamp.seconds() <= kSecondsMax && timestamp.nanos() >= 0 &&
         timestamp.nanos() < 1'000'000'000;
}

// Whether the message is one that protobuf allows: within 10 000 years, nanos within a second and of the same sign.
inline bool IsValid(const google::protobuf::Duration& duration) {
  constexpr int64_t kSecondsMax = 315'576'000'000;
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  return seconds >= -kSecondsMax && seconds <= kSecondsMax && nanos > -1'000'000'000 && nanos < 1'000'000'000 &&
         !(seconds > 0 && nanos < 0) && !(seconds < 0 && nanos > 0);
}

inline absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

inline absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// `time` must be finite.
inline void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);  // floor
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace throughline
