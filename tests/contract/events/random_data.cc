#include "tests/contract/events/random_data.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_builder.h"

namespace throughline::testing {
namespace {

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }
bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

template <typename T>
T OneOf(Random& random, const std::vector<T>& values) {
  return values[Below(random, static_cast<int>(values.size()))];
}

const std::vector<std::string>& Names() {
  static const std::vector<std::string> names = {"visit", "cart", "buy", "survey", "call"};
  return names;
}

std::string RandomFilter(Random& random) {
  static const std::vector<std::string> filters = {
      R"(channel = "web")",
      R"(channel != "web")",
      R"(channel = null)",
      R"(channel:*)",
      R"(channel = "w*")",
      R"(department = "sales" OR department = "support")",
      R"(NOT department = "sales")",
      R"(source = "shop")",
      R"(event_name = "b*" AND channel = "web")",
      R"(event_name != "visit")",
      R"(score >= 7)",
      R"(NOT score >= 7)",
      R"(score = null)",
      R"(score:* AND survey = "nps")",
      R"(survey != "nps")",
      R"(amount_minor > 0)",
      R"(amount_minor > 0 OR channel = "app")",
      R"(amount_minor != 5)",
      R"(currency_code = "EUR")",
      R"(currency_code != "USD" AND amount_minor > 0)",
      R"(event_time >= "2026-01-01T00:00:20Z")",
      R"(event_time < "2026-01-01T00:00:20Z")",
      R"(event_time > "2026-01-01T00:00:20Z")",
      R"(event_time <= "2026-01-01T00:00:20.5Z")",
      R"(event_time = "2026-01-01T00:00:20Z")",
      R"(event_time != "2026-01-01T01:00:20+01:00")",
      R"(properties.plan = "pro")",
      R"(properties.plan != "pro")",
      R"(properties.plan = "p*")",
      R"(properties.plan = null)",
      R"(properties.plan:*)",
      R"(properties.count > 1)",
      R"(properties.count <= 1 OR properties.plan = "free")",
      R"(NOT (properties.count > 1 AND channel = "web"))",
      R"(properties.flag = true)",
      R"(properties.flag != true)",
      R"(properties.never = "set")",
      R"(properties.never != "set")",
      R"(event_name = "visit" OR properties.flag = false)",
      R"(traits.plan = "pro")",
      R"(traits.plan != "pro")",
      R"(traits.plan = "p*")",
      R"(traits.plan = null)",
      R"(traits.plan:*)",
      R"(traits.plan = "pro" AND properties.plan = "pro")",
      R"(traits.tier > 1)",
      R"(NOT traits.tier <= 1 OR event_name = "buy")",
      R"(traits.tier = "1" OR traits.vip = true)",
      R"(traits.vip != true)",
      R"(traits.vip = false AND channel:*)",
      R"(traits.never = null)",
      R"(traits.never = "set")",
      R"(customer_id = "c1")",
      R"(customer_id != "c1")",
      R"(customer_id = "*2" OR channel = "web")",
      R"(customer_id > "c3" AND event_name != "visit")",
      R"(customer_id = null)",
      R"(customer.event_count > 3)",
      R"(customer.event_count = 1 OR traits.plan = "pro")",
      R"(NOT customer.event_count < 8)",
      R"(customer.first_event_time < "2026-01-01T00:00:01Z")",
      R"(customer.first_event_time != "2026-01-01T00:00:00Z" AND channel = "web")",
      R"(customer.last_event_time >= "2026-01-01T00:00:55Z")",
      R"(customer.last_event_time:* AND customer.first_event_time != null)",
      R"((event_name = "buy" AND score = null) OR (event_name = "survey" AND score > 3))",
  };
  return OneOf(random, filters);
}

std::vector<EventSelector> RandomSelectors(Random& random, int count) {
  std::vector<EventSelector> out;
  for (int i = 0; i < count; ++i) out.push_back(RandomSelector(random));
  return out;
}

RunRule RandomRun(Random& random) {
  RunRule rule;
  if (Chance(random, 40)) rule.correlation_property = OneOf<std::string>(random, {"plan", "count", "flag", "never"});
  return rule;
}

std::vector<TimeRange> RandomWindows(Random& random) {
  std::vector<TimeRange> out = {Always()};
  for (int i = Below(random, 4); i > 0; --i) {
    TimeRange range = Between(Below(random, 60), Below(random, 60));  // some are empty
    if (Chance(random, 20)) range.start = absl::InfinitePast();
    if (Chance(random, 20)) range.end = absl::InfiniteFuture();
    if (Chance(random, 20)) range.start += absl::Nanoseconds(1);
    out.push_back(range);
  }
  return out;
}

absl::Duration RandomDuration(Random& random) {
  return Chance(random, 30) ? absl::InfiniteDuration() : absl::Seconds(Below(random, 40));
}

absl::Time RandomNow(Random& random) { return Chance(random, 20) ? absl::InfiniteFuture() : At(Below(random, 120)); }

}  // namespace

StepQuery RandomSteps(Random& random) {
  StepQuery out;
  out.order =
      OneOf<StepOrder>(random, {StepOrder::kOrdered, StepOrder::kOrdered, StepOrder::kStrict, StepOrder::kUnordered});
  const bool more = out.order != StepOrder::kUnordered && Chance(random, 60);
  for (EventSelector& selector : RandomSelectors(random, 1 + Below(random, 4))) {
    StepQuery::Step& step = out.steps.emplace_back();
    step.selector = std::move(selector);
    if (!more || out.steps.size() == 1) continue;
    step.optional = Chance(random, 30);
    if (Chance(random, 40)) step.within = RandomDuration(random);
  }
  if (more && Chance(random, 40)) out.exclusions = RandomSelectors(random, 1 + Below(random, 2));
  out.run = RandomRun(random);
  out.window = RandomDuration(random);
  out.now = RandomNow(random);
  out.windows = RandomWindows(random);
  return out;
}

std::vector<v1::CustomerEvent> RandomEvents(Random& random, int count) {
  std::vector<v1::CustomerEvent> out;
  for (int i = 0; i < count; ++i) {
    Event event(absl::StrCat("e", i * 7919 % 10'000));
    event.Customer(absl::StrCat("c", Below(random, 12))).Name(OneOf(random, Names()));
    event.Source(OneOf<std::string>(random, {"shop", "crm"})).Sequence(Below(random, 3) - 1);
    // Half of the moments are shared by many.
    event.At(Chance(random, 50) ? Below(random, 6) * 10 : Below(random, 60));
    if (Chance(random, 70)) event.Channel(OneOf<std::string>(random, {"web", "app", "wap"}));
    if (Chance(random, 70)) event.Department(OneOf<std::string>(random, {"sales", "support"}));
    if (Chance(random, 60)) event.Property("plan", OneOf<std::string>(random, {"pro", "free", "plus", "1"}));
    if (Chance(random, 50)) event.Property("count", Below(random, 4) / 2.0);
    if (Chance(random, 30)) event.Property("count", OneOf<std::string>(random, {"1", "many"}));
    if (Chance(random, 30)) event.Flag("flag", Chance(random, 50));
    if (Chance(random, 25)) event.Trait("plan", OneOf<std::string>(random, {"pro", "free", "1", ""}));
    if (Chance(random, 20)) event.Trait("tier", Below(random, 4) / 2.0);
    if (Chance(random, 10)) event.Trait("tier", OneOf<std::string>(random, {"1", "gold"}));
    if (Chance(random, 15)) event.TraitFlag("vip", Chance(random, 50));
    if (Chance(random, 15)) event.ForgetTrait(OneOf<std::string>(random, {"plan", "tier", "vip"}));
    if (Chance(random, 30)) {
      event.Score(OneOf<double>(random, {0, 3, 7, 9, 10, 2.5, -1, 101}),
                  OneOf<std::string>(random, {"nps", "csat", ""}));
    } else if (Chance(random, 30)) {
      event.Amount(Below(random, 11) - 5);
    }
    out.push_back(event);
  }
  return out;
}

EventSelector RandomSelector(Random& random, int depth) {
  EventSelector selector;
  for (int i = Below(random, 3); i > 0; --i) selector.event_names.push_back(OneOf(random, Names()));
  if (Chance(random, 5)) selector.event_names.push_back("unknown");
  if (Chance(random, 45)) selector.filter = Filter::Parse(RandomFilter(random)).value();
  if (Chance(random, 10)) selector.filter = Filter::And(selector.filter, Filter::Parse(RandomFilter(random)).value());
  if (depth > 0 && Chance(random, 25)) selector.unless.push_back(RandomSelector(random, depth - 1));
  return selector;
}

Questions RandomQuestions(Random& random) {
  Questions out;
  for (int i = 0; i < 8; ++i) {
    out.volumes.push_back({RandomSelectors(random, Below(random, 3)), RandomWindows(random), {}});
    const auto policy =
        OneOf<RespondentPolicy>(random, {RespondentPolicy::kAll, RespondentPolicy::kFirst, RespondentPolicy::kLatest});
    out.scores.push_back({RandomSelectors(random, 1 + Below(random, 2)), RandomWindows(random), policy, true, {}});
    out.steps.push_back(RandomSteps(random));
    out.pairs.push_back({RandomSelector(random), RandomSelector(random), RandomRun(random), RandomDuration(random),
                         RandomNow(random), RandomWindows(random)});
    GraphQuery graph;
    graph.scope.filter = RandomSelector(random).filter;
    graph.run = RandomRun(random);
    graph.window = RandomWindows(random).back();
    out.graphs.push_back(graph);
    PositionQuery positions;
    for (int t = 1 + Below(random, 4); t > 0; --t) {
      positions.touchpoints.push_back({RandomSelector(random), Chance(random, 20), RandomDuration(random)});
    }
    positions.run = RandomRun(random);
    positions.abandon_after = RandomDuration(random);
    positions.now = At(Below(random, 120));
    out.positions.push_back(positions);
  }
  out.first_matches = RandomSelectors(random, 5);
  return out;
}

std::vector<uint64_t> Seeds(int count) {
  if (const char* seed = std::getenv("THROUGHLINE_TEST_SEED"); seed != nullptr) {
    return {std::strtoull(seed, nullptr, 10)};
  }
  std::vector<uint64_t> out;
  for (int i = 1; i <= count; ++i) out.push_back(static_cast<uint64_t>(i));
  return out;
}

}  // namespace throughline::testing
