#include "services/events/value_text.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/numbers.h"

namespace throughline {

bool ParseFinite(absl::string_view text, double& number) {
  return absl::SimpleAtod(text, &number) && std::isfinite(number);
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000, rest = micros % 1'000'000;
  if (rest < 0) --seconds, rest += 1'000'000;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(rest * 1000));
}

}  // namespace throughline
