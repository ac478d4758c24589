#include "services/api/analysis_answers.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"

namespace throughline::api {
namespace {

v1::Estimate::State StateOf(Estimate::State state) {
  switch (state) {
    case Estimate::State::kUndefined:
      return v1::Estimate::UNDEFINED;
    case Estimate::State::kInsufficientData:
      return v1::Estimate::INSUFFICIENT_DATA;
    case Estimate::State::kOk:
      return v1::Estimate::OK;
  }
  return v1::Estimate::STATE_UNSPECIFIED;
}

}  // namespace

v1::Estimate ToProto(const Estimate& estimate) {
  v1::Estimate out;
  out.set_state(StateOf(estimate.state));
  out.set_undefined_reason(estimate.undefined_reason);
  out.set_n(estimate.n);
  out.set_method(estimate.method);
  out.mutable_details()->insert(estimate.details.begin(), estimate.details.end());
  out.mutable_excluded()->insert(estimate.excluded.begin(), estimate.excluded.end());
  if (estimate.state == Estimate::State::kUndefined) return out;
  out.set_value(estimate.value);
  if (estimate.interval.has_value()) {
    out.set_interval_low(estimate.interval->low);
    out.set_interval_high(estimate.interval->high);
  }
  return out;
}

v1::RunsRead ToRunsRead(const RunSample& sample, const Question& question) {
  v1::RunsRead out;
  out.set_customer_count(sample.rows.customers());
  out.set_sampled_customer_count(static_cast<int64_t>(sample.rows.size()));
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& row) {
    out.set_run_count(out.run_count() + static_cast<int64_t>(row.runs.size()));
    for (const RunSample::Run& run : row.runs) {
      out.set_visit_count(out.visit_count() + static_cast<int64_t>(run.visits.size()));
    }
    out.set_cut_customer_count(out.cut_customer_count() + (row.cut ? 1 : 0));
  });
  out.set_data_watermark(question.view->watermark().value);
  return out;
}

RunLog ToRunLog(const RunSample& sample, std::optional<size_t> channel, std::optional<size_t> department) {
  RunLog log;
  log.touchpoints = sample.symbols;
  if (channel.has_value()) log.channels = sample.texts[*channel];
  if (department.has_value()) log.departments = sample.texts[*department];
  const size_t fields = sample.texts.size();
  const auto value = [&](const RunSample::Run& run, size_t visit, std::optional<size_t> field) {
    return field.has_value() ? run.values[visit * fields + *field] : RunLog::kNone;
  };
  static_assert(RunLog::kNone == RunSample::kMissing);
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& row) {
    if (row.cut) return;
    for (const RunSample::Run& run : row.runs) {
      RunLog::Run& added = log.runs.emplace_back();
      for (size_t i = 0; i < run.visits.size(); ++i) {
        added.visits.push_back(
            {run.visits[i].symbol, value(run, i, channel), value(run, i, department), run.visits[i].time_micros});
      }
    }
  });
  return log;
}

const std::string* ValueAt(const RunSample& sample, const RunSample::Run& run, size_t visit, size_t field) {
  const int32_t value = run.values[visit * sample.texts.size() + field];
  return value == RunSample::kMissing ? nullptr : &sample.texts[field][static_cast<size_t>(value)];
}

std::optional<double> NumberAt(const RunSample& sample, const RunSample::Run& run, size_t visit, size_t field) {
  const std::string* const text = ValueAt(sample, run, visit, field);
  double number = 0;
  if (text == nullptr || !absl::SimpleAtod(*text, &number) || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace throughline::api
