#include "throughline/models/run.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

absl::Status ValidateNames(absl::string_view field, const std::vector<std::string>& names) {
  std::set<absl::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!seen.insert(names[i]).second) {
      return InvalidField(FieldPath(field, i), absl::StrCat("the name ", names[i], " stands twice"));
    }
  }
  return absl::OkStatus();
}

bool IsWithin(int32_t index, const std::vector<std::string>& names) {
  return index >= 0 && static_cast<size_t>(index) < names.size();
}

absl::Status ValidateRun(const RunLog& log, size_t at) {
  const std::string field = FieldPath("runs", at);
  const std::vector<RunLog::Visit>& visits = log.runs[at].visits;
  for (size_t i = 0; i < visits.size(); ++i) {
    const RunLog::Visit& visit = visits[i];
    const bool fine = IsWithin(visit.touchpoint, log.touchpoints) &&
                      (visit.channel == RunLog::kNone || IsWithin(visit.channel, log.channels)) &&
                      (visit.department == RunLog::kNone || IsWithin(visit.department, log.departments));
    if (!fine) return InvalidField(FieldPath(field + ".visits", i), "refers to a name that is in no table");
    if (visit.time_micros > RunLog::kTimeMicrosMax || visit.time_micros < -RunLog::kTimeMicrosMax) {
      return InvalidField(FieldPath(field + ".visits", i), "lies beyond the year 9999");
    }
    if (i > 0 && visit.time_micros < visits[i - 1].time_micros) {
      return InvalidField(FieldPath(field + ".visits", i), "lies before the visit that stands before it");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateRunLog(const RunLog& log) {
  if (static_cast<int64_t>(log.runs.size()) > RunLog::kRunsMax) {
    return InvalidField("runs", absl::StrCat("has ", log.runs.size(), " runs; at most ", RunLog::kRunsMax));
  }
  if (absl::Status status = ValidateNames("touchpoints", log.touchpoints); !status.ok()) return status;
  if (absl::Status status = ValidateNames("channels", log.channels); !status.ok()) return status;
  if (absl::Status status = ValidateNames("departments", log.departments); !status.ok()) return status;
  int64_t visits = 0;
  for (size_t i = 0; i < log.runs.size(); ++i) {
    visits += static_cast<int64_t>(log.runs[i].visits.size());
    if (visits > RunLog::kVisitsMax) {
      return InvalidField("runs", absl::StrCat("have more than ", RunLog::kVisitsMax, " visits"));
    }
    if (absl::Status status = ValidateRun(log, i); !status.ok()) return status;
  }
  return absl::OkStatus();
}

VariantCounts VariantsOf(const RunLog& log) {
  VariantCounts counts;
  std::map<std::vector<int32_t>, int64_t> variants;
  for (const RunLog::Run& run : log.runs) {
    if (run.visits.empty()) continue;
    std::vector<int32_t> way;
    way.reserve(run.visits.size());
    for (const RunLog::Visit& visit : run.visits) way.push_back(visit.touchpoint);
    ++variants[std::move(way)];
    ++counts.runs;
  }
  for (const auto& [way, runs] : variants) {
    VariantCounts::Variant names;
    names.reserve(way.size());
    for (const int32_t touchpoint : way) names.push_back(log.touchpoints[static_cast<size_t>(touchpoint)]);
    counts.variants[std::move(names)] += runs;
  }
  return counts;
}

}  // namespace throughline
