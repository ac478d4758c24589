// What the answers of models have in common: estimates, what was read, and runs as the models take them. Stateless; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/api/analysis_question.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"
#include "throughline/models/run.h"
#include "throughline/v1/analysis_models.pb.h"

namespace throughline::api {

v1::Estimate ToProto(const Estimate& estimate);

v1::RunsRead ToRunsRead(const RunSample& sample, const Question& question);

// Runs as models take them, but not those of customers with more visits than are read: what is missing of them would be
// taken for something that they did not do. `channel` and `department`: which of the query's fields these are; absent:
// none is.
RunLog ToRunLog(const RunSample& sample, std::optional<size_t> channel, std::optional<size_t> department);

// A field's value at a visit as text; null where there is none.
const std::string* ValueAt(const RunSample& sample, const RunSample::Run& run, size_t visit, size_t field);
// The same as a finite number; absent where there is none.
std::optional<double> NumberAt(const RunSample& sample, const RunSample::Run& run, size_t visit, size_t field);

}  // namespace throughline::api
