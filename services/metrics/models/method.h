// What the models share in filling an Estimate. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "throughline/models/estimate.h"

namespace throughline {

// "nps" and "adjusted-wald" at 0.95: "nps adjusted-wald 95%".
std::string MethodText(absl::string_view number, absl::string_view interval, double confidence);

// Sets value, and the state by n and options.
void SetValue(double value, int64_t n, const EstimateOptions& options, Estimate& estimate);

// Adds a count to `excluded` unless it is 0.
void Exclude(absl::string_view reason, int64_t count, Estimate& estimate);

}  // namespace throughline
