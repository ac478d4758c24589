// Append against a bare RocksDB loop, start-up against a bare scan, and the time per event of each question.
// README.md says what varies.
#include <functional>
#include <semaphore>
#include <thread>

#include "services/events/native/native_event_store.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

using testing::TempDir;

constexpr size_t kBatch = 500;
constexpr size_t kAppendEvents = 200'000;
constexpr int64_t kStoredEvents = 1'000'000;
constexpr int kRounds = 3;
constexpr int kInFlight = 8;

std::unique_ptr<EventStore> Open(const std::string& directory) {
  NativeEventStoreOptions options;
  options.directory = directory;
  auto store = NativeEventStore::Open(options);
  Require(store.ok(), store.status().ToString());
  return *std::move(store);
}

// Sends [from, to) in batches, kInFlight of them at a time, and waits until all are durable.
void Send(EventStore& store, const std::vector<const v1::CustomerEvent*>& events, size_t from, size_t to,
          size_t batch) {
  std::counting_semaphore<> room(kInFlight);
  for (; from < to; from += batch) {
    room.acquire();
    const size_t count = std::min(batch, to - from);
    store.Append("bench", absl::MakeConstSpan(events).subspan(from, count), [&](absl::StatusOr<AppendResult> result) {
      Require(result.ok(), result.status().ToString());
      room.release();
    });
  }
  for (int i = 0; i < kInFlight; ++i) room.acquire();
}

Rate MeasureAppend(const std::string& directory, const std::vector<const v1::CustomerEvent*>& events, int writers) {
  const std::unique_ptr<EventStore> store = Open(directory);
  const Stopwatch watch;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back(
        [&, w] { Send(*store, events, events.size() * w / writers, events.size() * (w + 1) / writers, kBatch); });
  }
  for (std::thread& thread : threads) thread.join();
  const Rate rate = watch.Stop(events.size());
  Require((*store->View("bench"))->Statistics().events == static_cast<int64_t>(events.size()), "events are missing");
  return rate;
}

void BenchAppend() {
  std::vector<v1::CustomerEvent> events;
  for (size_t i = 0; i < kAppendEvents; ++i) events.push_back(MakeEvent(static_cast<int64_t>(i)));
  std::vector<const v1::CustomerEvent*> pointers;
  for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
  const std::vector<std::string> records = RecordsOf(events);
  size_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  std::printf("append: %zu events of %zu bytes, batches of %zu, median of %d rounds\n", events.size(),
              bytes / events.size(), kBatch, kRounds);
  Rounds bare, one, four;
  for (int round = 0; round < kRounds; ++round) {
    const TempDir directory;
    const Rate limit = MeasureBareRocksDb(directory / "bare", records, kBatch);
    bare.Add(limit, limit);
    one.Add(MeasureAppend(directory / "one", pointers, 1), limit);
    four.Add(MeasureAppend(directory / "four", pointers, 4), limit);
  }
  bare.Print("bare RocksDB, 1 thread");
  one.Print("Append, 1 writer");
  four.Print("Append, 4 writers");
}

double ScanBare(const std::string& directory) {
  const auto start = SteadyClock::now();
  rocksdb::DB* opened = nullptr;
  Require(rocksdb::DB::Open(EventLog::DatabaseOptions(), directory, &opened).ok(), "cannot open the log");
  const std::unique_ptr<rocksdb::DB> database(opened);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 2 << 20;
  const std::unique_ptr<rocksdb::Iterator> it(database->NewIterator(options));
  size_t bytes = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) bytes += it->value().size();
  Require(bytes > 0, "the log is empty");
  return SecondsSince(start);
}

void BenchQueries(const EventView& view) {
  const auto events = static_cast<double>(view.Statistics().events);
  const auto measure = [&](const char* name, const std::function<bool()>& ask) {
    std::vector<double> nanos;
    for (int i = 0; i < 7; ++i) {
      const auto start = SteadyClock::now();
      Require(ask(), name);
      nanos.push_back(SecondsSince(start) * 1e9 / events);
    }
    std::printf("  %-34s %7.1f ns/event\n", name, Median(nanos));
  };
  const auto named = [](const char* name) {
    EventSelector selector;
    selector.event_names = {name};
    return selector;
  };
  VolumeQuery volume{{named("order_placed")}, {TimeRange()}, {}};
  measure("volume of one name", [&] { return view.Volume(volume).ok(); });
  EventSelector filtered;
  filtered.filter = *Filter::Parse("properties.plan = \"pro\" AND channel = \"web\"");
  volume.any_of = {filtered};
  measure("volume of a filter of two fields", [&] { return view.Volume(volume).ok(); });
  const ScoreQuery scores{{named("survey_answered")}, {TimeRange()}, RespondentPolicy::kLatest, true, {}};
  measure("scores, latest per customer", [&] { return view.Scores(scores).ok(); });
  StepQuery steps;
  for (const char* name :
       {"email_opened", "site_visit", "product_view", "add_to_cart", "checkout_started", "order_placed"}) {
    steps.steps.push_back({named(name)});
  }
  steps.window = absl::Hours(24 * 30);
  steps.windows = {TimeRange()};
  measure("funnel of six steps, 30 days", [&] { return view.Steps(steps).ok(); });
  const PairQuery pairs{named("site_visit"), named("order_placed"), {},
                        absl::Hours(24 * 7), absl::Now(),           {TimeRange()}};
  measure("conversion of a pair", [&] { return view.Pairs(pairs).ok(); });
  measure("transition graph", [&] { return view.Graph(GraphQuery()).ok(); });
}

void BenchStored() {
  const TempDir directory;
  {
    const std::unique_ptr<EventStore> store = Open(directory / "events");
    constexpr int64_t kPiece = 100'000;
    for (int64_t from = 0; from < kStoredEvents; from += kPiece) {
      std::vector<v1::CustomerEvent> events;
      for (int64_t i = from; i < from + kPiece; ++i) events.push_back(MakeEvent(i));
      std::vector<const v1::CustomerEvent*> pointers;
      for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
      Send(*store, pointers, 0, pointers.size(), 5000);
    }
  }
  std::vector<double> start_up, bare;
  std::unique_ptr<EventStore> store;
  for (int round = 0; round < kRounds; ++round) {
    store.reset();
    bare.push_back(ScanBare(directory / "events/log"));
    const auto start = SteadyClock::now();
    store = Open(directory / "events");
    start_up.push_back(SecondsSince(start));
  }
  std::printf("start-up on %ld stored events, median of %d rounds\n", static_cast<long>(kStoredEvents), kRounds);
  std::printf("  bare open and scan          %.2f s\n  Open, ready for questions   %.2f s  %.1f times the scan\n",
              Median(bare), Median(start_up), Median(start_up) / Median(bare));
  std::printf("questions over %ld events\n", static_cast<long>(kStoredEvents));
  BenchQueries(**store->View("bench"));
}

}  // namespace
}  // namespace throughline::bench

int main() {
  throughline::bench::BenchAppend();
  throughline::bench::BenchStored();
}
