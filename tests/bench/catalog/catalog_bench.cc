// Writes of many clients against the catalog, as a ratio to a bare synced SQLite loop. README.md says what varies.
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "tests/support/files.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kDuration = std::chrono::seconds(2);
constexpr size_t kPayloadBytes = 500;
constexpr int kWriters = 64;
constexpr double kWritesPerFsyncMin = 8;

void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "bench_catalog: %s\n", what.c_str());
  std::exit(1);
}

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Commits per second of one thread that inserts one row at a time.
double MeasureBareSqlite(const std::string& path) {
  sqlite3* database = nullptr;
  Require(sqlite3_open(path.c_str(), &database) == SQLITE_OK, "cannot open the bare database");
  Require(sqlite3_exec(database,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "CREATE TABLE rows (id INTEGER PRIMARY KEY, payload BLOB)",
                       nullptr, nullptr, nullptr) == SQLITE_OK,
          "cannot prepare the bare database");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(database, "INSERT INTO rows (payload) VALUES (?1)", -1, &insert, nullptr);
  const std::string payload(kPayloadBytes, 'x');
  int64_t commits = 0;
  const auto start = SteadyClock::now();
  while (SteadyClock::now() - start < kDuration) {
    sqlite3_bind_blob(insert, 1, payload.data(), static_cast<int>(payload.size()), SQLITE_STATIC);
    Require(sqlite3_step(insert) == SQLITE_DONE, "a bare commit failed");
    sqlite3_reset(insert);
    ++commits;
  }
  const double per_second = static_cast<double>(commits) / SecondsSince(start);
  sqlite3_finalize(insert);
  sqlite3_close(database);
  return per_second;
}

struct WriteResult {
  double per_second = 0;
  double per_fsync = 0;
};

WriteResult MeasureWrites(SqliteCatalog& catalog, int writer_count) {
  const SqliteCatalog::Statistics before = catalog.Stats();
  std::vector<std::thread> writers;
  const auto start = SteadyClock::now();
  for (int writer = 0; writer < writer_count; ++writer) {
    writers.emplace_back([&, writer] {
      v1::Department department;
      department.set_description(std::string(kPayloadBytes, 'x'));
      for (int64_t i = 0; SteadyClock::now() - start < kDuration; ++i) {
        const std::string name = absl::StrCat("workspaces/w/departments/d-", writer, "-", i % 50);
        Require(catalog.Write([&](WriteTransaction& t) { return t.Put(name, department); }).ok(), "a write failed");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const double seconds = SecondsSince(start);
  const SqliteCatalog::Statistics after = catalog.Stats();
  const auto transactions = static_cast<double>(after.transactions - before.transactions);
  return {transactions / seconds, transactions / static_cast<double>(after.groups - before.groups)};
}

double MeasureFindLatest(SqliteCatalog& catalog) {
  int64_t reads = 0;
  const auto start = SteadyClock::now();
  while (SteadyClock::now() - start < kDuration) {
    const auto found = catalog.FindLatest(absl::StrCat("workspaces/w/departments/d-0-", reads % 50));
    Require(found.ok() && found->has_value(), "a document is missing");
    ++reads;
  }
  return static_cast<double>(reads) / SecondsSince(start);
}

struct CompactionResult {
  double changes_per_second = 0;
  double longest_write_seconds = 0;  // of one writer that goes on meanwhile
};

CompactionResult MeasureCompaction(SqliteCatalog& catalog) {
  const int64_t changes = catalog.LatestRevision().value - catalog.CompactionHorizon().value;
  std::atomic<bool> done = false;
  CompactionResult result;
  std::thread writer([&] {
    v1::Department department;
    for (int64_t i = 0; !done; ++i) {
      department.set_description(absl::StrCat(i));
      const auto start = SteadyClock::now();
      Require(catalog.Write([&](WriteTransaction& t) { return t.Put("workspaces/w/departments/d", department); }).ok(),
              "a write failed");
      result.longest_write_seconds = std::max(result.longest_write_seconds, SecondsSince(start));
    }
  });
  const auto start = SteadyClock::now();
  Require(catalog.CompactOlderThan(absl::Now()).ok(), "compaction failed");
  result.changes_per_second = static_cast<double>(changes) / SecondsSince(start);
  done = true;
  writer.join();
  return result;
}

int Run() {
  testing::TempDir directory;
  const double limit = MeasureBareSqlite(directory / "bare.db");
  SqliteCatalogOptions options;
  options.path = directory / "catalog.db";
  auto catalog = SqliteCatalog::Open(options);
  Require(catalog.ok(), catalog.status().ToString());
  const WriteResult one = MeasureWrites(**catalog, 1);
  const WriteResult many = MeasureWrites(**catalog, kWriters);
  const double finds = MeasureFindLatest(**catalog);
  const CompactionResult compaction = MeasureCompaction(**catalog);
  std::printf("limit: bare SQLite, a row per commit   %9.0f commits/s\n", limit);
  std::printf("catalog, 1 writer                      %9.0f writes/s  %5.2f x limit  %5.1f writes per fsync\n",
              one.per_second, one.per_second / limit, one.per_fsync);
  std::printf(
      "catalog, %d writers                    %9.0f writes/s  %5.2f x limit  %5.1f writes per fsync (>= %.0f)\n",
      kWriters, many.per_second, many.per_second / limit, many.per_fsync, kWritesPerFsyncMin);
  std::printf("FindLatest, in memory, 1 thread        %9.0f reads/s\n", finds);
  std::printf("compaction                             %9.0f changes/s  %5.1f ms the longest write meanwhile\n",
              compaction.changes_per_second, 1e3 * compaction.longest_write_seconds);
  return many.per_fsync >= kWritesPerFsyncMin ? 0 : 1;
}

}  // namespace
}  // namespace throughline

int main() { return throughline::Run(); }
