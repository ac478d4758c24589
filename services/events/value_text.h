// Numbers and times that every file format needs. Any thread.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace throughline {

// A finite number with a decimal point; the whole text must be it.
bool ParseFinite(absl::string_view text, double& number);

// Kept to the microsecond, as events are.
void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp);

}  // namespace throughline
