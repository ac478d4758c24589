// What the benchmarks of recording share: events, the bare RocksDB loop that bounds them, medians.
// Used by one thread.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "services/events/native/event_log.h"
#include "services/events/native/event_record.h"
#include "throughline/v1/event.pb.h"

namespace throughline::bench {

using SteadyClock = std::chrono::steady_clock;

inline double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Of all threads of this process, up to now.
inline double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

struct Rate {
  double events_per_second = 0;
  double cpu_micros_per_event = 0;
};

// A stretch of work over `events` events, from its construction to Stop.
class Stopwatch {
 public:
  Rate Stop(size_t events) const {
    const auto count = static_cast<double>(events);
    return {count / SecondsSince(start_), (CpuSeconds() - cpu_) / count * 1e6};
  }

 private:
  const SteadyClock::time_point start_ = SteadyClock::now();
  const double cpu_ = CpuSeconds();
};

inline void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The rounds of one variant, each beside the limit that was measured in the same round.
class Rounds {
 public:
  void Add(const Rate& rate, const Rate& limit) {
    rates_.push_back(rate.events_per_second);
    cpu_.push_back(rate.cpu_micros_per_event);
    ratios_.push_back(rate.events_per_second / limit.events_per_second);
  }
  double ratio() const { return Median(ratios_); }
  void Print(const char* name) const {
    std::printf("  %-28s %9.0f events/s  ratio %.2f  %.2f us CPU per event\n", name, Median(rates_), ratio(),
                Median(cpu_));
  }

 private:
  std::vector<double> rates_, cpu_, ratios_;
};

// An ordinary event of a shop, about 200 bytes: twenty per customer, spread over a year, some with a score.
inline v1::CustomerEvent MakeEvent(int64_t number) {
  static constexpr const char* kNames[] = {"site_visit",   "product_view", "add_to_cart",   "checkout_started",
                                           "order_placed", "email_opened", "ticket_opened", "survey_answered"};
  static constexpr const char* kChannels[] = {"web", "email", "phone", "app"};
  static constexpr const char* kDepartments[] = {"marketing", "sales", "support", "product"};
  const auto mixed = static_cast<uint64_t>(number) * 0x9E3779B97F4A7C15u;
  v1::CustomerEvent event;
  event.set_id(absl::StrCat("evt-", absl::Hex(mixed, absl::kZeroPad16)));
  event.set_source("shop");
  event.set_customer_id(absl::StrCat("customer-", (mixed >> 33) % (static_cast<uint64_t>(number) / 20 + 100)));
  event.mutable_event_time()->set_seconds(1'735'689'600 + static_cast<int64_t>((mixed >> 17) % 31'536'000));
  event.set_event_name(kNames[(mixed >> 40) % 8]);
  event.set_channel(kChannels[(mixed >> 45) % 4]);
  event.set_department(kDepartments[(mixed >> 50) % 4]);
  auto& properties = *event.mutable_properties();
  properties["plan"].set_string_value(mixed % 3 == 0 ? "pro" : "free");
  properties["session"].set_string_value(absl::StrCat("s-", mixed >> 44));
  properties["position"].set_number_value(static_cast<double>(mixed % 50));
  if ((mixed >> 40) % 8 == 7) event.mutable_survey_response()->set_score(static_cast<double>((mixed >> 8) % 11));
  return event;
}

// `writers` threads that write the records of these events, and nothing else, `batch` at a time, each batch synced:
// what the disk and RocksDB with the engine's own settings allow.
inline Rate MeasureBareRocksDb(const std::string& directory, const std::vector<std::string>& records, size_t batch,
                               int writers = 1) {
  rocksdb::DB* opened = nullptr;
  Require(rocksdb::DB::Open(EventLog::DatabaseOptions(), directory, &opened).ok(), "cannot open the bare database");
  const std::unique_ptr<rocksdb::DB> database(opened);
  rocksdb::WriteOptions options;
  options.sync = true;
  std::atomic<size_t> next{0};
  const auto write = [&] {
    for (size_t from = next.fetch_add(batch); from < records.size(); from = next.fetch_add(batch)) {
      rocksdb::WriteBatch writes;
      for (size_t i = from; i < std::min(records.size(), from + batch); ++i) {
        char key[13] = {'e', 0, 0, 0, 1};
        for (int byte = 0; byte < 8; ++byte) key[5 + byte] = static_cast<char>(i >> (8 * (7 - byte)));
        writes.Put(rocksdb::Slice(key, sizeof(key)), records[i]);
      }
      Require(database->Write(options, &writes).ok(), "a bare write failed");
    }
  };
  const Stopwatch watch;
  std::vector<std::thread> others;
  for (int i = 1; i < writers; ++i) others.emplace_back(write);
  write();
  for (std::thread& other : others) other.join();
  return watch.Stop(records.size());
}

// The bytes that the log stores for each event.
inline std::vector<std::string> RecordsOf(const std::vector<v1::CustomerEvent>& events) {
  std::vector<std::string> out;
  for (const v1::CustomerEvent& event : events) {
    std::string& record = out.emplace_back(8, '\0');  // the record time
    AppendCanonicalEvent(event, record);
  }
  return out;
}

}  // namespace throughline::bench
