// Columns in files: what a start costs with and without them, how fast they are sealed, and how many bytes an event
// takes on disk and in memory. `bench_segments [EVENTS]`.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/base/log.h"
#include "services/events/native/projection.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

constexpr uint32_t kWorkspace = 1;
constexpr int kEventsPerCustomer = 20;
constexpr int64_t kBatch = 10'000;
constexpr int kThreads = 2;

uint64_t Mix(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

// Any customer, any moment after the one before; few names are frequent; every fifth has a score.
void FillEvent(int64_t number, int64_t customers, v1::CustomerEvent& event) {
  const uint64_t random = Mix(static_cast<uint64_t>(number) + 0x9E3779B97F4A7C15u);
  event.set_id(absl::StrCat("event-", number));
  event.set_source("shop");
  event.set_customer_id(absl::StrCat("customer-", random % static_cast<uint64_t>(customers)));
  event.set_event_name(absl::StrCat("touchpoint_", (random >> 32) % (1 + (random >> 40) % 60)));
  event.set_channel(absl::StrCat("channel_", (random >> 20) % 8));
  event.set_department(absl::StrCat("department_", (random >> 24) % 10));
  event.mutable_event_time()->set_seconds(1'514'764'800 + number * 31'000'000 / (customers * kEventsPerCustomer));
  if (number % 5 == 0) event.mutable_survey_response()->set_score(static_cast<double>((random >> 50) % 11));
  if (number % 5 != 0) event.clear_survey_response();
  (*event.mutable_properties())["plan"].set_string_value(absl::StrCat("plan ", (random >> 44) % 5));
}

void Record(EventLog& log, int64_t events) {
  v1::CustomerEvent event;
  const int64_t customers = std::max<int64_t>(1, events / kEventsPerCustomer);
  for (int64_t from = 0; from < events; from += kBatch) {
    std::string bytes;
    std::vector<std::pair<size_t, size_t>> places;
    for (int64_t i = from; i < std::min(events, from + kBatch); ++i) {
      FillEvent(i, customers, event);
      const size_t offset = bytes.size();
      AppendCanonicalEvent(event, bytes);
      places.emplace_back(offset, bytes.size() - offset);
    }
    std::vector<EventLog::Entry> entries;
    for (size_t k = 0; k < places.size(); ++k) {
      entries.push_back({kWorkspace, from + static_cast<int64_t>(k) + 1,
                         absl::string_view(bytes).substr(places[k].first, places[k].second)});
    }
    Require(log.Write(absl::UnixEpoch(), entries, {}).ok(), "cannot write the log");
  }
}

// Of this process, in bytes: "RssAnon" or "RssFile".
double Resident(const char* what) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    int64_t kilobytes = 0;
    if (absl::StartsWith(line, what) && std::sscanf(line.c_str(), "%*s %ld", &kilobytes) == 1) {
      return static_cast<double>(kilobytes) * 1024;
    }
  }
  return 0;
}

// In a process of its own, so that memory is its own.
void InChild(const std::function<void()>& what) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    what();
    std::fflush(stdout);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a part of the benchmark failed");
}

// Reads all columns once, as questions do.
int64_t ReadColumns(const Snapshot& snapshot) {
  int64_t sum = 0;
  for (size_t p = 0; p < snapshot.partitions.size(); ++p) {
    const std::shared_ptr<const Partition> partition = *snapshot.At(p);
    partition->codes(kNameColumn).Visit([&](auto names) {
      for (uint32_t i = 0; i < partition->size(); ++i) sum += static_cast<int64_t>(names[i]);
    });
    for (uint32_t i = 0; i < partition->size(); ++i) {
      sum += partition->times()[i] + partition->rows()[i] + partition->codes(kChannelColumn)[i] +
             partition->codes(kDepartmentColumn)[i] + (partition->scores() == nullptr ? 0 : partition->scores()[i]);
    }
  }
  return sum;
}

void Start(const std::string& directory, const char* what, bool seal) {
  const auto log = *EventLog::Open(directory, nullptr);
  const int64_t last = *log->LastSequence(kWorkspace);
  ::malloc_trim(0);
  const double anonymous = Resident("RssAnon"), mapped = Resident("RssFile");
  const auto start = SteadyClock::now();
  const double cpu = CpuSeconds();
  Projection projection(log, kWorkspace, kThreads, Projection::Files{rocksdb::Env::Default(), directory + "/columns"});
  Require(projection.Load(last, last + 1, [](int64_t, const EventFields&) {}).ok(), "cannot load");
  const auto snapshot = projection.Latest();
  Require(snapshot.ok(), "no snapshot");
  std::printf("  %-24s %8.3f s  %6.1f ns an event (%.1f of processor)\n", what, SecondsSince(start),
              SecondsSince(start) * 1e9 / static_cast<double>(last),
              (CpuSeconds() - cpu) * 1e9 / static_cast<double>(last));
  const auto first = SteadyClock::now();
  const int64_t sum = ReadColumns(**snapshot);
  std::printf("  %-24s %8.3f s  (check %ld)\n", "  first pass", SecondsSince(first), sum % 1000);
  // Before the property is asked for, which is beside the columns.
  ::malloc_trim(0);
  std::printf("  %-24s %8.2f bytes an event on the heap, %.2f mapped\n", "  resident",
              (Resident("RssAnon") - anonymous) / static_cast<double>(last),
              (Resident("RssFile") - mapped) / static_cast<double>(last));
  const auto asking = SteadyClock::now();
  const std::vector<std::string> keys = {"plan"};
  Require(projection.Properties(keys).ok(), "no property");
  std::printf("  %-24s %8.3f s\n", "  column of a property", SecondsSince(asking));
  if (!seal) return;
  const auto sealing = SteadyClock::now();
  projection.Seal();
  const double seconds = SecondsSince(sealing);
  double segments = 0, dictionaries = 0, properties = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory + "/columns")) {
    if (!entry.is_regular_file()) continue;
    const std::string file = entry.path().string();
    (absl::EndsWith(file, ".segment")    ? segments
     : absl::EndsWith(file, ".property") ? properties
                                         : dictionaries) += static_cast<double>(entry.file_size());
  }
  std::printf("  %-24s %8.3f s  %.0f MB/s, %.2f M events/s\n", "seal everything", seconds,
              (segments + dictionaries + properties) / seconds / 1e6, static_cast<double>(last) / seconds / 1e6);
  std::printf("  %-24s %8.2f bytes an event in segments, %.2f in dictionaries, %.2f for the property\n", "on disk",
              segments / static_cast<double>(last), dictionaries / static_cast<double>(last),
              properties / static_cast<double>(last));
}

void Run(int64_t events) {
  testing::TempDir directory;
  const std::string path = directory / "events";
  SetLogLevel(LogLevel::kInfo);
  std::printf("%ld events, %d a customer, %d threads\n", events, kEventsPerCustomer, kThreads);
  InChild([&] { Record(**EventLog::Open(path, nullptr), events); });
  InChild([&] { Start(path, "start from the log", true); });
  for (int round = 0; round < 3; ++round) {
    InChild([&] { Start(path, "start from files", false); });
  }
}

}  // namespace
}  // namespace throughline::bench

int main(int argc, char** argv) {
  int64_t events = 1'000'000;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &events) || events <= 0)) {
    std::fprintf(stderr, "bench_segments: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  throughline::bench::Run(events);
}
