#include "services/metrics/compute.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/base/status_macros.h"
#include "services/journey/published_maps.h"
#include "services/metrics/metric_kinds.h"
#include "services/metrics/metric_resources.h"
#include "services/metrics/proto_time.h"
#include "services/metrics/windows.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/models/conversion.h"
#include "throughline/models/duration.h"
#include "throughline/models/survey.h"
#include "throughline/models/volume.h"

namespace throughline {
namespace {

using v1::MetricAttachment;
using v1::MetricDefinition;
using v1::MetricValue;

// What is asked of the events; or, in words, why nothing can be asked.
struct Subject {
  std::string impossible;
  std::vector<EventSelector> any_of;  // volume and surveys
  EventSelector from;                 // conversion, drop-off and time between
  EventSelector to;
};

Subject Impossible(std::string why) {
  Subject subject;
  subject.impossible = std::move(why);
  return subject;
}

// Adds a touchpoint's events to `selectors`; a reason if it has none.
std::string AddTouchpoint(const CompiledMap& map, absl::string_view id, std::vector<EventSelector>& selectors) {
  const CompiledTouchpoint* touchpoint = map.Find(id);
  if (touchpoint == nullptr) return absl::StrCat("The published map has no touchpoint \"", id, "\".");
  if (!touchpoint->has_binding) return absl::StrCat("Touchpoint \"", id, "\" is not bound to events.");
  selectors.push_back(touchpoint->selector);
  return "";
}

// The bound touchpoints of the map, or of one of its phases.
Subject TouchpointsSubject(const CompiledMap& map, std::optional<absl::string_view> phase) {
  Subject subject;
  bool phase_exists = !phase.has_value();
  for (const v1::Phase& candidate : map.map.phases()) {
    phase_exists = phase_exists || absl::string_view(candidate.id()) == *phase;
  }
  if (!phase_exists) return Impossible(absl::StrCat("The published map has no phase \"", *phase, "\"."));
  for (int i = 0; i < map.map.touchpoints_size(); ++i) {
    if (phase.has_value() && absl::string_view(map.map.touchpoints(i).phase()) != *phase) continue;
    if (map.touchpoints[i].has_binding) subject.any_of.push_back(map.touchpoints[i].selector);
  }
  if (subject.any_of.empty()) {
    return Impossible(phase.has_value() ? absl::StrCat("No touchpoint of phase \"", *phase, "\" is bound to events.")
                                        : "No touchpoint of the map is bound to events.");
  }
  return subject;
}

Subject PairSubject(const CompiledMap& map, absl::string_view from, absl::string_view to) {
  if (to.empty()) return Impossible("There is no target touchpoint.");
  std::vector<EventSelector> selectors;
  for (const absl::string_view id : {from, to}) {
    if (std::string why = AddTouchpoint(map, id, selectors); !why.empty()) return Impossible(std::move(why));
  }
  Subject subject;
  subject.from = std::move(selectors[0]);
  subject.to = std::move(selectors[1]);
  return subject;
}

const v1::Transition* FindTransition(const CompiledMap& map, absl::string_view id) {
  for (const v1::Transition& transition : map.map.transitions()) {
    if (absl::string_view(transition.id()) == id) return &transition;
  }
  return nullptr;
}

Subject UnfilteredSubject(const MetricAttachment& attachment, bool pair, const CompiledMap& map) {
  absl::string_view from = attachment.touchpoint();
  absl::string_view to = attachment.target_touchpoint();
  switch (attachment.subject_case()) {
    case MetricAttachment::kWholeMap:
    case MetricAttachment::kPhase:
      if (pair) return Impossible("This kind of metric takes a touchpoint or a transition.");
      return TouchpointsSubject(
          map, attachment.has_phase() ? std::optional<absl::string_view>(attachment.phase()) : std::nullopt);
    case MetricAttachment::kTouchpoint:
      break;
    case MetricAttachment::kTransition: {
      const v1::Transition* transition = FindTransition(map, attachment.transition());
      if (transition == nullptr) {
        return Impossible(absl::StrCat("The published map has no transition \"", attachment.transition(), "\"."));
      }
      from = transition->from_touchpoint();
      to = transition->to_touchpoint();
      break;
    }
    case MetricAttachment::SUBJECT_NOT_SET:
      return Impossible("The attachment has no subject.");
  }
  if (pair) return PairSubject(map, from, to);
  Subject subject;
  subject.impossible = AddTouchpoint(map, from, subject.any_of);
  return subject;
}

Subject SubjectOf(const MetricAttachment& attachment, bool pair, const CompiledMap& map) {
  Subject subject = UnfilteredSubject(attachment, pair, map);
  if (attachment.filter().empty() || !subject.impossible.empty()) return subject;
  const absl::StatusOr<Filter> filter = Filter::ParseAndCheck(attachment.filter(), EventFilterFields());
  if (!filter.ok()) return Impossible(absl::StrCat("The filter cannot be used: ", filter.status().message()));
  for (EventSelector& selector : subject.any_of) selector.filter = Filter::And(selector.filter, *filter);
  subject.from.filter = Filter::And(subject.from.filter, *filter);
  subject.to.filter = Filter::And(subject.to.filter, *filter);
  return subject;
}

RespondentPolicy PolicyOf(const MetricDefinition& definition) {
  switch (definition.respondent_policy()) {
    case MetricDefinition::FIRST:
      return RespondentPolicy::kFirst;
    case MetricDefinition::LATEST:
      return RespondentPolicy::kLatest;
    default:
      return RespondentPolicy::kAll;
  }
}

Estimate SurveyEstimate(const MetricDefinition& definition, const ScoreHistogram& scores,
                        const EstimateOptions& options) {
  switch (definition.kind()) {
    case MetricDefinition::NPS:
      return NpsEstimate(scores, options);
    case MetricDefinition::CSAT:
      return CsatEstimate(scores, definition.scale_points(), options);
    default:
      return CesEstimate(scores, definition.ces_version(), options);
  }
}

Estimate PairEstimate(const MetricDefinition& definition, const PairAggregate& pairs, const EstimateOptions& options) {
  switch (definition.kind()) {
    case MetricDefinition::CONVERSION:
      return ConversionEstimate(pairs, options);
    case MetricDefinition::DROP_OFF:
      return DropOffEstimate(pairs, options);
    default:
      return TimeBetweenEstimate(pairs, options);
  }
}

// One estimate per window, the value's window first.
using Estimates = std::vector<Estimate>;

absl::StatusOr<Estimates> MeasureVolume(const Subject& subject, std::vector<TimeRange> windows, const EventView& view) {
  ASSIGN_OR_RETURN(const auto volumes,
                   view.Volume({.any_of = subject.any_of, .windows = std::move(windows), .scope = {}}));
  Estimates estimates;
  for (const auto& volume : volumes) estimates.push_back(VolumeEstimate(volume.whole()));
  return estimates;
}

absl::StatusOr<Estimates> MeasureSurvey(const MetricDefinition& definition, const EstimateOptions& options,
                                        const Subject& subject, std::vector<TimeRange> windows, const EventView& view) {
  ASSIGN_OR_RETURN(
      const auto histograms,
      view.Scores(
          {.any_of = subject.any_of, .windows = std::move(windows), .policy = PolicyOf(definition), .scope = {}}));
  Estimates estimates;
  for (const auto& scores : histograms) estimates.push_back(SurveyEstimate(definition, scores.whole(), options));
  return estimates;
}

// Cuts each window at the moment up to which runs have had all of their time to convert: those before it are judged,
// those after it counted as immature. To judge the young ones that converted already would favour fast customers.
absl::StatusOr<Estimates> MeasurePair(const MetricAttachment& attachment, const MetricDefinition& definition,
                                      const EstimateOptions& options, const Subject& subject, const RunRule& run,
                                      const std::vector<TimeRange>& windows, absl::Time now, const EventView& view) {
  PairQuery query;
  query.from = subject.from;
  query.to = subject.to;
  query.run = run;
  Estimates estimates;
  if (!attachment.has_conversion_window()) {
    query.windows = windows;
    ASSIGN_OR_RETURN(const auto pairs, view.Pairs(query));
    for (const PairAggregate& judged : pairs) estimates.push_back(PairEstimate(definition, judged, options));
    return estimates;
  }
  query.conversion_window = ToDuration(attachment.conversion_window());
  const absl::Time cutoff = MaturityCutoff(query.conversion_window, now);
  for (const TimeRange& window : windows) {
    const absl::Time cut = std::clamp(cutoff, window.start, window.end);
    query.windows.push_back({.start = window.start, .end = cut});
    query.windows.push_back({.start = cut, .end = window.end});
  }
  ASSIGN_OR_RETURN(auto pairs, view.Pairs(query));
  for (size_t i = 0; i < windows.size(); ++i) {
    PairAggregate& judged = pairs[2 * i];
    const PairAggregate& young = pairs[2 * i + 1];
    judged.entered += young.entered;
    judged.immature += young.entered;
    judged.target_only += young.target_only;
    estimates.push_back(PairEstimate(definition, judged, options));
  }
  return estimates;
}

MetricValue::State StateOf(const Estimate& estimate) {
  switch (estimate.state) {
    case Estimate::State::kOk:
      return MetricValue::OK;
    case Estimate::State::kInsufficientData:
      return MetricValue::INSUFFICIENT_DATA;
    default:
      return MetricValue::UNDEFINED;
  }
}

// Fills what a value and a point of its trend have in common. Intervals are cut off at the ends of the scale: nobody is
// helped by an NPS of at most 103.
template <typename Out>
void FillNumber(const Estimate& estimate, const ValueRange& range, Out& out) {
  out.set_state(StateOf(estimate));
  out.set_n(estimate.n);
  if (estimate.state == Estimate::State::kUndefined) return;
  out.set_value(estimate.value);
  if (!estimate.interval.has_value()) return;
  out.set_interval_low(std::max(estimate.interval->low, range.low));
  out.set_interval_high(std::min(estimate.interval->high, range.high));
}

void FillValue(const MetricDefinition& definition, const MetricWindows& windows, const Estimates& estimates,
               MetricValue& value) {
  const ValueRange range = RangeOf(definition);
  const Estimate& estimate = estimates[0];
  FillNumber(estimate, range, value);
  value.set_undefined_reason(estimate.undefined_reason);
  value.set_method(estimate.method);
  value.mutable_details()->insert(estimate.details.begin(), estimate.details.end());
  value.mutable_excluded()->insert(estimate.excluded.begin(), estimate.excluded.end());
  if (estimate.interval.has_value() && estimate.interval->low < range.low) {
    (*value.mutable_details())["interval_low_unclipped"] = estimate.interval->low;
  }
  if (estimate.interval.has_value() && estimate.interval->high > range.high) {
    (*value.mutable_details())["interval_high_unclipped"] = estimate.interval->high;
  }
  *value.mutable_window() = ToInterval(windows.window);
  for (size_t i = 0; i < windows.trend.size(); ++i) {
    v1::TrendPoint* point = value.add_trend();
    *point->mutable_window() = ToInterval(windows.trend[i]);
    FillNumber(estimates[i + 1], range, *point);
  }
}

}  // namespace

absl::StatusOr<MetricValue> ComputeMetricValue(const MetricAttachment& attachment, const MetricDefinition& definition,
                                               const CompiledMap& map, const EventView& view, absl::Time now,
                                               absl::TimeZone zone) {
  const bool pair = IsPair(definition.kind());
  const Subject subject = SubjectOf(attachment, pair, map);
  MetricValue value = UndefinedMetricValue(attachment, &definition, subject.impossible, now);
  value.set_journey_map_version(map.version_name);
  value.set_data_watermark(view.watermark().value);
  if (!subject.impossible.empty()) return value;
  if (const absl::Status valid = ValidateMetricDefinition(definition); !valid.ok()) {
    value.set_undefined_reason(absl::StrCat("The metric definition is not valid: ", valid.message()));
    return value;
  }

  const EventStatistics statistics = view.Statistics();
  const MetricWindows windows =
      WindowsOf(attachment, statistics.first_event_time, statistics.last_event_time, now, zone);
  std::vector<TimeRange> asked = {windows.window};
  asked.insert(asked.end(), windows.trend.begin(), windows.trend.end());
  const EstimateOptions options = {.confidence_level = definition.confidence_level(), .min_n = definition.min_n()};
  absl::StatusOr<Estimates> estimates;
  if (pair) {
    estimates = MeasurePair(attachment, definition, options, subject, map.run, asked, now, view);
  } else if (IsSurvey(definition.kind())) {
    estimates = MeasureSurvey(definition, options, subject, asked, view);
  } else {
    estimates = MeasureVolume(subject, asked, view);
  }
  // Neither goes away by trying again.
  if (absl::IsInvalidArgument(estimates.status()) || GetErrorReason(estimates.status()) == "LIMIT_EXCEEDED") {
    value.set_undefined_reason(absl::StrCat("A filter cannot be used: ", estimates.status().message()));
    return value;
  }
  if (!estimates.ok()) return estimates.status();
  FillValue(definition, windows, *estimates, value);
  return value;
}

MetricValue UndefinedMetricValue(const MetricAttachment& attachment, const MetricDefinition* definition,
                                 absl::string_view reason, absl::Time now) {
  MetricValue value;
  value.set_name(absl::StrCat(attachment.name(), "/value"));
  value.set_state(MetricValue::UNDEFINED);
  value.set_undefined_reason(std::string(reason));
  value.set_metric_definition(attachment.metric_definition());
  if (definition != nullptr) {
    value.set_unit(UnitOf(definition->kind()));
    value.set_definition_version(definition->version());
  }
  SetTimestamp(now, *value.mutable_compute_time());
  return value;
}

bool SameMetricValue(const MetricValue& left, const MetricValue& right) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.IgnoreField(MetricValue::descriptor()->FindFieldByNumber(MetricValue::kComputeTimeFieldNumber));
  differencer.IgnoreField(MetricValue::descriptor()->FindFieldByNumber(MetricValue::kDataWatermarkFieldNumber));
  return differencer.Compare(left, right);
}

std::optional<std::set<std::string>> EventNamesOf(const MetricAttachment& attachment,
                                                  const MetricDefinition& definition, const CompiledMap& map) {
  const bool pair = IsPair(definition.kind());
  Subject subject = SubjectOf(attachment, pair, map);
  std::set<std::string> names;
  if (!subject.impossible.empty()) return names;
  if (pair) subject.any_of = {subject.from, subject.to};
  for (const EventSelector& selector : subject.any_of) {
    if (selector.event_names.empty()) return std::nullopt;
    names.insert(selector.event_names.begin(), selector.event_names.end());
  }
  return names;
}

}  // namespace throughline
