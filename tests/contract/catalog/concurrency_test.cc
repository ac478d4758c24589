// Many threads at once: order, isolation, and who waits for whom.
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/contract/catalog/catalog_backend.h"
#include "throughline/errors.h"

namespace throughline::testing {
namespace {

constexpr char kCounter[] = "workspaces/w/departments/counter";

// The number that a document holds as its display name; 0 when it is absent.
int64_t NumberIn(const absl::StatusOr<std::optional<Document>>& found) {
  int64_t number = 0;
  if (!found.ok() || !found->has_value()) return 0;
  const auto department = (*found)->Parse<v1::Department>();
  if (!department.ok() || !absl::SimpleAtoi(department->display_name(), &number)) return -1;
  return number;
}

absl::Status PutNumber(WriteTransaction& t, absl::string_view name, int64_t number) {
  return t.Put(name, MakeDepartment(absl::StrCat(number)));
}

TEST_P(CatalogContractTest, Write_ByManyThreads_IsSerialAndNumbersWithoutGaps) {
  constexpr int kThreads = 16;
  constexpr int kWrites = 25;
  std::vector<std::vector<int64_t>> revisions(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kWrites; ++i) {
        const auto revision =
            catalog_->Write([](WriteTransaction& t) { return PutNumber(t, kCounter, NumberIn(t.Find(kCounter)) + 1); });
        if (revision.ok()) revisions[thread].push_back(revision->value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(NumberIn(catalog_->FindLatest(kCounter)), kThreads * kWrites);
  std::set<int64_t> all;
  for (const auto& mine : revisions) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  ASSERT_EQ(all.size(), static_cast<size_t>(kThreads * kWrites));
  EXPECT_EQ(*all.begin(), 1);
  EXPECT_EQ(*all.rbegin(), kThreads * kWrites);
  // The number that a revision wrote is its own: the order of the revisions is the order in which they saw each other.
  for (int64_t revision : {int64_t{1}, int64_t{200}, int64_t{399}}) {
    ASSERT_OK_AND_ASSIGN(auto reader, catalog_->Read(Revision{revision}));
    EXPECT_EQ(NumberIn(reader->Find(kCounter)), revision);
  }
}

TEST_P(CatalogContractTest, Write_ThatFailsAmongOthers_UndoesItselfAloneAndTakesNoRevision) {
  constexpr int kThreads = 12;
  constexpr int kWrites = 20;
  std::atomic<int> succeeded{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string own = absl::StrCat("workspaces/w/departments/t", thread);
      for (int i = 1; i <= kWrites; ++i) {
        const bool fails = (thread + i) % 3 == 0;
        const auto result = catalog_->Write([&](WriteTransaction& t) -> absl::Status {
          if (absl::Status status = PutNumber(t, own, i); !status.ok()) return status;
          return fails ? StaleEtag(own, "1", "2") : absl::OkStatus();
        });
        EXPECT_EQ(result.ok(), !fails);
        if (!fails) {
          ++succeeded;
          EXPECT_EQ(NumberIn(catalog_->FindLatest(own)), i);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(catalog_->LatestRevision(), Revision{succeeded.load()});
  ASSERT_OK_AND_ASSIGN(const auto changes, catalog_->Changes({}, 100000));
  ASSERT_EQ(changes.size(), static_cast<size_t>(succeeded.load()));
  for (size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(changes[i].revision.value, static_cast<int64_t>(i + 1));
}

TEST_P(CatalogContractTest, Read_WhileOthersWrite_NeverSeesHalfATransaction) {
  const std::string left = "workspaces/w/departments/left";
  const std::string right = "workspaces/w/departments/right";
  Commit([&](WriteTransaction& t) {
    return PutNumber(t, left, 1000).ok() ? PutNumber(t, right, 0) : absl::InternalError("");
  });
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Revision last;
      while (!done) {
        auto reader = catalog_->Read();
        ASSERT_OK(reader);
        EXPECT_GE((*reader)->revision(), last);
        last = (*reader)->revision();
        const int64_t a = NumberIn((*reader)->Find(left));
        std::this_thread::yield();
        EXPECT_EQ(a + NumberIn((*reader)->Find(right)), 1000);
        ++reads;
      }
    });
  }
  for (int i = 0; i < 150 || reads < 30; ++i) {
    Commit([&](WriteTransaction& t) -> absl::Status {
      const int64_t a = NumberIn(t.Find(left));
      if (absl::Status status = PutNumber(t, left, a - 1); !status.ok()) return status;
      return PutNumber(t, right, NumberIn(t.Find(right)) + 1);
    });
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_P(CatalogContractTest, FindLatest_WhileOthersWrite_NeverLagsBehindTheLatestRevision) {
  Put(kCounter, "1");
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const Revision latest = catalog_->LatestRevision();
        const auto found = catalog_->FindLatest(kCounter);
        ASSERT_OK(found);
        // Every revision writes this document.
        EXPECT_GE((*found)->revision, latest);
        EXPECT_EQ(NumberIn(found), (*found)->revision.value);
        ++reads;
      }
    });
  }
  for (int i = 2; i <= 150 || reads < 300; ++i) {
    const Revision revision = Put(kCounter, absl::StrCat(i));
    EXPECT_EQ((*catalog_->FindLatest(kCounter))->revision, revision);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_P(CatalogContractTest, Readers_DoNotWaitForTheWriter_NorItForThem) {
  Put(kCounter, "1");
  ASSERT_OK_AND_ASSIGN(auto open_reader, catalog_->Read());
  std::promise<void> inside;
  std::promise<void> leave;
  std::thread writer([&] {
    Commit([&](WriteTransaction& t) {
      absl::Status status = PutNumber(t, kCounter, 2);
      inside.set_value();
      leave.get_future().wait();
      return status;
    });
  });
  inside.get_future().wait();
  // The writer stands in the middle of its transaction until these are through.
  EXPECT_EQ(At(kCounter), "1");
  EXPECT_EQ(Latest(kCounter), "1");
  EXPECT_EQ(Latest("workspaces/w/departments/other"), "-");
  EXPECT_EQ(ListNames("workspaces/w/departments").size(), 1u);
  EXPECT_EQ(catalog_->LatestRevision(), Revision{1});
  EXPECT_EQ(ChangeTexts().size(), 1u);
  leave.set_value();
  writer.join();
  EXPECT_EQ(Latest(kCounter), "2");
  EXPECT_EQ(Latest("workspaces/w/departments/other"), "-");
  EXPECT_EQ(Describe(open_reader->Find(kCounter)), "1");
}

TEST_P(CatalogContractTest, Compact_WhileOthersReadAndWrite_DisturbsNobody) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const std::string own = absl::StrCat("workspaces/w/departments/t", i);
      for (int n = 1; !done; ++n) {
        ASSERT_OK(catalog_->Write([&](WriteTransaction& t) { return PutNumber(t, own, n); }));
        EXPECT_EQ(NumberIn(catalog_->FindLatest(own)), n);
        auto reader = catalog_->Read();
        ASSERT_OK(reader);
        EXPECT_EQ(NumberIn((*reader)->Find(own)), n);
      }
    });
  }
  for (int i = 0; i < 25; ++i) ASSERT_OK(catalog_->Compact(catalog_->LatestRevision()));
  done = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace throughline::testing
