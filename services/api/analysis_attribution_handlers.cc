// Which channels conversions are credited to.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/models/attribution.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

using Rule = v1::QueryAttributionRequest::Rule;

constexpr int kRuleCountMax = 7;
constexpr char kTouch[] = "touch";
constexpr char kConversion[] = "conversion";
constexpr char kPaidConversion[] = "paid_conversion";  // in the question's currency

struct AttributionPlan {
  RunsQuery runs;
  std::vector<Rule> rules;
  absl::Duration lookback = absl::InfiniteDuration();
  AttributionOptions options;
};

absl::StatusOr<AttributionRule> ToRule(Rule rule, const std::string& field) {
  switch (rule) {
    case v1::QueryAttributionRequest::FIRST:
      return AttributionRule::kFirst;
    case v1::QueryAttributionRequest::RULE_UNSPECIFIED:
    case v1::QueryAttributionRequest::LAST:
      return AttributionRule::kLast;
    case v1::QueryAttributionRequest::LINEAR:
      return AttributionRule::kLinear;
    case v1::QueryAttributionRequest::POSITION:
      return AttributionRule::kPosition;
    case v1::QueryAttributionRequest::TIME_DECAY:
      return AttributionRule::kTimeDecay;
    case v1::QueryAttributionRequest::MARKOV:
      return AttributionRule::kMarkov;
    case v1::QueryAttributionRequest::SHAPLEY:
      return AttributionRule::kShapley;
    default:
      return InvalidField(field, "must be one of the rules");
  }
}

absl::Status ReadRules(const v1::QueryAttributionRequest& request, AttributionPlan& plan) {
  if (request.rules_size() > kRuleCountMax) {
    return InvalidField("rules", absl::StrCat("has ", request.rules_size(), " entries; at most ", kRuleCountMax));
  }
  for (int i = 0; i < request.rules_size(); ++i) {
    RETURN_IF_ERROR(ToRule(request.rules(i), FieldPath("rules", static_cast<size_t>(i))).status());
    const bool stated = request.rules(i) != v1::QueryAttributionRequest::RULE_UNSPECIFIED;
    const Rule rule = stated ? request.rules(i) : v1::QueryAttributionRequest::LAST;
    if (std::find(plan.rules.begin(), plan.rules.end(), rule) != plan.rules.end()) {
      return InvalidField(FieldPath("rules", static_cast<size_t>(i)), "stands there twice");
    }
    plan.rules.push_back(rule);
  }
  if (plan.rules.empty()) plan.rules = {v1::QueryAttributionRequest::LAST};
  if (request.has_half_life()) {
    ASSIGN_OR_RETURN(const absl::Duration half_life, ToPositiveDuration(request.half_life(), "half_life"));
    plan.options.half_life_days = absl::FDivDuration(half_life, absl::Hours(24));
  }
  return absl::OkStatus();
}

// An event is the first symbol that it matches: a conversion is never a touch.
absl::StatusOr<EventSymbols> ToSymbols(const v1::QueryAttributionRequest& request) {
  EventSymbols symbols;
  if (!request.has_conversion()) return MissingField("conversion");
  ASSIGN_OR_RETURN(const EventSelector conversion, ToSelector(request.conversion(), "conversion"));
  if (!request.currency_code().empty()) {
    RETURN_IF_ERROR(CheckCurrencyCode(request.currency_code(), "currency_code"));
    ASSIGN_OR_RETURN(const Filter currency,
                     Filter::ParseAndCheck(absl::StrCat("currency_code = ", "\"", request.currency_code(), "\""),
                                           EventFilterFields()));
    EventSelector paid = conversion;
    paid.filter = Filter::And(conversion.filter, currency);
    symbols.symbols.push_back({kPaidConversion, std::move(paid)});
  }
  symbols.symbols.push_back({kConversion, conversion});
  EventSelector touch;
  if (request.has_touch()) {
    ASSIGN_OR_RETURN(touch, ToSelector(request.touch(), "touch"));
  }
  symbols.symbols.push_back({kTouch, std::move(touch)});
  return symbols;
}

absl::StatusOr<AttributionPlan> MakePlan(const v1::QueryAttributionRequest& request, const Question& question) {
  AttributionPlan plan;
  ASSIGN_OR_RETURN(plan.runs.alphabet, ToSymbols(request));
  const std::string field = request.field().empty() ? "channel" : request.field();
  RETURN_IF_ERROR(CheckEventField(field, "field"));
  plan.runs.fields = {field};
  if (request.has_lookback()) {
    ASSIGN_OR_RETURN(plan.lookback, ToPositiveDuration(request.lookback(), "lookback"));
  }
  RETURN_IF_ERROR(ReadRules(request, plan));
  plan.runs.window = question.interval;
  plan.runs.visits_max = RunsQuery::kVisitsMax;
  plan.runs.scope = question.scope;
  return plan;
}

// ---- From runs to paths ---------------------------------------------------------------------------------------------

struct Paths {
  std::vector<AttributionPath> merged;  // equal ones are one; without times
  std::vector<AttributionPath> timed;   // one for each conversion, with times; and those that have not converted
  int64_t conversions = 0;
  int64_t nulls = 0;
};

class PathReader {
 public:
  // `with_times`: whether Paths::timed is wanted too.
  PathReader(const RunSample& sample, absl::Duration lookback, bool with_times)
      : sample_(sample), lookback_(lookback), with_times_(with_times) {
    for (const std::string& name : sample.symbols) {
      is_touch_.push_back(name == kTouch);
      is_paid_.push_back(name == kPaidConversion);
    }
  }

  // The run is cut at its conversions; what comes after the last is a path that has not converted.
  void Add(const RunSample::Run& run) {
    touches_.clear();
    for (size_t i = 0; i < run.visits.size(); ++i) {
      const RunSample::Visit& visit = run.visits[i];
      const auto symbol = static_cast<size_t>(visit.symbol);
      if (!is_touch_[symbol]) {
        AddConversion(visit.time_micros, is_paid_[symbol] ? static_cast<double>(visit.amount_minor.value_or(0)) : 0);
        touches_.clear();
      } else if (run.values[i] != RunSample::kMissing) {
        touches_.push_back({run.values[i], visit.time_micros});
      }
    }
    if (touches_.empty()) return;
    ++paths_.nulls;
    ++merged_[Channels(0)].nulls;
  }

  Paths Finish() && {
    for (auto& [channels, path] : merged_) {
      for (const int32_t channel : channels) path.channels.push_back(NameOf(channel));
      // Their channels are shown too, without credit.
      if (with_times_ && path.nulls > 0) paths_.timed.push_back({.channels = path.channels, .nulls = path.nulls});
      paths_.merged.push_back(std::move(path));
    }
    return std::move(paths_);
  }

 private:
  struct Touch {
    int32_t channel = 0;
    int64_t time_micros = 0;
  };

  const std::string& NameOf(int32_t channel) const { return sample_.texts[0][static_cast<size_t>(channel)]; }

  std::vector<int32_t> Channels(size_t first) const {
    std::vector<int32_t> channels;
    for (size_t i = first; i < touches_.size(); ++i) channels.push_back(touches_[i].channel);
    return channels;
  }

  void AddConversion(int64_t time_micros, double value) {
    const auto counts = [&](const Touch& touch) {
      return absl::Microseconds(time_micros - touch.time_micros) <= lookback_;
    };
    const auto first = static_cast<size_t>(std::find_if(touches_.begin(), touches_.end(), counts) - touches_.begin());
    ++paths_.conversions;
    AttributionPath& path = merged_[Channels(first)];
    ++path.conversions;
    path.value += value;
    if (!with_times_) return;
    AttributionPath& timed = paths_.timed.emplace_back();
    timed.conversions = 1;
    timed.value = value;
    for (size_t i = first; i < touches_.size(); ++i) {
      timed.channels.push_back(NameOf(touches_[i].channel));
      timed.days_before.push_back(
          absl::FDivDuration(absl::Microseconds(time_micros - touches_[i].time_micros), absl::Hours(24)));
    }
  }

  const RunSample& sample_;
  const absl::Duration lookback_;
  const bool with_times_;
  std::vector<bool> is_touch_, is_paid_;  // by symbol
  std::vector<Touch> touches_;            // since the conversion before
  std::map<std::vector<int32_t>, AttributionPath> merged_;
  Paths paths_;
};

Paths ToPaths(const RunSample& sample, const AttributionPlan& plan) {
  const bool with_times =
      std::find(plan.rules.begin(), plan.rules.end(), v1::QueryAttributionRequest::TIME_DECAY) != plan.rules.end();
  PathReader reader(sample, plan.lookback, with_times);
  sample.rows.ForEach([&](const std::string&, const RunSample::CustomerRuns& row) {
    for (const RunSample::Run& run : row.runs) reader.Add(run);
  });
  return std::move(reader).Finish();
}

// ---- The answer -----------------------------------------------------------------------------------------------------

v1::Attribution ToProto(const Attribution& attribution, Rule rule) {
  v1::Attribution out;
  out.set_rule(rule);
  out.set_undefined_reason(attribution.undefined_reason);
  for (const ChannelCredit& credit : attribution.channels) {
    v1::ChannelCredit& added = *out.add_channels();
    added.set_channel(credit.channel);
    added.set_conversions(credit.conversions);
    added.set_value_minor(credit.value);
    added.set_share(credit.share);
    if (credit.removal_effect.has_value()) added.set_removal_effect(*credit.removal_effect);
  }
  out.set_conversion_count(attribution.conversions);
  out.set_value_minor(attribution.value);
  out.set_method(attribution.method);
  out.mutable_excluded()->insert(attribution.excluded.begin(), attribution.excluded.end());
  return out;
}

absl::StatusOr<v1::QueryAttributionResponse> QueryAttribution(RequestContext& context,
                                                              const v1::QueryAttributionRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const AttributionPlan plan, MakePlan(request, question));
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(plan.runs));
  const Paths paths = ToPaths(sample, plan);
  v1::QueryAttributionResponse response;
  for (const Rule rule : plan.rules) {
    RETURN_IF_ERROR(context.CheckAlive());
    ASSIGN_OR_RETURN(const AttributionRule model_rule, ToRule(rule, "rules"));
    const bool is_timed = model_rule == AttributionRule::kTimeDecay;
    ASSIGN_OR_RETURN(const Attribution attribution,
                     Attribute(is_timed ? paths.timed : paths.merged, model_rule, plan.options));
    *response.add_attributions() = ToProto(attribution, rule);
  }
  response.set_conversion_count(paths.conversions);
  response.set_null_path_count(paths.nulls);
  *response.mutable_read() = ToRunsRead(sample, question);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisAttributionMethods(RpcService& service) { service.AddUnary("QueryAttribution", &QueryAttribution); }

}  // namespace throughline::api
