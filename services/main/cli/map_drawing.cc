#include "services/main/cli/map_drawing.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/main/cli/durations.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

std::string EmotionText(const v1::Touchpoint& touchpoint) {
  std::vector<std::string> parts;
  for (const v1::Emotion& emotion : touchpoint.emotions()) {
    std::string part = absl::StrFormat("%+.1f", emotion.level());
    if (!emotion.persona().empty()) part = absl::StrCat(LastSegment(emotion.persona()), " ", part);
    if (emotion.origin() == v1::Emotion::MEASURED) absl::StrAppend(&part, " measured");
    parts.push_back(part);
  }
  return parts.empty() ? "" : absl::StrCat("emotion ", absl::StrJoin(parts, ", "));
}

class Drawing {
 public:
  Drawing(const v1::JourneyMap& map, const std::vector<AttachedMetric>& metrics,
          const v1::JourneyMapPositions* positions, const Paint& paint, std::ostream& out)
      : map_(map), metrics_(metrics), positions_(positions), paint_(paint), out_(out) {
    for (const v1::Touchpoint& touchpoint : map.touchpoints()) names_[touchpoint.id()] = touchpoint.display_name();
    if (positions == nullptr) return;
    for (const v1::TouchpointPosition& position : positions->touchpoints()) {
      touchpoint_positions_[position.touchpoint()] = &position;
    }
    for (const v1::ObservedTransition& observed : positions->transitions()) {
      observed_[{observed.from_touchpoint(), observed.to_touchpoint()}] = &observed;
    }
  }

  void Draw() {
    DrawTitle();
    for (int i = 0; i < map_.phases_size(); ++i) DrawPhase(map_.phases(i));
  }

 private:
  void DrawTitle() {
    out_ << paint_(Color::kBold, map_.display_name()) << "  " << paint_(Color::kDim, map_.name()) << '\n';
    std::vector<std::string> facts;
    facts.push_back(map_.published_version().empty()
                        ? "not published"
                        : absl::StrCat("published version ", LastSegment(map_.published_version())));
    facts.push_back(FormatCount(map_.phases_size(), "phase", "phases"));
    facts.push_back(FormatCount(map_.touchpoints_size(), "touchpoint", "touchpoints"));
    if (positions_ != nullptr) {
      const v1::InstanceStatusCounts& counts = positions_->status_counts();
      facts.push_back(absl::StrCat(FormatCount(positions_->instance_count(), "run", "runs"), " (",
                                   FormatCount(counts.completed()), " completed, ", FormatCount(counts.active()),
                                   " active, ", FormatCount(counts.stalled()), " stalled, ",
                                   FormatCount(counts.abandoned()), " abandoned)"));
    }
    out_ << absl::StrJoin(facts, " · ") << '\n';
    for (const AttachedMetric& metric : metrics_) {
      if (metric.attachment.whole_map()) Chip("", metric);
    }
  }

  void Chip(absl::string_view indent, const AttachedMetric& metric) {
    out_ << indent << "▪ " << ChipText(metric, paint_) << '\n';
  }

  void DrawPhase(const v1::Phase& phase) {
    out_ << '\n' << paint_(Color::kBlue, absl::StrCat("── ", phase.display_name(), " ──"));
    if (!phase.lifecycle_stage().empty()) {
      out_ << paint_(Color::kDim, absl::StrCat("  lifecycle stage ", LastSegment(phase.lifecycle_stage())));
    }
    out_ << '\n';
    for (const AttachedMetric& metric : metrics_) {
      if (metric.attachment.phase() == phase.id()) Chip("  ", metric);
    }
    bool any = false;
    for (const v1::Touchpoint& touchpoint : map_.touchpoints()) {
      if (touchpoint.phase() != phase.id()) continue;
      any = true;
      DrawTouchpoint(touchpoint);
    }
    if (!any) out_ << paint_(Color::kDim, "  no touchpoints yet") << '\n';
  }

  void DrawTouchpoint(const v1::Touchpoint& touchpoint) {
    std::vector<std::string> facts;
    if (!touchpoint.department().empty()) facts.emplace_back(LastSegment(touchpoint.department()));
    if (!touchpoint.channel().empty()) facts.push_back(touchpoint.channel());
    if (const std::string emotion = EmotionText(touchpoint); !emotion.empty()) facts.push_back(emotion);
    if (touchpoint.completes_journey()) facts.emplace_back("completes the journey");
    if (!touchpoint.has_event_binding()) facts.emplace_back("no event binding");
    const auto position = touchpoint_positions_.find(touchpoint.id());
    if (position != touchpoint_positions_.end()) {
      facts.push_back(FormatCount(position->second->visit_count(), "visit", "visits"));
      facts.push_back(absl::StrCat(FormatCount(position->second->instance_count(), "run", "runs")));
    }
    out_ << "  ● " << paint_(Color::kBold, touchpoint.display_name()) << (facts.empty() ? "" : "  ")
         << paint_(Color::kDim, absl::StrJoin(facts, " · ")) << '\n';
    for (const AttachedMetric& metric : metrics_) {
      if (metric.attachment.touchpoint() == touchpoint.id()) Chip("      ", metric);
    }
    for (const v1::Transition& transition : map_.transitions()) {
      if (transition.from_touchpoint() == touchpoint.id()) DrawTransition(transition);
    }
  }

  void DrawTransition(const v1::Transition& transition) {
    const auto target = names_.find(transition.to_touchpoint());
    std::string line = absl::StrCat("→ ", target == names_.end() ? "(out)" : target->second);
    if (transition.kind() == v1::Transition::LOOP) absl::StrAppend(&line, " (back)");
    if (transition.kind() == v1::Transition::SKIP) absl::StrAppend(&line, " (skipping)");
    if (transition.kind() == v1::Transition::BRANCH) absl::StrAppend(&line, " (branch)");
    if (transition.has_expected_share()) {
      absl::StrAppend(&line, absl::StrFormat(", expected %.0f %%", transition.expected_share() * 100));
    }
    if (transition.has_expected_duration()) {
      absl::StrAppend(&line, ", within ", DurationText(FromProto(transition.expected_duration())));
    }
    out_ << "      " << paint_(Color::kCyan, line);
    const auto observed = observed_.find({transition.from_touchpoint(), transition.to_touchpoint()});
    if (observed != observed_.end()) {
      out_ << paint_(Color::kDim,
                     absl::StrCat("  observed ", FormatCount(observed->second->count(), "time", "times"), ", median ",
                                  DurationText(absl::Seconds(observed->second->median_seconds()))));
    }
    out_ << '\n';
    for (const AttachedMetric& metric : metrics_) {
      if (metric.attachment.transition() == transition.id()) Chip("          ", metric);
    }
  }

  const v1::JourneyMap& map_;
  const std::vector<AttachedMetric>& metrics_;
  const v1::JourneyMapPositions* const positions_;
  const Paint& paint_;
  std::ostream& out_;
  std::map<std::string, std::string> names_;
  std::map<std::string, const v1::TouchpointPosition*> touchpoint_positions_;
  std::map<std::pair<std::string, std::string>, const v1::ObservedTransition*> observed_;
};

}  // namespace

void DrawMap(const v1::JourneyMap& map, const std::vector<AttachedMetric>& metrics,
             const v1::JourneyMapPositions* positions, const Paint& paint, std::ostream& out) {
  Drawing(map, metrics, positions, paint, out).Draw();
}

}  // namespace throughline::cli
