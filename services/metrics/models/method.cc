#include "services/metrics/models/method.h"

#include "absl/strings/str_format.h"

namespace throughline {

std::string MethodText(absl::string_view number, absl::string_view interval, double confidence) {
  return absl::StrFormat("%s %s %g%%", number, interval, confidence * 100);
}

void SetValue(double value, int64_t n, const EstimateOptions& options, Estimate& estimate) {
  estimate.value = value;
  estimate.n = n;
  estimate.state = n < options.min_n ? Estimate::State::kInsufficientData : Estimate::State::kOk;
}

void Exclude(absl::string_view reason, int64_t count, Estimate& estimate) {
  if (count != 0) estimate.excluded[std::string(reason)] += count;
}

}  // namespace throughline
