// kill -9 in a loop of writes: nothing acknowledged is lost, nothing half done is found.
#include <signal.h>
#include <sys/poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

constexpr int kRounds = 24;
constexpr int kWriters = 4;
// Revisions that the compacting thread leaves before the latest.
constexpr int64_t kWindow = 150;

// What the child says once Write has returned.
struct Acknowledgement {
  int64_t writer;
  int64_t number;
  int64_t revision;
};

std::string NameOf(int64_t writer) { return absl::StrCat("workspaces/w/departments/writer-", writer); }
std::string TwinOf(int64_t writer) { return absl::StrCat("workspaces/w/departments/twin-", writer); }

int64_t NumberIn(const absl::StatusOr<std::optional<Document>>& found) {
  int64_t number = 0;
  if (!found.ok() || !found->has_value()) return 0;
  const auto department = (*found)->Parse<v1::Department>();
  if (!department.ok() || !absl::SimpleAtoi(department->display_name(), &number)) return -1;
  return number;
}

absl::StatusOr<std::unique_ptr<SqliteCatalog>> OpenCatalog(const std::string& path) {
  SqliteCatalogOptions options;
  options.path = path;
  return SqliteCatalog::Open(options);
}

// Counts up in two documents at once, for ever.
void WriteForEver(Catalog& catalog, int64_t writer, int acknowledgements) {
  int64_t number = NumberIn(catalog.FindLatest(NameOf(writer)));
  for (;;) {
    ++number;
    v1::Department department;
    department.set_display_name(absl::StrCat(number));
    department.set_description(std::string(static_cast<size_t>(number * 37 % 5000), 'x'));
    const auto revision = catalog.Write([&](WriteTransaction& t) {
      absl::Status status = t.Put(NameOf(writer), department);
      return status.ok() ? t.Put(TwinOf(writer), department) : status;
    });
    if (!revision.ok()) ::_exit(3);
    const Acknowledgement acknowledgement{writer, number, revision->value};
    if (::write(acknowledgements, &acknowledgement, sizeof(acknowledgement)) != sizeof(acknowledgement)) ::_exit(4);
  }
}

[[noreturn]] void RunChild(const std::string& path, int acknowledgements) {
  auto catalog = OpenCatalog(path);
  if (!catalog.ok()) ::_exit(2);
  std::vector<std::thread> threads;
  for (int64_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] { WriteForEver(**catalog, writer, acknowledgements); });
  }
  for (;;) {
    const int64_t horizon = (*catalog)->LatestRevision().value - kWindow;
    if (horizon > 0 && !(*catalog)->Compact(Revision{horizon}).ok()) ::_exit(5);
    std::this_thread::yield();
  }
}

// Reads acknowledgements until there are `count`, kills the child and reads what is left in the pipe.
std::vector<Acknowledgement> ReadAndKill(int pipe, pid_t child, int count) {
  std::vector<Acknowledgement> all;
  Acknowledgement one;
  for (;;) {
    pollfd ready{pipe, POLLIN, 0};
    if (::poll(&ready, 1, 20'000) <= 0) break;
    if (::read(pipe, &one, sizeof(one)) != sizeof(one)) break;
    all.push_back(one);
    if (static_cast<int>(all.size()) == count) ::kill(child, SIGKILL);
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself: " << status;
  return all;
}

void CheckAcknowledged(Catalog& catalog, const std::vector<Acknowledgement>& acknowledged) {
  for (const Acknowledgement& one : acknowledged) {
    ASSERT_GE(catalog.LatestRevision().value, one.revision);
    if (one.revision < catalog.CompactionHorizon().value) continue;
    ASSERT_OK_AND_ASSIGN(auto reader, catalog.Read(Revision{one.revision}));
    EXPECT_EQ(NumberIn(reader->Find(NameOf(one.writer))), one.number) << "as of " << one.revision;
    EXPECT_EQ(NumberIn(reader->Find(TwinOf(one.writer))), one.number) << "as of " << one.revision;
  }
}

// Every revision above the horizon is there once, whole, and each writer's numbers follow each other.
void CheckChangeLog(Catalog& catalog) {
  const Revision horizon = catalog.CompactionHorizon();
  ASSERT_OK_AND_ASSIGN(const auto changes, catalog.Changes(horizon, 1'000'000));
  ASSERT_EQ(static_cast<int64_t>(changes.size()), 2 * (catalog.LatestRevision().value - horizon.value));
  for (size_t i = 0; i < changes.size(); i += 2) {
    const Revision revision{horizon.value + 1 + static_cast<int64_t>(i / 2)};
    EXPECT_EQ(changes[i].revision, revision);
    EXPECT_EQ(changes[i + 1].revision, revision);
    EXPECT_EQ(absl::string_view(changes[i].name).substr(absl::string_view(changes[i].name).rfind('-')),
              absl::string_view(changes[i + 1].name).substr(absl::string_view(changes[i + 1].name).rfind('-')));
  }
  for (int64_t writer = 0; writer < kWriters; ++writer) {
    const int64_t number = NumberIn(catalog.FindLatest(NameOf(writer)));
    EXPECT_EQ(NumberIn(catalog.FindLatest(TwinOf(writer))), number);
    ASSERT_OK_AND_ASSIGN(const auto history, catalog.History(NameOf(writer), {}, 1'000'000));
    for (size_t i = 0; i < history.size(); ++i) {
      EXPECT_EQ(NumberIn(std::optional<Document>(history[i])), number - static_cast<int64_t>(i));
    }
  }
}

unsigned Seed() {
  const char* text = std::getenv("THROUGHLINE_TEST_SEED");
  uint32_t seed = 0;
  if (text != nullptr && absl::SimpleAtoi(text, &seed)) return seed;
  return std::random_device()();
}

TEST(CatalogCrashTest, KillAtAnyMoment_LosesNothingThatWasAcknowledged) {
  const unsigned seed = Seed();
  std::printf("THROUGHLINE_TEST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  testing::TempDir directory;
  const std::string path = directory / "catalog.db";
  int64_t acknowledged_count = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round, " of seed ", seed));
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      RunChild(path, pipe[1]);
    }
    ::close(pipe[1]);
    const auto acknowledged = ReadAndKill(pipe[0], child, 1 + static_cast<int>(random() % 200));
    ::close(pipe[0]);
    acknowledged_count += static_cast<int64_t>(acknowledged.size());
    ASSERT_OK_AND_ASSIGN(auto catalog, OpenCatalog(path));
    CheckAcknowledged(*catalog, acknowledged);
    CheckChangeLog(*catalog);
    EXPECT_GE(catalog->LatestRevision().value, acknowledged_count);
  }
  EXPECT_GE(acknowledged_count, kRounds);
}

}  // namespace
}  // namespace throughline
