#include "tests/bench/journeys/engine_questions.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

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

EventSelector Named(int touchpoint) {
  EventSelector selector;
  selector.event_names = {TouchpointNames()[static_cast<size_t>(touchpoint)]};
  return selector;
}

v1::CustomerEvent MakeEvent(const JourneyEvents& events, uint32_t place, uint32_t customer) {
  v1::CustomerEvent event;
  event.set_id(absl::StrCat(place));
  event.set_source("bench");
  event.set_customer_id(absl::StrCat("c", customer));
  event.set_event_name(TouchpointNames()[events.touchpoints[place]]);
  event.mutable_event_time()->set_seconds(kYearStart + events.times[place]);
  event.set_channel(absl::StrCat("channel-", events.channels[place]));
  event.set_department(absl::StrCat("department-", events.departments[place]));
  if (events.scores[place] != kNoScore) event.mutable_survey_response()->set_score(events.scores[place]);
  return event;
}

Answer Funnel(const EventView& view) {
  StepQuery query;
  for (const uint8_t step : kFunnelSteps) query.steps.push_back({Named(step)});
  query.window = absl::Seconds(kFunnelWindow);
  query.windows = {TimeRange()};
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

Answer Nps(const EventView& view) {
  Answer rows;
  for (int touchpoint = 0; touchpoint < kTouchpointCount; ++touchpoint) {
    ScoreQuery query;
    query.any_of = {Named(touchpoint)};
    for (absl::CivilMonth month(2025, 1); month.year() == 2025; ++month) {
      query.windows.push_back(
          {absl::FromCivil(month, absl::UTCTimeZone()), absl::FromCivil(month + 1, absl::UTCTimeZone())});
    }
    const std::vector<Grouped<ScoreHistogram>> months = Require(view.Scores(query));
    for (size_t month = 0; month < months.size(); ++month) {
      const auto& counts = months[month].whole().counts;
      int64_t n = 0, promoters = 0, detractors = 0;
      for (size_t score = 0; score <= 10; ++score) {
        n += counts[score];
        if (score >= 9) promoters += counts[score];
        if (score <= 6) detractors += counts[score];
      }
      if (n == 0) continue;
      rows.push_back(absl::StrCat(TouchpointNames()[static_cast<size_t>(touchpoint)], ",", month + 1, ",", n, ",",
                                  promoters, ",", detractors));
    }
  }
  return rows;
}

}  // namespace

double RecordEvents(EventStore& store, const JourneyEvents& events) {
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
      made.push_back(MakeEvent(events, order[i], customer_of[order[i]]));
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

std::optional<Answer> AskEngine(Question question, const EventView& view) {
  std::optional<Answer> answer;
  if (question == Question::kFunnel) answer = Funnel(view);
  if (question == Question::kNps) answer = Nps(view);
  if (answer.has_value()) std::sort(answer->begin(), answer->end());
  return answer;
}

}  // namespace throughline::bench
