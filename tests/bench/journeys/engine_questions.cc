#include "tests/bench/journeys/engine_questions.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/events/two_pass.h"

namespace throughline::bench {
namespace {

constexpr size_t kBatch = 500;
constexpr int kInFlight = 8;

template <typename T>
T Require(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "bench_journeys: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

// Everybody but the company's own test accounts.
Scope Customers(int threads) {
  Scope scope;
  scope.threads = threads;
  scope.filter = Require(Filter::ParseAndCheck("properties.plan != \"internal\"", EventFilterFields()));
  return scope;
}

EventSelector Named(int touchpoint) {
  EventSelector selector;
  selector.event_names = {TouchpointNames()[static_cast<size_t>(touchpoint)]};
  return selector;
}

// As the bindings of a published map.
EventSymbols Touchpoints() {
  EventSymbols out;
  for (int i = 0; i < kTouchpointCount; ++i)
    out.symbols.push_back({TouchpointNames()[static_cast<size_t>(i)], Named(i)});
  return out;
}

v1::CustomerEvent MakeEvent(const JourneyEvents& events, uint32_t place, uint32_t customer, bool internal) {
  v1::CustomerEvent event;
  event.set_id(absl::StrCat(internal ? "i" : "", place));
  event.set_source("bench");
  event.set_customer_id(absl::StrCat(internal ? "i" : "c", customer));
  event.set_event_name(TouchpointNames()[events.touchpoints[place]]);
  event.mutable_event_time()->set_seconds(kYearStart + events.times[place]);
  event.set_channel(absl::StrCat("channel-", events.channels[place]));
  event.set_department(absl::StrCat("department-", events.departments[place]));
  if (events.scores[place] != kNoScore) event.mutable_survey_response()->set_score(events.scores[place]);
  static constexpr std::array kPlans = {"free", "plus", "pro"};
  (*event.mutable_properties())["plan"].set_string_value(internal ? "internal" : kPlans[customer % kPlans.size()]);
  return event;
}

Answer Funnel(const EventView& view, int threads) {
  StepQuery query;
  for (const uint8_t step : kFunnelSteps) query.steps.push_back({Named(step)});
  query.window = absl::Seconds(kFunnelWindow);
  query.windows = {TimeRange()};
  query.scope = Customers(threads);
  const StepReach reach = Require(view.Steps(query)).front().whole();
  Answer rows;
  int64_t before = reach.runs;
  for (size_t i = 0; i <= reach.reached.size(); ++i) {
    const int64_t next = i < reach.reached.size() ? reach.reached[i] : 0;
    if (before > next) rows.push_back(absl::StrCat(i, ",", before - next));
    before = next;
  }
  return rows;
}

Answer Graph(const EventView& view, int threads) {
  GraphQuery query;
  query.alphabet = Touchpoints();
  query.sketches = false;
  query.details = false;
  query.scope = Customers(threads);
  const auto answer = Require(view.Graph(query));
  Answer rows;
  for (const auto& [pair, edge] : answer.whole().edges) {
    rows.push_back(absl::StrCat(pair.first, ",", pair.second, ",", edge.count, ",", edge.duration_micros / 1'000'000));
  }
  return rows;
}

Answer Variants(const EventView& view, int threads) {
  VariantQuery query;
  query.alphabet = Touchpoints();
  query.length_max = kVariantLength;
  query.scope = Customers(threads);
  Answer rows;
  for (const VariantCount& variant : Require(FindTopVariants(view, query, kVariantCount)).variants) {
    rows.push_back(absl::StrCat(absl::StrJoin(variant.variant, ">"), ",", variant.runs));
  }
  return rows;
}

Answer Retention(const EventView& view, int threads) {
  CohortQuery query;
  query.unit = CalendarUnit::kWeek;
  const absl::Time start = absl::FromUnixSeconds(kYearStart);
  query.cohorts = {start + absl::Seconds(kWeekSeconds) * kCohortFirst,
                   start + absl::Seconds(kWeekSeconds) * (kCohortFirst + kCohortCount)};
  query.period_count = kCohortCount;
  query.scope = Customers(threads);
  Answer rows;
  const auto answer = Require(view.Cohorts(query));
  int week = kCohortFirst;
  for (const auto& [day, cohort] : answer.whole().cohorts) {
    rows.push_back(absl::StrCat(week++, ",", absl::StrJoin(cohort.active, ",")));
  }
  return rows;
}

Answer Nps(const EventView& view, int threads) {
  ScoreQuery query;
  query.any_of = {EventSelector()};
  query.windows = {TimeRange()};
  query.count_missing = false;
  query.scope = Customers(threads);
  query.scope.breakdown = {Touchpoints(), EventCalendar{CalendarUnit::kMonth, absl::UTCTimeZone()}};
  Answer rows;
  const auto answer = Require(view.Scores(query));
  for (const auto& [key, scores] : answer.front().groups) {
    int64_t n = 0, promoters = 0, detractors = 0;
    for (size_t score = 0; score <= 10; ++score) {
      n += scores.counts[score];
      if (score >= 9) promoters += scores.counts[score];
      if (score <= 6) detractors += scores.counts[score];
    }
    int month = 0;
    if (n == 0 || !absl::SimpleAtoi(key[1].text.substr(5, 2), &month)) continue;
    rows.push_back(absl::StrCat(key[0].text, ",", month, ",", n, ",", promoters, ",", detractors));
  }
  return rows;
}

StageQuery Stages(int threads) {
  StageQuery query;
  query.stages.resize(kStageCount);
  for (int i = 0; i < kTouchpointCount; ++i) {
    const size_t touchpoint = static_cast<size_t>(i);
    query.stages[TouchpointStages()[touchpoint]].event_names.push_back(TouchpointNames()[touchpoint]);
  }
  query.scope = Customers(threads);
  return query;
}

Answer TimeInStage(const EventView& view, int threads) {
  Answer rows;
  const StageQuantiles answer = Require(FindStageQuantiles(view, Stages(threads), {0.5, 0.9}));
  for (size_t stage = 0; stage < answer.micros.size(); ++stage) {
    if (answer.micros[stage].empty()) continue;
    rows.push_back(absl::StrCat(stage, ",", answer.times.stages[stage].ended.count(), ",",
                                answer.micros[stage][0] / 1'000'000, ",", answer.micros[stage][1] / 1'000'000));
  }
  return rows;
}

}  // namespace

double RecordEvents(EventStore& store, const JourneyEvents& events, bool internal) {
  const std::vector<uint32_t> order = ArrivalOrder(events);
  std::vector<uint32_t> customer_of(events.events());
  for (uint32_t customer = 0; customer < events.customers(); ++customer) {
    std::fill(customer_of.begin() + events.offsets[customer], customer_of.begin() + events.offsets[customer + 1],
              customer);
  }
  const auto start = std::chrono::steady_clock::now();
  std::counting_semaphore<kInFlight> room(kInFlight);
  // A batch's events live until it is recorded; as many batches are under way as there is room.
  std::vector<std::vector<v1::CustomerEvent>> batches((order.size() + kBatch - 1) / kBatch);
  for (size_t batch = 0; batch < batches.size(); ++batch) {
    room.acquire();
    std::vector<v1::CustomerEvent>& made = batches[batch];
    std::vector<const v1::CustomerEvent*> pointers;
    made.reserve(kBatch);
    for (size_t i = batch * kBatch; i < std::min(order.size(), (batch + 1) * kBatch); ++i) {
      made.push_back(MakeEvent(events, order[i], customer_of[order[i]], internal));
    }
    for (const v1::CustomerEvent& event : made) pointers.push_back(&event);
    store.Append("bench", pointers, [&room, &made](absl::StatusOr<AppendResult> result) {
      Require(std::move(result));
      std::vector<v1::CustomerEvent>().swap(made);
      room.release();
    });
  }
  for (int i = 0; i < kInFlight; ++i) room.acquire();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(order.size()) / seconds.count();
}

Answer AskEngine(Question question, const EventView& view, int threads) {
  const auto ask = [&] {
    switch (question) {
      case Question::kFunnel:
        return Funnel(view, threads);
      case Question::kTransitionGraph:
        return Graph(view, threads);
      case Question::kVariants:
        return Variants(view, threads);
      case Question::kRetention:
        return Retention(view, threads);
      case Question::kNps:
        return Nps(view, threads);
      case Question::kTimeInStage:
        return TimeInStage(view, threads);
    }
    return Answer();
  };
  Answer answer = ask();
  std::sort(answer.begin(), answer.end());
  return answer;
}

absl::Status AskForStages(const EventView& view, int threads, const std::string& property, const Patience& patience) {
  StageQuery query = Stages(threads);
  static_cast<Patience&>(query.scope) = patience;
  query.scope.filter =
      Require(Filter::ParseAndCheck(absl::StrCat("properties.", property, " != \"internal\""), EventFilterFields()));
  return FindStageQuantiles(view, query, {0.5, 0.9}).status();
}

int64_t SketchTimeInStage(const EventView& view, int threads) {
  const auto answer = Require(view.Stages(Stages(threads)));
  int64_t sum = 0;
  for (const StageTimes::Stage& stage : answer.whole().stages) {
    if (stage.ended.count() > 0) sum += stage.ended.Quantile(0.5) + stage.ended.Quantile(0.9);
  }
  return sum;
}

}  // namespace throughline::bench
