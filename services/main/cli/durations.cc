#include "services/main/cli/durations.h"

#include "absl/strings/str_cat.h"
#include "services/main/cli/session.h"
#include "services/main/cli/terminal.h"

namespace throughline::cli {

absl::StatusOr<google::protobuf::Duration> ParseDurationOption(absl::string_view option, const std::string& text) {
  absl::Duration duration;
  if (!ParseDurationText(text, duration)) {
    return UsageError(absl::StrCat(option, ": '", text, "' is no duration; write 30d, 12h, 90s or 1d12h"));
  }
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace throughline::cli
