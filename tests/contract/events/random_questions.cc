#include "tests/contract/events/random_questions.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/reference_aggregates.h"

namespace throughline::testing {
namespace {

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }
bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

template <typename T>
T OneOf(Random& random, const std::vector<T>& values) {
  return values[static_cast<size_t>(Below(random, static_cast<int>(values.size())))];
}

// ---- Answers --------------------------------------------------------------------------------------------------------

template <typename Aggregate>
void MergeInto(Aggregate& into, const Aggregate& from) {
  into.Merge(from);
}
template <typename Aggregate>
void MergeInto(std::vector<Aggregate>& into, const std::vector<Aggregate>& from) {
  for (size_t i = 0; i < into.size(); ++i) into[i].Merge(from[i]);
}

Recorded EventsOf(const Recorded& events, const CustomerIds& ids) {
  if (!ids.has_value()) return events;
  Recorded out;
  for (const v1::CustomerEvent& event : events) {
    if (ids->contains(event.customer_id())) out.push_back(event);
  }
  return out;
}

template <typename Answer, typename Query>
Question Make(const std::string& kind, const Query& query, const CustomerIds& ids,
              absl::StatusOr<Answer> (EventView::*ask)(const Query&) const,
              Answer (*reference)(const Recorded&, const Query&)) {
  const auto asked = [query, ids, ask](const EventView& view) {
    Query scoped = query;
    if constexpr (requires { scoped.scope; }) scoped.scope.customers = OrdinalsOf(view, ids);
    return (view.*ask)(scoped);
  };
  Question out;
  out.kind = kind;
  out.query = query;
  out.customers = ids;
  out.ask = [asked](const EventView& view) { return ToText(asked(view)); };
  out.reference = [query, ids, reference](const Recorded& events) {
    return ToText(reference(EventsOf(events, ids), query));
  };
  if constexpr (!std::is_same_v<Answer, ValueCounts>) {
    out.ask_merged = [asked](const EventView& a, const EventView& b) {
      auto merged = asked(a);
      const auto other = asked(b);
      if (!merged.ok() || !other.ok()) return absl::StrCat(ToText(merged), ToText(other));
      MergeInto(*merged, *other);
      return ToText(merged);
    };
  }
  return out;
}

// ---- Parts of questions ---------------------------------------------------------------------------------------------

class Asker {
 public:
  Asker(Random& random, const RandomLog& log) : random_(random), log_(log) {}

  absl::Time Time() {
    const absl::Time time = OneOf(random_, log_.moments);
    switch (Below(random_, 5)) {
      case 0:
        return time + absl::Microseconds(1);
      case 1:
        return time - absl::Seconds(1);
      case 2:
        return time + log_.span * (Below(random_, 100) / 50.0 - 1);
      default:
        return time;
    }
  }
  absl::Duration Duration() {
    if (Chance(random_, 25)) return absl::InfiniteDuration();
    if (Chance(random_, 10)) return absl::ZeroDuration();
    return absl::Floor(log_.span * (Below(random_, 100) / 80.0), absl::Seconds(1));
  }
  absl::Time Now() {
    if (Chance(random_, 20)) return absl::InfiniteFuture();
    return absl::FromUnixSeconds(absl::ToUnixSeconds(Time()) + Below(random_, 100));
  }
  TimeRange Window() {
    TimeRange out;
    if (Chance(random_, 60)) out.start = Time() + absl::Nanoseconds(Below(random_, 2));
    if (Chance(random_, 60)) out.end = Time();
    if (out.end < out.start && Chance(random_, 90)) std::swap(out.start, out.end);
    return out;
  }
  std::vector<TimeRange> Windows() {
    std::vector<TimeRange> out = {TimeRange()};
    for (int i = Below(random_, 3); i > 0; --i) out.push_back(Window());
    return out;
  }
  absl::TimeZone Zone() { return Chance(random_, 70) ? log_.zone : absl::UTCTimeZone(); }
  CalendarUnit Unit() {
    std::vector<CalendarUnit> units = {CalendarUnit::kWeek, CalendarUnit::kMonth, CalendarUnit::kQuarter,
                                       CalendarUnit::kYear};
    if (log_.span < absl::Hours(24 * 60)) units.insert(units.end(), 3, CalendarUnit::kDay);
    return OneOf(random_, units);
  }
  EventSelector Selector() {
    EventSelector out = RandomSelector(random_);
    if (Chance(random_, 25)) out = EventSelector();  // everything: small logs have few events
    if (Chance(random_, 10)) {
      const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", Time(), absl::UTCTimeZone());
      const std::string op = OneOf<std::string>(random_, {"<", "<=", ">", ">=", "=", "!="});
      const std::string field =
          OneOf<std::string>(random_, {"event_time", "customer.first_event_time", "customer.last_event_time"});
      out.filter = Filter::Parse(absl::StrCat(field, " ", op, " \"", time, "\"")).value();
    }
    return out;
  }
  std::vector<EventSelector> Selectors(int count) {
    std::vector<EventSelector> out;
    for (int i = 0; i < count; ++i) out.push_back(Selector());
    return out;
  }
  RunRule Run() {
    RunRule rule;
    if (Chance(random_, 30))
      rule.correlation_property = OneOf<std::string>(random_, {"plan", "count", "flag", "never"});
    return rule;
  }
  EventField Field() {
    EventField out;
    out.path =
        OneOf<std::string>(random_, {"event_name", "source", "channel", "department", "survey", "properties.plan",
                                     "properties.count", "properties.flag", "properties.ratio", "properties.never",
                                     "traits.plan", "traits.tier", "traits.vip", "traits.never"});
    if (!Chance(random_, 35)) return out;
    for (int i = 1 + Below(random_, 3); i > 0; --i) {
      out.values.push_back(
          OneOf<std::string>(random_, {"visit", "buy", "survey", "shop", "web", "app", "sales", "nps", "pro", "1",
                                       "0.5", "true", "1234567", "1e+21", "0.1", "none", ""}));
    }
    return out;
  }
  EventSymbols Symbols() {
    EventSymbols out;
    for (int i = 1 + Below(random_, 3); i > 0; --i) out.symbols.push_back({absl::StrCat("s", i), Selector()});
    return out;
  }
  throughline::Alphabet Alphabet() {
    if (Chance(random_, 60)) return Field();
    return Symbols();
  }
  // `small`: few groups.
  throughline::Scope Scope(bool small = false) {
    throughline::Scope out;
    if (Chance(random_, 40)) out.filter = Selector().filter;
    const int shape = Below(random_, 10);
    int dimensions = shape < 4 ? 0 : shape < 7 ? 1 : shape < 9 ? 2 : 3;
    if (small) dimensions = std::min(dimensions, 1);
    bool calendar = !small && Chance(random_, 60);  // one at most: two would have too many groups
    for (int i = 0; i < dimensions; ++i) {
      if (calendar && Chance(random_, 50)) {
        out.breakdown.push_back(EventCalendar{Unit(), Zone()});
        calendar = false;
      } else if (Chance(random_, 25)) {
        out.breakdown.push_back(Symbols());
      } else {
        out.breakdown.push_back(Field());
      }
    }
    return out;
  }
  CustomerIds Customers() {
    if (!Chance(random_, 30)) return std::nullopt;
    std::set<std::string> out = {"nobody"};
    for (const v1::CustomerEvent& event : log_.events) {
      if (Chance(random_, 30)) out.insert(event.customer_id());
    }
    return out;
  }

 private:
  Random& random_;
  const RandomLog& log_;
};

// ---- Questions ------------------------------------------------------------------------------------------------------

Question Volume(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  const VolumeQuery query{asker.Selectors(1 + Below(random, 2)), asker.Windows(), asker.Scope()};
  return Make("volume", query, asker.Customers(), &EventView::Volume, &ReferenceVolume);
}

Question Scores(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  const auto policy =
      OneOf<RespondentPolicy>(random, {RespondentPolicy::kAll, RespondentPolicy::kFirst, RespondentPolicy::kLatest});
  const ScoreQuery query{asker.Selectors(1 + Below(random, 2)), asker.Windows(), policy, Chance(random, 70),
                         asker.Scope()};
  return Make("scores", query, asker.Customers(), &EventView::Scores, &ReferenceScores);
}

Question Steps(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  StepQuery query = RandomSteps(random);
  for (size_t i = 0; i < query.steps.size(); ++i) {
    if (Chance(random, 40)) query.steps[i].selector = asker.Selector();
    if (query.steps[i].within != absl::InfiniteDuration()) query.steps[i].within = asker.Duration();
  }
  query.window = asker.Duration();
  query.now = asker.Now();
  query.windows = asker.Windows();
  query.scope = asker.Scope();
  return Make("steps", query, asker.Customers(), &EventView::Steps, &ReferenceSteps);
}

Question Pairs(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  const PairQuery query{asker.Selector(), asker.Selector(), asker.Run(),
                        asker.Duration(), asker.Now(),      asker.Windows()};
  return Make("pairs", query, std::nullopt, &EventView::Pairs, &ReferencePairs);
}

Question Graph(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  GraphQuery query;
  query.run = asker.Run();
  query.window = asker.Window();
  query.alphabet = asker.Alphabet();
  query.sketches = Chance(random, 50);
  query.details = Chance(random, 70);
  query.scope = asker.Scope();
  return Make("graph", query, asker.Customers(), &EventView::Graph, &ReferenceGraph);
}

Question Variants(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  VariantQuery query;
  query.run = asker.Run();
  query.window = asker.Window();
  query.alphabet = asker.Alphabet();
  query.length_max = OneOf<int>(random, {1, 2, 3, 12, 1000});
  query.bucket_counts = Chance(random, 80);
  query.scope = asker.Scope(/*small=*/true);
  for (const VariantCounts::Variant& way : ReferenceWays(log.events, query)) {
    if (Chance(random, 40)) query.buckets.push_back(VariantCounts::BucketOf(way));
  }
  if (Chance(random, 20)) query.buckets.push_back(VariantCounts::kBucketCount - 1);
  return Make("variants", query, asker.Customers(), &EventView::Variants, &ReferenceVariants);
}

Question Runs(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  RunsQuery query;
  query.run = asker.Run();
  query.window = asker.Window();
  query.alphabet = asker.Alphabet();
  for (int i = Below(random, 4); i > 0; --i) query.fields.push_back(asker.Field().path);
  query.scope = asker.Scope();
  query.scope.breakdown.clear();
  return Make("runs", query, asker.Customers(), &EventView::Runs, &ReferenceRuns);
}

Question Cohorts(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  CohortQuery query;
  query.entry = asker.Selector();
  query.activity = Chance(random, 30) ? query.entry : asker.Selector();
  query.unit = asker.Unit();
  query.zone = asker.Zone();
  if (Chance(random, 40)) query.cohorts = asker.Window();
  query.period_count = OneOf<int>(random, {1, 2, 4, 12, 64, 65, 120});
  query.scope = asker.Scope();
  return Make("cohorts", query, asker.Customers(), &EventView::Cohorts, &ReferenceCohorts);
}

Question Stages(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  StageQuery query;
  query.stages = asker.Selectors(1 + Below(random, 4));
  query.run = asker.Run();
  if (Chance(random, 40)) query.window = asker.Window();
  query.now = asker.Now();
  query.scope = asker.Scope();
  if (Chance(random, 25)) {
    query.collect.resize(query.stages.size());
    for (std::vector<int32_t>& bins : query.collect) {
      for (int i = Below(random, 5); i > 0; --i) {
        const absl::Duration duration = OneOf(random, log.moments) - OneOf(random, log.moments);
        bins.push_back(DurationSketch::BinOf(absl::ToInt64Microseconds(absl::AbsDuration(duration))));
      }
    }
  }
  return Make("stages", query, asker.Customers(), &EventView::Stages, &ReferenceStages);
}

Question Revenue(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  RevenueQuery query;
  if (Chance(random, 40)) query.money = asker.Selector();
  query.meaning =
      OneOf<RevenueQuery::Meaning>(random, {RevenueQuery::Meaning::kPayments, RevenueQuery::Meaning::kLevel});
  query.currency_code = OneOf<std::string>(random, {"EUR", "EUR", "USD", "CHF"});
  query.zone = asker.Zone();
  query.first_month = absl::ToCivilMonth(asker.Time(), query.zone) - Below(random, 4);
  query.month_count = OneOf<int>(random, {1, 2, 5, 24});
  query.scope = asker.Scope();
  return Make("revenue", query, asker.Customers(), &EventView::Revenue, &ReferenceRevenue);
}

Question Purchases(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  PurchaseQuery query;
  if (Chance(random, 60)) query.purchase = asker.Selector();
  query.currency_code = OneOf<std::string>(random, {"EUR", "EUR", "USD", "CHF"});
  query.window = asker.Window();
  if (query.window.end == absl::InfiniteFuture()) query.window.end = asker.Time() + log.span;
  query.zone = asker.Zone();
  query.scope = asker.Scope();
  return Make("purchases", query, asker.Customers(), &EventView::Purchases, &ReferencePurchases);
}

Question Features(Random& random, const RandomLog& log) {
  using Kind = FeatureQuery::Kind;
  Asker asker(random, log);
  FeatureQuery query;
  const int count = Chance(random, 5) ? 70 : 1 + Below(random, 6);  // a pass of the native engine reads 64
  for (int i = 0; i < count; ++i) {
    const auto kind = OneOf<Kind>(
        random, {Kind::kCount, Kind::kDays, Kind::kFirstTime, Kind::kLastTime, Kind::kAmountMinor, Kind::kLastScore});
    query.features.push_back({asker.Selector(), kind});
  }
  query.window = asker.Window();
  query.zone = asker.Zone();
  query.scope = asker.Scope();
  return Make("features", query, asker.Customers(), &EventView::Features, &ReferenceFeatures);
}

Question Values(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  ValueQuery query;
  query.path = asker.Field().path;
  if (Chance(random, 50)) query.selector = asker.Selector();
  query.window = asker.Window();
  query.limit = OneOf<int>(random, {0, 1, 2, 100});
  query.scope = asker.Scope();
  query.scope.breakdown.clear();
  return Make("values", query, asker.Customers(), &EventView::Values, &ReferenceValues);
}

Question Positions(Random& random, const RandomLog& log) {
  Asker asker(random, log);
  PositionQuery query;
  for (int i = 1 + Below(random, 4); i > 0; --i) {
    query.touchpoints.push_back({asker.Selector(), Chance(random, 20), asker.Duration()});
  }
  query.run = asker.Run();
  query.abandon_after = asker.Duration();
  query.now = asker.Time() + absl::Seconds(Below(random, 100));
  return Make("positions", query, std::nullopt, &EventView::Positions, &ReferencePositions);
}

using MakeQuestion = Question (*)(Random&, const RandomLog&);
constexpr MakeQuestion kKinds[] = {Volume, Scores,  Steps,     Pairs,    Graph,  Variants,  Cohorts,
                                   Stages, Revenue, Purchases, Features, Values, Positions, Runs};

}  // namespace

std::shared_ptr<const CustomerSet> OrdinalsOf(const EventView& view, const CustomerIds& ids) {
  if (!ids.has_value()) return nullptr;
  auto out = std::make_shared<CustomerSet>();
  for (const std::string& id : *ids) {
    const auto customer = view.FindCustomer(id);
    // Not where it is another name of someone who is not meant.
    if (!customer.ok() || !customer->has_value() || (*customer)->customer_id != id) continue;
    out->Add(static_cast<uint32_t>((*customer)->ordinal));
  }
  out->Add(1'000'000);  // nobody's
  return out;
}

std::vector<Question> RandomScopedQuestions(Random& random, const RandomLog& log) {
  std::vector<Question> out;
  for (const MakeQuestion make : kKinds) out.push_back(make(random, log));
  return out;
}

Question RandomScopedQuestion(Random& random, const RandomLog& log) {
  return kKinds[static_cast<size_t>(Below(random, std::size(kKinds)))](random, log);
}

}  // namespace throughline::testing
