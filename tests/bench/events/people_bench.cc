// What links between customers cost the questions: the same events recorded under people's own ids, and under several
// ids that are linked, as ratios in the same run. `bench_people [EVENTS]`. README.md says what varies.
#include <deque>
#include <functional>
#include <semaphore>

#include "absl/strings/numbers.h"
#include "services/base/clock.h"
#include "services/events/native/native_event_store.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

constexpr int kEventsPerPerson = 20;
// Three people in ten have a second id, under which half of their events are recorded. It is linked by one of them.
constexpr uint64_t kTwoIdsOfTen = 3;
constexpr size_t kBatch = 5'000;
constexpr int kInFlight = 4;
constexpr int kRounds = 9;
constexpr int64_t kNewEvents = 1'000;

uint64_t Mix(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

enum class Ids { kOne, kLinked };

v1::CustomerEvent MakePersonEvent(int64_t number, int64_t events, Ids ids) {
  const uint64_t random = Mix(static_cast<uint64_t>(number) + 0x9E3779B97F4A7C15u);
  const uint64_t person = random % static_cast<uint64_t>(std::max<int64_t>(1, events / kEventsPerPerson));
  v1::CustomerEvent event;
  event.set_id(absl::StrCat("event-", number));
  event.set_source("shop");
  event.set_customer_id(absl::StrCat("customer-", person));
  event.set_event_name(absl::StrCat("touchpoint_", (random >> 32) % (1 + (random >> 40) % 60)));
  event.mutable_event_time()->set_seconds(1'514'764'800 + number * 31'000'000 / events);
  const bool two_ids = Mix(person) % 10 < kTwoIdsOfTen;
  if (ids == Ids::kLinked && two_ids && (random >> 21) % 2 == 0) {
    event.set_customer_id(absl::StrCat("cookie-", person));
    // About one in ten of these; saying it again changes nothing.
    if ((random >> 50) % 8 == 0) event.mutable_identity_link()->set_customer_id(absl::StrCat("customer-", person));
  }
  return event;
}

void Record(EventStore& store, int64_t from, int64_t to, int64_t events, Ids ids) {
  std::counting_semaphore<> room(kInFlight);
  std::deque<std::vector<v1::CustomerEvent>> batches;
  while (from < to) {
    room.acquire();
    if (batches.size() > 2 * kInFlight) batches.pop_front();  // recorded: batches are, in order
    std::vector<v1::CustomerEvent>& batch = batches.emplace_back();
    for (; from < to && batch.size() < kBatch; ++from) batch.push_back(MakePersonEvent(from, events, ids));
    std::vector<const v1::CustomerEvent*> pointers;
    for (const v1::CustomerEvent& event : batch) pointers.push_back(&event);
    store.Append("bench", pointers, [&room](const absl::StatusOr<AppendResult>& result) {
      Require(result.ok(), result.status().ToString());
      room.release();
    });
  }
  for (int i = 0; i < kInFlight; ++i) room.acquire();
}

struct Times {
  double first = 0;       // the question after a start
  double at_rest = 0;     // medians
  double after_news = 0;  // after kNewEvents events of customers at random
  double one_event = 0;   // after one event
  int64_t customers = 0;
};

Times Measure(int64_t events, Ids ids) {
  testing::TempDir directory;
  NativeEventStoreOptions options;
  options.directory = directory / "events";
  options.clock = &SystemClock();
  const auto open = [&] {
    auto store = NativeEventStore::Open(options);
    Require(store.ok(), store.status().ToString());
    return *std::move(store);
  };
  Record(*open(), 0, events, events, ids);
  const auto store = open();
  Times out;
  GraphQuery query;
  query.alphabet = EventField{"event_name", {}};
  const auto ask = [&] {
    const auto start = SteadyClock::now();
    const auto graph = (*store->View("bench"))->Graph(query);
    Require(graph.ok(), graph.status().ToString());
    out.customers = graph->whole().runs;
    return SecondsSince(start) * 1e3;
  };
  out.first = ask();
  std::vector<double> rest, news, one;
  int64_t next = events;
  for (int i = 0; i < kRounds; ++i) {
    rest.push_back(ask());
    Record(*store, next, next + kNewEvents, events, ids);
    next += kNewEvents;
    news.push_back(ask());
    ask();
    Record(*store, next, next + 1, events, ids);
    ++next;
    one.push_back(ask());
    ask();
  }
  out.at_rest = Median(rest);
  out.after_news = Median(news);
  out.one_event = Median(one);
  return out;
}

void Print(const char* what, double one, double linked) {
  std::printf("  %-42s %9.2f ms  %9.2f ms  %5.2f\n", what, one, linked, linked / one);
}

void Run(int64_t events) {
  const Times one = Measure(events, Ids::kOne), linked = Measure(events, Ids::kLinked);
  std::printf("%ld events; transition graph of all names\n  %-42s %12s  %12s  ratio\n", events, "", "one id",
              "linked ids");
  Print("first after a start", one.first, linked.first);
  Print("at rest", one.at_rest, linked.at_rest);
  Print("after one event", one.one_event, linked.one_event);
  Print("after 1000 events of anybody", one.after_news, linked.after_news);
  std::printf("  %-42s %12ld  %12ld\n", "people", one.customers, linked.customers);
}

}  // namespace
}  // namespace throughline::bench

int main(int argc, char** argv) {
  int64_t events = 1'000'000;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &events) || events <= 0)) {
    std::fprintf(stderr, "bench_people: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  throughline::bench::Run(events);
}
