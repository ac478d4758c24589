// Durations and times of the command line and of the API. Any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace throughline::cli {

// INVALID_ARGUMENT naming the option.
absl::StatusOr<google::protobuf::Duration> ParseDurationOption(absl::string_view option, const std::string& text);

absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);

}  // namespace throughline::cli
