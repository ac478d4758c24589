// What goes with an answer, and whether a change helped.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/models/drivers.h"
#include "throughline/models/effects.h"
#include "throughline/models/intervals.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr char kScore[] = "score";
// Beyond it a property is no measurement, and its square no number.
constexpr double kNumberMax = 1e100;

absl::Status CheckNumberField(absl::string_view path, bool traits, absl::string_view field) {
  RETURN_IF_ERROR(CheckEventField(path, field));
  if (absl::StartsWith(path, "properties.") || (traits && absl::StartsWith(path, "traits."))) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("\"", path, "\" has no numbers; properties.<key>",
                                          traits ? " and traits.<key>" : "", " may have some"));
}

// Where the outcome of a visit stands: in a field, or it is the visit's score.
struct OutcomeSource {
  std::optional<size_t> field;

  std::optional<double> Of(const RunSample& sample, const RunSample::Run& run, size_t visit) const {
    const std::optional<double> number =
        field.has_value() ? NumberAt(sample, run, visit, *field) : run.visits[visit].score;
    return number.has_value() && std::abs(*number) <= kNumberMax ? number : std::nullopt;
  }
};

// Asks for the outcome's field, if it has one.
absl::StatusOr<OutcomeSource> PlanOutcome(const std::string& outcome, bool traits, RunsQuery& query) {
  OutcomeSource source;
  if (outcome.empty() || outcome == kScore) return source;
  RETURN_IF_ERROR(CheckNumberField(outcome, traits, "outcome"));
  source.field = query.fields.size();
  query.fields.push_back(outcome);
  return source;
}

// ---- Drivers --------------------------------------------------------------------------------------------------------

// Numbers of all answers together, in the outcome and the drivers: some hundred megabytes while they are compared.
constexpr int64_t kDriverNumbersMax = 6'000'000;

// The bootstrap's work, in multiplications: some seconds of one core. All sets of 15 drivers take most of it.
constexpr double kBootstrapStepsMax = 5e9;

absl::Status CheckDrivers(const v1::QueryDriversRequest& request) {
  if (request.drivers().empty()) return MissingField("drivers");
  if (request.drivers_size() > static_cast<int>(kDriversMax)) {
    return InvalidField("drivers", absl::StrCat("has ", request.drivers_size(), " entries; at most ", kDriversMax));
  }
  const std::string& outcome = request.outcome();
  for (int i = 0; i < request.drivers_size(); ++i) {
    const std::string path = FieldPath("drivers", static_cast<size_t>(i));
    RETURN_IF_ERROR(CheckNumberField(request.drivers(i), true, path));
    if (request.drivers(i) == outcome) return InvalidField(path, "is the outcome, which it would explain wholly");
    for (int j = 0; j < i; ++j) {
      if (request.drivers(i) == request.drivers(j)) return InvalidField(path, "stands there twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBootstrap(int samples, size_t rows, size_t drivers) {
  const auto columns = static_cast<double>(drivers + 1);
  const double sets = std::exp2(static_cast<double>(drivers));
  // Cross-products of the rows, and then a dozen operations and one for each driver in every set.
  const double steps = static_cast<double>(rows) * columns * columns / 2 + sets * (12 + columns);
  if (steps * samples <= kBootstrapStepsMax) return absl::OkStatus();
  return InvalidField("bootstrap_samples",
                      absl::StrFormat("of %d answers and %d drivers must be at most %d, or 0 for no intervals", rows,
                                      drivers, static_cast<int64_t>(kBootstrapStepsMax / steps)));
}

// Each visit is a row.
DriverData ToDriverData(const RunSample& sample, const v1::QueryDriversRequest& request, const OutcomeSource& outcome) {
  DriverData data;
  data.names.assign(request.drivers().begin(), request.drivers().end());
  const size_t first = outcome.field.has_value() ? 1 : 0;
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& customer) {
    for (const RunSample::Run& run : customer.runs) {
      for (size_t visit = 0; visit < run.visits.size(); ++visit) {
        DriverRow& row = data.rows.emplace_back();
        row.outcome = outcome.Of(sample, run, visit);
        for (size_t i = 0; i < data.names.size(); ++i) {
          row.drivers.push_back(OutcomeSource{first + i}.Of(sample, run, visit));
        }
      }
    }
  });
  return data;
}

absl::StatusOr<v1::QueryDriversResponse> QueryDrivers(RequestContext& context, const v1::QueryDriversRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  RunsQuery query;
  ASSIGN_OR_RETURN(EventSelector answers, ToSelector(request.events(), "events"));
  ASSIGN_OR_RETURN(const OutcomeSource outcome, PlanOutcome(request.outcome(), true, query));
  RETURN_IF_ERROR(CheckDrivers(request));
  query.alphabet = EventSymbols{{{"answer", std::move(answers)}}};
  query.fields.insert(query.fields.end(), request.drivers().begin(), request.drivers().end());
  query.visits_max = std::min(static_cast<int64_t>(kDriverRowsMax), kDriverNumbersMax / (request.drivers_size() + 1));
  query.window = question.interval;
  query.scope = question.scope;
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(query));

  const DriverData data = ToDriverData(sample, request, outcome);
  RETURN_IF_ERROR(CheckBootstrap(request.bootstrap_samples(), data.rows.size(), data.names.size()));
  RETURN_IF_ERROR(context.CheckAlive());
  DriverOptions options;
  options.bootstrap_samples = request.bootstrap_samples();
  ASSIGN_OR_RETURN(const DriverReport report, DriverShares(data, options));
  v1::QueryDriversResponse response;
  *response.mutable_r_squared() = ToProto(report.r_squared);
  for (const Driver& driver : report.drivers) {
    v1::Driver& added = *response.add_drivers();
    added.set_field(driver.name);
    *added.mutable_lmg() = ToProto(driver.lmg);
    *added.mutable_relative_weight() = ToProto(driver.relative_weight);
    added.set_correlation(driver.correlation);
  }
  *response.mutable_read() = ToRunsRead(sample, question);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

// ---- Effect ---------------------------------------------------------------------------------------------------------

constexpr char kTreated[] = "treated";
constexpr char kOthers[] = "others";

absl::StatusOr<Filter> ToTreatedFilter(const v1::QueryEffectRequest& request) {
  auto filter = Filter::ParseAndCheck(request.treated_filter(), EventFilterFields());
  if (filter.ok()) return filter;
  return InvalidField("treated_filter", absl::StripPrefix(filter.status().message(), "filter: "));
}

// The observations, cut in those of the treated and the others.
absl::StatusOr<EventSymbols> ToArms(const v1::QueryEffectRequest& request, const Filter& treated_filter) {
  ASSIGN_OR_RETURN(EventSelector others, ToSelector(request.events(), "events"));
  EventSelector treated = others;
  treated.filter = Filter::And(others.filter, treated_filter);
  // An observation is the first that matches.
  return EventSymbols{{{kTreated, std::move(treated)}, {kOthers, std::move(others)}}};
}

// Observations by arm and time: of a customer their sum and number, or of all customers their means.
template <typename Cell>
struct Cells {
  Cell of[2][2];  // by treated, after
};
struct SumAndCount {
  double sum = 0;
  int64_t n = 0;
  std::optional<double> Mean() const {
    return n > 0 ? std::optional<double>(sum / static_cast<double>(n)) : std::nullopt;
  }
};

// One number of each customer and cell: what one customer says is alike, and would pass for more certainty than it is.
struct Observations {
  std::vector<UnitChange> units;  // of each customer; by arm, if it is in both
  int64_t without_outcome = 0;    // observations
  int64_t in_both_arms = 0;       // customers
};

void AddCustomer(const Cells<SumAndCount>& customer, bool balanced, Observations& out) {
  const auto seen = [&](int treated) { return customer.of[treated][0].n + customer.of[treated][1].n > 0; };
  if (seen(0) && seen(1)) {
    ++out.in_both_arms;
    // Nobody is its own control.
    if (balanced) return;
  }
  for (const int treated : {0, 1}) {
    if (!seen(treated)) continue;
    out.units.push_back({treated == 1, customer.of[treated][0].Mean(), customer.of[treated][1].Mean()});
  }
}

Observations Observe(const RunSample& sample, const OutcomeSource& outcome, absl::Time change, bool balanced) {
  Observations out;
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& row) {
    Cells<SumAndCount> customer;
    for (const RunSample::Run& run : row.runs) {
      for (size_t i = 0; i < run.visits.size(); ++i) {
        const std::optional<double> value = outcome.Of(sample, run, i);
        if (!value.has_value()) {
          ++out.without_outcome;
          continue;
        }
        const bool treated = sample.symbols[static_cast<size_t>(run.visits[i].symbol)] == kTreated;
        const bool after = absl::FromUnixMicros(run.visits[i].time_micros) >= change;
        SumAndCount& cell = customer.of[treated ? 1 : 0][after ? 1 : 0];
        cell.sum += *value;
        ++cell.n;
      }
    }
    AddCustomer(customer, balanced, out);
  });
  return out;
}

absl::StatusOr<Cells<SampleMoments>> MomentsOf(const std::vector<UnitChange>& units, bool balanced) {
  Cells<std::vector<double>> values;
  for (const UnitChange& unit : units) {
    if (balanced && !(unit.before.has_value() && unit.after.has_value())) continue;
    if (unit.before.has_value()) values.of[unit.treated ? 1 : 0][0].push_back(*unit.before);
    if (unit.after.has_value()) values.of[unit.treated ? 1 : 0][1].push_back(*unit.after);
  }
  Cells<SampleMoments> moments;
  for (const int treated : {0, 1}) {
    for (const int after : {0, 1}) {
      ASSIGN_OR_RETURN(moments.of[treated][after], MomentsOfValues(std::move(values.of[treated][after])));
    }
  }
  return moments;
}

absl::StatusOr<Effect> EffectOf(const std::vector<UnitChange>& units, const Cells<SampleMoments>& moments,
                                bool no_control, bool balanced) {
  if (no_control) {
    return balanced ? PanelBeforeAfter(units, {}) : BeforeAfter(moments.of[1][0], moments.of[1][1], {});
  }
  if (balanced) return PanelDifferenceInDifferences(units, {});
  return DifferenceInDifferences({.treated_before = moments.of[1][0],
                                  .treated_after = moments.of[1][1],
                                  .control_before = moments.of[0][0],
                                  .control_after = moments.of[0][1]},
                                 {});
}

v1::Estimate MeanOf(const SampleMoments& moments) {
  constexpr double kConfidence = 0.95;
  Estimate mean;
  mean.method = "mean of customers student-t 95%";
  mean.n = moments.n;
  if (moments.n == 0) {
    mean.undefined_reason = "No customer was observed there.";
    return ToProto(mean);
  }
  mean.state = Estimate::State::kOk;
  mean.value = moments.mean;
  mean.interval = StudentTInterval(moments.mean, moments.variance, moments.n, kConfidence);
  return ToProto(mean);
}

void FillEffect(Effect effect, const Observations& observed, const Cells<SampleMoments>& moments, bool balanced,
                v1::QueryEffectResponse& response) {
  if (observed.without_outcome > 0) effect.estimate.excluded["no_outcome"] = observed.without_outcome;
  if (balanced && observed.in_both_arms > 0) effect.estimate.excluded["both_groups"] = observed.in_both_arms;
  *response.mutable_effect() = ToProto(effect.estimate);
  response.set_no_control(effect.no_control);
  *response.mutable_treated_before() = MeanOf(moments.of[1][0]);
  *response.mutable_treated_after() = MeanOf(moments.of[1][1]);
  if (effect.no_control) return;
  *response.mutable_control_before() = MeanOf(moments.of[0][0]);
  *response.mutable_control_after() = MeanOf(moments.of[0][1]);
}

absl::StatusOr<v1::QueryEffectResponse> QueryEffect(RequestContext& context, const v1::QueryEffectRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  RunsQuery query;
  ASSIGN_OR_RETURN(const Filter treated_filter, ToTreatedFilter(request));
  ASSIGN_OR_RETURN(query.alphabet, ToArms(request, treated_filter));
  ASSIGN_OR_RETURN(const OutcomeSource outcome, PlanOutcome(request.outcome(), false, query));
  if (!request.has_change_time()) return MissingField("change_time");
  ASSIGN_OR_RETURN(const absl::Time change, ToTime(request.change_time(), "change_time"));
  query.visits_max = RunsQuery::kVisitsMax;
  query.window = question.interval;
  query.scope = question.scope;
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(query));

  const Observations observed = Observe(sample, outcome, change, request.balanced());
  RETURN_IF_ERROR(context.CheckAlive());
  ASSIGN_OR_RETURN(const Cells<SampleMoments> moments, MomentsOf(observed.units, request.balanced()));
  ASSIGN_OR_RETURN(Effect effect, EffectOf(observed.units, moments, treated_filter.empty(), request.balanced()));
  v1::QueryEffectResponse response;
  FillEffect(std::move(effect), observed, moments, request.balanced(), response);
  *response.mutable_read() = ToRunsRead(sample, question);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisDriverMethods(RpcService& service) {
  service.AddUnary("QueryDrivers", &QueryDrivers);
  service.AddUnary("QueryEffect", &QueryEffect);
}

}  // namespace throughline::api
