// How long until something happens, where for some it has not happened yet.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/models/survival.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr int kStepLimitDefault = 200;  // as many as a chart has room for
constexpr int kStepLimitMax = 10'000;

// What an event can be; several of them at once.
enum Part : unsigned { kStart = 1, kEnd = 2, kCensoring = 4 };
constexpr unsigned kPartsEnd = 8;

// What a question about survival asks, beside its runs.
struct SurvivalPlan {
  RunsQuery runs;
  TimeRange starts;
  int64_t now_micros = 0;
  bool has_groups = false;
  std::optional<double> restricted_to_seconds;
  int step_limit = kStepLimitDefault;
};

// The events that match both.
EventSelector Both(EventSelector selector, const EventSelector& other) {
  EventSelector not_other;
  not_other.unless = {other};
  selector.unless.push_back(std::move(not_other));
  return selector;
}

// An event is the first symbol that it matches: those that are several things at once come first. A symbol's name is
// the sum of its parts.
EventSymbols ToSymbols(const std::map<unsigned, EventSelector>& parts) {
  EventSymbols symbols;
  for (const int bits : {3, 2, 1}) {
    for (unsigned sum = 1; sum < kPartsEnd; ++sum) {
      std::optional<EventSelector> selector;
      int parts_of_sum = 0;
      for (const auto& [part, part_selector] : parts) {
        if ((sum & part) == 0) continue;
        selector = selector.has_value() ? Both(*std::move(selector), part_selector) : part_selector;
        parts_of_sum += 1;
      }
      // Absent parts are in no symbol.
      if (parts_of_sum != bits || std::popcount(sum) != bits) continue;
      symbols.symbols.push_back({absl::StrCat(sum), *std::move(selector)});
    }
  }
  return symbols;
}

absl::StatusOr<SurvivalPlan> MakePlan(const v1::QuerySurvivalRequest& request, const Question& question) {
  SurvivalPlan plan;
  if (!request.has_start()) return MissingField("start");
  if (!request.has_end()) return MissingField("end");
  std::map<unsigned, EventSelector> parts;
  ASSIGN_OR_RETURN(parts[kStart], ToSelector(request.start(), "start"));
  ASSIGN_OR_RETURN(parts[kEnd], ToSelector(request.end(), "end"));
  if (request.has_censoring()) {
    ASSIGN_OR_RETURN(parts[kCensoring], ToSelector(request.censoring(), "censoring"));
  }
  plan.runs.alphabet = ToSymbols(parts);
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  plan.runs.run.correlation_property = request.correlation_property();
  if (!request.group_field().empty()) {
    RETURN_IF_ERROR(CheckEventField(request.group_field(), "group_field"));
    plan.runs.fields = {request.group_field()};
    plan.has_groups = true;
  }
  if (request.has_restricted_to()) {
    ASSIGN_OR_RETURN(const absl::Duration until, ToPositiveDuration(request.restricted_to(), "restricted_to"));
    plan.restricted_to_seconds = absl::ToDoubleSeconds(until);
  }
  ASSIGN_OR_RETURN(plan.step_limit, ToCount(request.step_limit(), kStepLimitDefault, kStepLimitMax, "step_limit"));
  // The interval is of starts: what follows may lie beyond it, and who started before it does not start again in it.
  plan.starts = question.interval;
  plan.runs.visits_max = RunsQuery::kVisitsMax;
  plan.runs.scope = question.scope;
  plan.now_micros = absl::ToUnixMicros(question.now);
  return plan;
}

// ---- From runs to durations -----------------------------------------------------------------------------------------

// Subjects by duration in microseconds and whether it was seen to the end.
using Durations = std::map<std::pair<int64_t, bool>, int64_t>;
using Groups = std::map<GroupValue, Durations>;

bool Holds(const TimeRange& range, int64_t micros) {
  const absl::Time time = absl::FromUnixMicros(micros);
  return time >= range.start && time < range.end;
}

class DurationReader {
 public:
  DurationReader(const RunSample& sample, const SurvivalPlan& plan) : sample_(sample), plan_(plan) {
    for (const std::string& name : sample.symbols) parts_.push_back(static_cast<unsigned>(name.front() - '0'));
  }

  // `cut`: nothing is known of what came after its last visit.
  void Add(const RunSample::Run& run, bool cut, Groups& groups) const {
    size_t start = 0;
    while (start < run.visits.size() && !Is(run, start, kStart)) ++start;
    if (start == run.visits.size()) return;
    const int64_t begin = run.visits[start].time_micros;
    if (begin > plan_.now_micros || !Holds(plan_.starts, begin)) return;
    const int64_t known_until = cut ? std::min(plan_.now_micros, run.visits.back().time_micros) : plan_.now_micros;
    const auto [end, observed] = EndOf(run, start + 1, known_until);
    ++groups[GroupOf(run, start)][{end - begin, observed}];
  }

 private:
  GroupValue GroupOf(const RunSample::Run& run, size_t start) const {
    if (!plan_.has_groups) return {};
    const std::string* const value = ValueAt(sample_, run, start, 0);
    if (value == nullptr) return {GroupValue::Kind::kMissing, ""};
    return {GroupValue::Kind::kValue, *value};
  }

  bool Is(const RunSample::Run& run, size_t visit, Part part) const {
    return (parts_[static_cast<size_t>(run.visits[visit].symbol)] & part) != 0;
  }

  // When it happened, or until when it is known not to have happened.
  std::pair<int64_t, bool> EndOf(const RunSample::Run& run, size_t visit, int64_t known_until) const {
    for (; visit < run.visits.size() && run.visits[visit].time_micros <= known_until; ++visit) {
      if (Is(run, visit, kEnd)) return {run.visits[visit].time_micros, true};
      // What happens in the same moment still counts: who is censored at a time is at risk at it.
      if (Is(run, visit, kCensoring)) known_until = run.visits[visit].time_micros;
    }
    return {known_until, false};
  }

  const RunSample& sample_;
  const SurvivalPlan& plan_;
  std::vector<unsigned> parts_;  // by symbol
};

Groups ToGroups(const RunSample& sample, const SurvivalPlan& plan) {
  Groups groups;
  // Without groups there is one curve, also of nobody.
  if (!plan.has_groups) groups.try_emplace(GroupValue());
  const DurationReader reader(sample, plan);
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& row) {
    for (const RunSample::Run& run : row.runs) reader.Add(run, row.cut, groups);
  });
  return groups;
}

std::vector<SurvivalRow> ToRows(const Durations& durations) {
  std::vector<SurvivalRow> rows;
  for (const auto& [key, count] : durations) rows.push_back({ToSeconds(key.first), key.second, count});
  return rows;
}

// ---- The answer -----------------------------------------------------------------------------------------------------

// At most `limit` steps: the last, and those with which the curve comes below another of limit − 1 equal parts of its
// fall.
std::vector<SurvivalStep> ShownSteps(const std::vector<SurvivalStep>& steps, size_t limit) {
  if (steps.size() <= limit) return steps;
  const double fall = 1 - steps.back().survival;
  const auto part_of = [&](const SurvivalStep& step) {
    return fall <= 0 ? 0 : std::floor((1 - step.survival) / fall * static_cast<double>(limit - 1));
  };
  std::vector<SurvivalStep> shown;
  double part = 0;
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    if (part_of(steps[i]) <= part) continue;
    part = part_of(steps[i]);
    shown.push_back(steps[i]);
  }
  shown.push_back(steps.back());
  return shown;
}

void FillSteps(const SurvivalCurve& curve, const SurvivalPlan& plan, v1::SurvivalCurve& out) {
  for (const SurvivalStep& step : ShownSteps(curve.steps, static_cast<size_t>(plan.step_limit))) {
    v1::SurvivalStep& added = *out.add_steps();
    added.set_seconds(step.time);
    added.set_at_risk_count(step.at_risk);
    added.set_event_count(step.events);
    added.set_censored_count(step.censored);
    added.set_survival(step.survival);
    if (!step.interval.has_value()) continue;
    added.set_survival_low(step.interval->low);
    added.set_survival_high(step.interval->high);
  }
}

absl::Status FillCurve(const std::vector<SurvivalRow>& rows, const SurvivalPlan& plan, v1::SurvivalCurve& out) {
  ASSIGN_OR_RETURN(const SurvivalCurve curve, KaplanMeier(rows));
  out.set_n(curve.n);
  out.set_event_count(curve.events);
  out.set_censored_count(curve.censored);
  *out.mutable_median_seconds() = ToProto(curve.median);
  if (plan.restricted_to_seconds.has_value()) {
    *out.mutable_restricted_mean_seconds() = ToProto(RestrictedMeanEstimate(curve, *plan.restricted_to_seconds));
  }
  FillSteps(curve, plan, out);
  return absl::OkStatus();
}

v1::GroupValue GroupProto(const GroupValue& group) {
  v1::GroupValue out;
  const bool is_missing = group.kind == GroupValue::Kind::kMissing;
  out.set_kind(is_missing ? v1::GroupValue::MISSING : v1::GroupValue::VALUE);
  out.set_value(group.text);
  return out;
}

absl::StatusOr<v1::QuerySurvivalResponse> QuerySurvival(RequestContext& context,
                                                        const v1::QuerySurvivalRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const SurvivalPlan plan, MakePlan(request, question));
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(plan.runs));
  const Groups groups = ToGroups(sample, plan);
  if (groups.size() > kSurvivalGroupsMax) {
    return LimitExceeded("the curves", static_cast<int64_t>(kSurvivalGroupsMax),
                         "values of group_field; ask with a filter");
  }
  RETURN_IF_ERROR(context.CheckAlive());
  v1::QuerySurvivalResponse response;
  std::vector<std::vector<SurvivalRow>> rows;
  for (const auto& [group, durations] : groups) {
    rows.push_back(ToRows(durations));
    v1::SurvivalCurve& curve = *response.add_curves();
    if (plan.has_groups) *curve.mutable_group() = GroupProto(group);
    RETURN_IF_ERROR(FillCurve(rows.back(), plan, curve));
  }
  ASSIGN_OR_RETURN(const LogRankTest test, LogRank(rows));
  *response.mutable_log_rank() = ToProto(test.chi_square);
  *response.mutable_read() = ToRunsRead(sample, question);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisSurvivalMethods(RpcService& service) { service.AddUnary("QuerySurvival", &QuerySurvival); }

}  // namespace throughline::api
