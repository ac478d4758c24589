// What the erasure of one customer costs among many events: how long until it is durable, until no file has anything of
// it, and what views and appends wait for meanwhile. README.md says what varies.
#include <functional>
#include <future>
#include <thread>

#include "absl/strings/numbers.h"
#include "services/base/clock.h"
#include "services/events/native/native_event_store.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

constexpr int64_t kStoredEvents = 1'000'000;
constexpr int64_t kLoadBatch = 5'000;
constexpr int kLineEvents = 200'000;  // of the customer with a long line

using Batch = std::vector<v1::CustomerEvent>;

std::unique_ptr<EventStore> Open(const std::string& directory) {
  NativeEventStoreOptions options;
  options.directory = directory;
  options.clock = &SystemClock();
  auto store = NativeEventStore::Open(options);
  Require(store.ok(), store.status().ToString());
  return *std::move(store);
}

void Append(EventStore& store, const Batch& batch) {
  std::vector<const v1::CustomerEvent*> pointers;
  for (const v1::CustomerEvent& event : batch) pointers.push_back(&event);
  Require(store.AppendAndWait("bench", pointers).ok(), "an append failed");
}

void Record(EventStore& store, int64_t count, const std::function<v1::CustomerEvent(int64_t)>& make) {
  for (int64_t from = 0; from < count; from += kLoadBatch) {
    Batch batch;
    for (int64_t i = from; i < std::min(count, from + kLoadBatch); ++i) batch.push_back(make(i));
    Append(store, batch);
  }
}

std::shared_ptr<const EventView> ViewOf(EventStore& store) {
  auto view = store.View("bench");
  Require(view.ok(), view.status().ToString());
  return *std::move(view);
}

// The longest that anyone had to wait for something that is done over and over.
class Waits {
 public:
  explicit Waits(std::function<void()> what)
      : thread_([this, what = std::move(what)] {
          while (!stopping_) {
            const auto start = SteadyClock::now();
            what();
            longest_ = std::max(longest_, SecondsSince(start));
            ++times_;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}
  ~Waits() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  double longest_ms() const { return longest_ * 1e3; }  // after Stop
  int times() const { return times_; }

 private:
  double longest_ = 0;
  int times_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

void MeasureErasure(EventStore& store, const std::string& customer, const char* name) {
  const int64_t before = ViewOf(store)->watermark().value;
  std::promise<absl::StatusOr<ErasureResult>> promise;
  int64_t number = 0;
  Waits views([&] { ViewOf(store); });
  Waits appends([&] {
    v1::CustomerEvent event = MakeEvent(++number);
    event.set_id(absl::StrCat(name, number));
    Append(store, {event});
  });
  const auto start = SteadyClock::now();
  store.Erase("bench", customer, [&](absl::StatusOr<ErasureResult> result) { promise.set_value(std::move(result)); });
  // As far as anyone can see: no view has the customer.
  while (ViewOf(store)->FindCustomer(customer)->has_value())
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  const double gone = SecondsSince(start);
  const absl::StatusOr<ErasureResult> result = promise.get_future().get();
  const double end = SecondsSince(start);
  views.Stop();
  appends.Stop();
  Require(result.ok(), result.status().ToString());
  Require(result->watermark.value > before, "the watermark did not move");
  std::printf(
      "  %-28s %7lld events  gone from views %8.1f ms  from files %9.1f ms  longest View %7.1f ms of %d  "
      "longest Append %7.1f ms of %d\n",
      name, static_cast<long long>(result->events), gone * 1e3, end * 1e3, views.longest_ms(), views.times(),
      appends.longest_ms(), appends.times());
}

void Run(int64_t stored) {
  const testing::TempDir directory;
  std::unique_ptr<EventStore> store = Open(directory / "events");
  Record(*store, stored, &MakeEvent);
  Record(*store, kLineEvents, [](int64_t number) {
    v1::CustomerEvent event = MakeEvent(number);
    event.set_id(absl::StrCat("line-", number));
    event.set_customer_id("long line");
    return event;
  });
  store.reset();
  store = Open(directory / "events");
  // A column of a property, as filters have made one: of many values, so that it has its own to lose.
  VolumeQuery query;
  query.windows = {TimeRange()};
  query.any_of.emplace_back().filter = *Filter::Parse("properties.session = \"s-1\"");
  Require(ViewOf(*store)->Volume(query).ok(), "a question failed");
  const EventStatistics statistics = ViewOf(*store)->Statistics();
  std::printf("%lld events of %lld customers\n", static_cast<long long>(statistics.events),
              static_cast<long long>(statistics.customers));
  MeasureErasure(*store, ViewOf(*store)->ListCustomers(50, 1)->front().customer_id, "an early customer");
  MeasureErasure(*store, ViewOf(*store)->ListCustomers(statistics.ordinals / 2, 1)->front().customer_id,
                 "one of the middle");
  MeasureErasure(*store, "long line", "a very long line");
}

}  // namespace
}  // namespace throughline::bench

// bench_erasure [EVENTS_STORED]
int main(int argc, char** argv) {
  int64_t stored = throughline::bench::kStoredEvents;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &stored) || stored <= 0)) {
    std::fprintf(stderr, "bench_erasure: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  throughline::bench::Run(stored);
}
