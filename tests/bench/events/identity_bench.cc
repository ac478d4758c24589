// The index of identities: what an event costs in it while it is new, what the index costs on disk and in memory, how
// long a restart takes, and what a look-up takes; beside the plain map that it replaces. `bench_identities [ENTRIES]`.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "services/base/executor.h"
#include "services/events/native/identity_index.h"
#include "tests/support/files.h"

namespace throughline::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using testing::TempDir;

constexpr int64_t kGroup = 500;        // events of one commit
constexpr int64_t kPrefetchAhead = 8;  // as the writer does
constexpr int64_t kLookups = 4'000'000;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Wall and this thread's own processor time: the machine may be busy with other things.
class Stopwatch {
 public:
  void Print(const char* what, int64_t count) const {
    const double wall = SecondsSince(start_), cpu = ThreadSeconds() - cpu_;
    std::printf("  %-44s %6.0f ns of processor %6.0f ns wall %10.0f/s\n", what, cpu / static_cast<double>(count) * 1e9,
                wall / static_cast<double>(count) * 1e9, static_cast<double>(count) / wall);
  }

 private:
  static double ThreadSeconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  const SteadyClock::time_point start_ = SteadyClock::now();
  const double cpu_ = ThreadSeconds();
};

// Evenly spread, as hashes are; distinct for distinct numbers (the finaliser of SplitMix64 is a permutation).
uint64_t HashOf(uint64_t number) {
  number += 0x9E3779B97F4A7C15u;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// A number of a file of /proc/self, behind its name.
int64_t OfProcess(const char* file, const std::string& name) {
  std::ifstream in(std::string("/proc/self/") + file);
  for (std::string word; in >> word;) {
    int64_t value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

class Index {
 public:
  Index(const std::string& directory, int64_t entries) {
    const auto start = SteadyClock::now();
    IdentityIndexOptions options;
    options.env = rocksdb::Env::Default();
    options.directory = directory;
    options.workspace = 1;
    options.background = &background_;
    options.scan_log = [](int64_t first, int64_t last, const IdentityIndexOptions::Visit& visit) -> absl::Status {
      for (int64_t sequence = first; sequence <= last; ++sequence) {
        if (const absl::Status status = visit(sequence, HashOf(sequence)); !status.ok()) return status;
      }
      return absl::OkStatus();
    };
    index_ = std::make_unique<IdentityIndex>(std::move(options));
    const auto covered = index_->Open(entries);
    Require(covered.ok() && *covered == entries, "the index does not cover what was written");
    open_seconds_ = SecondsSince(start);
  }
  ~Index() {
    index_->StopBackground();
    background_.Shutdown();
    index_->Close();
  }
  IdentityIndex* operator->() { return index_.get(); }
  double open_seconds() const { return open_seconds_; }

 private:
  Executor background_{"identities", 1};
  std::unique_ptr<IdentityIndex> index_;
  double open_seconds_ = 0;
};

void BenchMap(int64_t entries) {
  const int64_t memory_before = OfProcess("status", "RssAnon:");
  auto map = std::make_unique<IdentityMap>();
  const Stopwatch inserting;
  for (int64_t i = 1; i <= entries; ++i) {
    Require(map->Find(HashOf(i)) == 0 && map->Find(HashOf(i)) == 0, "found what was not there");
    map->Insert(HashOf(i), i);
  }
  std::printf("a map in memory, %ld entries\n", static_cast<long>(entries));
  inserting.Print("two look-ups (absent) and insert", entries);
  const Stopwatch finding;
  for (int64_t i = 1; i <= kLookups; ++i) Require(map->Find(HashOf(entries + i)) == 0, "found what was not there");
  finding.Print("look up, absent", kLookups);
  const int64_t kilobytes = OfProcess("status", "RssAnon:") - memory_before;
  std::printf("  memory %.1f bytes an entry\n", static_cast<double>(kilobytes) * 1024 / static_cast<double>(entries));
}

void BenchInsert(const std::string& directory, int64_t entries) {
  Index index(directory, 0);
  const int64_t written_before = OfProcess("io", "wchar:");
  double longest = 0;
  const auto start = SteadyClock::now();
  const Stopwatch inserting;
  for (int64_t i = 1; i <= entries;) {
    const auto group_start = SteadyClock::now();
    // As the writer does: first what may be known is collected, then each is resolved.
    const int64_t end = std::min(entries + 1, i + kGroup);
    for (int64_t first = i; first < end; ++first) {
      index->Prefetch(HashOf(first + kPrefetchAhead));
      const auto found = index->Find(HashOf(first));
      Require(found.ok() && *found == 0, "found what was not there");
    }
    for (; i < end; ++i) {
      const auto found = index->Find(HashOf(i));
      Require(found.ok() && *found == 0, "found what was not there");
      index->Insert(HashOf(i), i);
    }
    index->Committed();
    longest = std::max(longest, SecondsSince(group_start));
  }
  std::printf("the index, %ld entries\n", static_cast<long>(entries));
  inserting.Print("two look-ups (absent) and insert, sealing", entries);
  std::printf("  longest group of %ld: %.1f ms; in memory at the end %.0f MB\n", static_cast<long>(kGroup),
              longest * 1e3, static_cast<double>(OfProcess("status", "RssAnon:")) / 1024);
  index->WaitForBackground();
  std::printf("  until the background rests %.1f s; written %.1f bytes an entry\n", SecondsSince(start),
              static_cast<double>(OfProcess("io", "wchar:") - written_before) / static_cast<double>(entries));
}

// So that the next reader must ask the disk.
int64_t ForgetPages(const std::string& directory) {
  int64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
    bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

void BenchLookups(const std::string& directory, int64_t entries) {
  const auto measure = [&](Index& index, const char* what, int64_t count, int64_t from, bool present) {
    const Stopwatch finding;
    for (int64_t i = 1; i <= count; ++i) {
      if (!present) index->Prefetch(HashOf(from + i + kPrefetchAhead));
      const auto found = index->Find(HashOf(present ? 1 + HashOf(from + i) % entries : from + i));
      Require(found.ok() && (*found != 0) == present, "a wrong answer");
    }
    finding.Print(what, count);
  };
  std::printf("after a restart\n");
  {
    const int64_t bytes = ForgetPages(directory);
    Index index(directory, entries);
    std::printf("  %zu runs, %.2f bytes an entry on disk\n", index->run_count(),
                static_cast<double>(bytes) / static_cast<double>(entries));
    std::printf("  open, nothing in the page cache %.1f ms\n", index.open_seconds() * 1e3);
    measure(index, "look up, absent, the first 100,000 then", 100'000, 2 * entries, false);
  }
  for (int round = 0; round < 3; ++round) {
    const int64_t memory_before = OfProcess("status", "RssAnon:");
    Index index(directory, entries);
    std::printf("  open %.1f ms\n", index.open_seconds() * 1e3);
    measure(index, "look up, absent", kLookups, (round + 3) * entries, false);
    std::printf("    own memory %.2f MB, mapped pages in memory %.2f bytes an entry\n",
                static_cast<double>(OfProcess("status", "RssAnon:") - memory_before) / 1024,
                static_cast<double>(OfProcess("status", "RssFile:")) * 1024 / static_cast<double>(entries));
    measure(index, "look up, present", kLookups / 10, round * entries, true);
  }
}

}  // namespace
}  // namespace throughline::bench

int main(int argc, char** argv) {
  using namespace throughline::bench;
  const int64_t entries = argc > 1 ? std::strtoll(argv[1], nullptr, 10) : 10'000'000;
  Require(entries > 0 && entries < (int64_t{1} << 32) - 1, "how many entries?");
  const throughline::testing::TempDir directory;
  BenchInsert(directory / "runs", entries);
  BenchLookups(directory / "runs", entries);
  BenchMap(entries);
}
