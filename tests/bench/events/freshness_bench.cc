// How soon an acknowledged event is in the answers, and what a steady stream of events does to the questions that are
// asked meanwhile, as ratios to the same questions at rest in the same run. README.md says what varies.
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <semaphore>
#include <thread>

#include "absl/strings/numbers.h"
#include "services/base/clock.h"
#include "services/events/native/native_event_store.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

constexpr int64_t kStoredEvents = 1'000'000;
constexpr int64_t kEventsPerSecond = 50'000;
constexpr size_t kBatch = 500;
constexpr int kInFlight = 8;
constexpr auto kUnderLoad = std::chrono::seconds(20);
// The first of the load, while caches and columns settle, is not counted.
constexpr auto kWarmUp = std::chrono::seconds(2);
constexpr int kAtRest = 15;
constexpr int kTimelinesAtRest = 2'000;
constexpr int kTimelineEvents = 100;  // a page of a timeline
// One event in so many happened long before it arrives; the others have just happened.
constexpr int64_t kLateShare = 20;
// When the year of MakeEvent ends.
constexpr int64_t kYearEnd = 1'735'689'600 + 31'536'000;

using Batch = std::vector<v1::CustomerEvent>;

std::vector<const v1::CustomerEvent*> PointersTo(const Batch& events) {
  std::vector<const v1::CustomerEvent*> out;
  out.reserve(events.size());
  for (const v1::CustomerEvent& event : events) out.push_back(&event);
  return out;
}

double Milliseconds(SteadyClock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class Samples {
 public:
  void Add(SteadyClock::duration duration) { values_.push_back(Milliseconds(duration)); }
  double Quantile(double q) const {
    Require(!values_.empty(), "nothing was measured");
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size()))) - 1];
  }
  double median() const { return Quantile(0.5); }
  // With the ratio of the medians to that of `rest`, if given.
  void Print(const char* name, const Samples* rest = nullptr) const {
    std::printf("  %-44s p50 %8.2f  p99 %8.2f  max %8.2f ms, %5zu times", name, median(), Quantile(0.99), Quantile(1),
                values_.size());
    if (rest != nullptr) std::printf("  %.2f x at rest", median() / rest->median());
    std::printf("\n");
  }

 private:
  std::vector<double> values_;
};

std::unique_ptr<EventStore> Open(const std::string& directory) {
  NativeEventStoreOptions options;
  options.directory = directory;
  options.clock = &SystemClock();
  auto store = NativeEventStore::Open(options);
  Require(store.ok(), store.status().ToString());
  return *std::move(store);
}

std::shared_ptr<const EventView> ViewOf(EventStore& store) {
  auto view = store.View("bench");
  Require(view.ok(), view.status().ToString());
  return *std::move(view);
}

void Record(EventStore& store, int64_t count) {
  constexpr size_t kLoadBatch = 5'000;
  std::counting_semaphore<> room(kInFlight);
  std::deque<Batch> batches;
  for (int64_t from = 0; from < count;) {
    room.acquire();
    if (batches.size() > 2 * kInFlight) batches.pop_front();  // recorded: batches are, in order
    Batch& batch = batches.emplace_back();
    for (; from < count && batch.size() < kLoadBatch; ++from) batch.push_back(MakeEvent(from));
    store.Append("bench", PointersTo(batch), [&room](const absl::StatusOr<AppendResult>& result) {
      Require(result.ok(), result.status().ToString());
      room.release();
    });
  }
  for (int i = 0; i < kInFlight; ++i) room.acquire();
}

// What systems send meanwhile: of customers at random among all, as many of them new as in the stored events.
v1::CustomerEvent MakeLiveEvent(int64_t number, int64_t stored) {
  v1::CustomerEvent event = MakeEvent(stored + number);
  if (number % kLateShare == 0) return event;
  event.mutable_event_time()->set_seconds(kYearEnd + number / kEventsPerSecond);
  event.mutable_event_time()->set_nanos(static_cast<int32_t>(number % kEventsPerSecond * 20'000));
  return event;
}

// Records events at a steady pace until it is stopped, and remembers when what was acknowledged.
class PacedWriter {
 public:
  struct Acknowledgement {
    SteadyClock::time_point time;
    EventSequence sequence;  // everything up to it is durable
  };

  PacedWriter(EventStore& store, int64_t stored)
      : store_(store), stored_(stored), last_{SteadyClock::now(), EventSequence{stored}}, thread_([this] { Run(); }) {}
  ~PacedWriter() { Stop(); }

  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  Acknowledgement last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  // After Stop.
  const std::deque<Acknowledgement>& acknowledgements() const { return acknowledgements_; }
  const Samples& appends() const { return appends_; }
  double events_per_second() const { return events_per_second_; }

 private:
  void Run() {
    constexpr std::chrono::nanoseconds kPause(1'000'000'000 / kEventsPerSecond * static_cast<int64_t>(kBatch));
    std::counting_semaphore<> room(kInFlight);
    std::deque<Batch> batches;
    const auto start = SteadyClock::now();
    int64_t count = 0;
    // A batch that is late is followed by the next at once: what is due does not wait for the store.
    for (auto due = start; !stopping_; due += kPause) {
      if (batches.size() > 2 * kInFlight) batches.pop_front();
      Batch& batch = batches.emplace_back();
      for (size_t i = 0; i < kBatch; ++i) batch.push_back(MakeLiveEvent(count++, stored_));
      std::this_thread::sleep_until(due);
      room.acquire();
      store_.Append("bench", PointersTo(batch), [this, &room, due](const absl::StatusOr<AppendResult>& result) {
        Require(result.ok(), result.status().ToString());
        Acknowledged(due, result->watermark);
        room.release();
      });
    }
    for (int i = 0; i < kInFlight; ++i) room.acquire();
    events_per_second_ = static_cast<double>(count) / SecondsSince(start);
  }

  void Acknowledged(SteadyClock::time_point due, EventSequence sequence) {
    const std::lock_guard lock(mutex_);
    last_ = {SteadyClock::now(), sequence};
    acknowledgements_.push_back(last_);
    appends_.Add(last_.time - due);
  }

  EventStore& store_;
  const int64_t stored_;
  mutable std::mutex mutex_;
  Acknowledgement last_;
  std::deque<Acknowledgement> acknowledgements_;
  Samples appends_;
  double events_per_second_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses the others
};

struct Aggregate {
  const char* name;
  std::function<bool(const EventView&)> ask;
};

std::vector<Aggregate> Aggregates() {
  const auto named = [](const char* name) {
    EventSelector selector;
    selector.event_names = {name};
    return selector;
  };
  EventSelector pro_on_the_web;
  pro_on_the_web.filter = *Filter::Parse("properties.plan = \"pro\" AND channel = \"web\"");
  const VolumeQuery volume{{named("order_placed")}, {TimeRange()}, {}};
  const VolumeQuery filtered{{pro_on_the_web}, {TimeRange()}, {}};
  StepQuery steps;
  for (const char* name :
       {"email_opened", "site_visit", "product_view", "add_to_cart", "checkout_started", "order_placed"}) {
    steps.steps.push_back({named(name)});
  }
  steps.window = absl::Hours(24 * 30);
  steps.windows = {TimeRange()};
  return {
      {"volume of one name", [volume](const EventView& view) { return view.Volume(volume).ok(); }},
      {"volume of a filter on a property", [filtered](const EventView& view) { return view.Volume(filtered).ok(); }},
      {"funnel of six steps", [steps](const EventView& view) { return view.Steps(steps).ok(); }}};
}

// Asks like a page of the app: for a view, then an aggregate of it, then the timeline of a customer at random.
class Reader {
 public:
  struct Query {
    SteadyClock::time_point started;
    SteadyClock::time_point returned;
    EventSequence watermark;
  };

  Reader(EventStore& store, const std::vector<Aggregate>& aggregates)
      : store_(store), aggregates_(aggregates), by_aggregate_(aggregates.size()) {
    const EventStatistics statistics = ViewOf(store)->Statistics();
    ordinals_ = std::uniform_int_distribution<int64_t>(0, statistics.customers - 1);
  }

  Query Ask(size_t which) {
    const auto started = SteadyClock::now();
    const std::shared_ptr<const EventView> view = ViewOf(store_);
    const auto viewed = SteadyClock::now();
    Require(aggregates_[which].ask(*view), aggregates_[which].name);
    const auto returned = SteadyClock::now();
    views_.Add(viewed - started);
    by_aggregate_[which].Add(returned - viewed);
    AskTimeline(*view);
    return {started, returned, view->watermark()};
  }

  // Of a customer who was there when this began.
  void AskTimeline(const EventView& view) {
    const auto customers = view.ListCustomers(ordinals_(random_), 1);
    Require(customers.ok() && customers->size() == 1, "a customer is missing");
    const auto start = SteadyClock::now();
    const auto events = view.CustomerEvents(customers->front().customer_id, 0, kTimelineEvents);
    timelines_.Add(SteadyClock::now() - start);
    Require(events.ok() && !events->empty(), "a timeline is missing");
  }

  // With the ratios of the medians to those at rest, if that is given.
  void Print(const Reader* rest) const {
    views_.Print("View");
    for (size_t i = 0; i < aggregates_.size(); ++i) {
      by_aggregate_[i].Print(aggregates_[i].name, rest == nullptr ? nullptr : &rest->by_aggregate_[i]);
    }
    timelines_.Print("timeline of a customer", rest == nullptr ? nullptr : &rest->timelines_);
  }

 private:
  EventStore& store_;
  const std::vector<Aggregate>& aggregates_;
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<int64_t> ordinals_;
  Samples views_, timelines_;
  std::vector<Samples> by_aggregate_;
};

// For each acknowledgement, how long until a query that started after it had returned with its events: of a reader who
// asks one question after the other, and waits for the answer before.
Samples FreshnessOfAll(const std::deque<PacedWriter::Acknowledgement>& acknowledgements,
                       const std::vector<Reader::Query>& queries) {
  Samples out;
  size_t query = 0;
  for (const PacedWriter::Acknowledgement& acknowledged : acknowledgements) {
    while (query < queries.size() && (queries[query].started < acknowledged.time ||
                                      queries[query].watermark.value < acknowledged.sequence.value)) {
      ++query;
    }
    if (query == queries.size()) break;  // nobody asked any more
    if (acknowledged.time >= queries.front().started) out.Add(queries[query].returned - acknowledged.time);
  }
  return out;
}

void MeasureUnderLoad(EventStore& store, const std::vector<Aggregate>& aggregates, const Reader& rest, int64_t stored) {
  const int64_t customers_before = ViewOf(store)->Statistics().customers;
  PacedWriter writer(store, stored);
  {
    Reader warm(store, aggregates);
    const auto end = SteadyClock::now() + kWarmUp;
    for (size_t i = 0; SteadyClock::now() < end; ++i) warm.Ask(i % aggregates.size());
  }
  Reader reader(store, aggregates);
  Samples newest;
  std::vector<Reader::Query> queries;
  const double cpu = CpuSeconds();
  const auto start = SteadyClock::now();
  for (size_t i = 0; SteadyClock::now() < start + kUnderLoad; ++i) {
    const PacedWriter::Acknowledgement acknowledged = writer.last();
    queries.push_back(reader.Ask(i % aggregates.size()));
    Require(queries.back().watermark >= acknowledged.sequence, "a view lacks what was acknowledged before");
    newest.Add(queries.back().returned - acknowledged.time);
  }
  const double processors = (CpuSeconds() - cpu) / SecondsSince(start);
  writer.Stop();
  const EventStatistics statistics = ViewOf(store)->Statistics();
  std::printf(
      "while %.0f events/s are recorded (of %lld that are due), %lld in all, %lld new customers, %.2f processors in "
      "use\n",
      writer.events_per_second(), static_cast<long long>(kEventsPerSecond),
      static_cast<long long>(statistics.events - stored),
      static_cast<long long>(statistics.customers - customers_before), processors);
  writer.appends().Print("Append, due until acknowledged");
  newest.Print("newest acknowledged event until in an answer");
  FreshnessOfAll(writer.acknowledgements(), queries).Print("any acknowledged event until in an answer");
  reader.Print(&rest);
}

void Run(int64_t stored) {
  const testing::TempDir directory;
  {
    const std::unique_ptr<EventStore> store = Open(directory / "events");
    Record(*store, stored);
  }
  // Opened again, so that nothing is left to do in the background when the rest is measured.
  const std::unique_ptr<EventStore> store = Open(directory / "events");
  const std::vector<Aggregate> aggregates = Aggregates();
  {
    Reader cold(*store, aggregates);
    for (size_t i = 0; i < aggregates.size(); ++i) cold.Ask(i);
  }
  Reader rest(*store, aggregates);
  for (int round = 0; round < kAtRest; ++round) {
    for (size_t i = 0; i < aggregates.size(); ++i) rest.Ask(i);
  }
  for (int i = 0; i < kTimelinesAtRest; ++i) rest.AskTimeline(*ViewOf(*store));
  const EventStatistics statistics = ViewOf(*store)->Statistics();
  std::printf("at rest, %lld stored events of %lld customers\n", static_cast<long long>(statistics.events),
              static_cast<long long>(statistics.customers));
  rest.Print(nullptr);
  MeasureUnderLoad(*store, aggregates, rest, stored);
}

}  // namespace
}  // namespace throughline::bench

// bench_freshness [EVENTS_STORED]
int main(int argc, char** argv) {
  int64_t stored = throughline::bench::kStoredEvents;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &stored) || stored <= 0)) {
    std::fprintf(stderr, "bench_freshness: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  throughline::bench::Run(stored);
}
