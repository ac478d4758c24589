// The thread that keeps history to a window, on every engine.
#include "services/catalog/history_window.h"

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/contract/catalog/catalog_backend.h"

namespace throughline::testing {
namespace {

constexpr char kA[] = "workspaces/w/departments/a";
constexpr char kB[] = "workspaces/w/departments/b";

bool HorizonReaches(const Catalog& catalog, Revision revision) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (catalog.CompactionHorizon() < revision && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return catalog.CompactionHorizon() == revision;
}

TEST_P(CatalogContractTest, HistoryWindow_KeepsWhatTheWindowNeeds) {
  for (int day = 0; day < 5; ++day) {
    Put(kA, absl::StrCat("day ", day));  // revision day + 1
    clock_.Advance(absl::Hours(24));
  }
  const HistoryWindow window(*catalog_, clock_, absl::Hours(60));
  // Sixty hours before the end of day 4 the third day was under way.
  ASSERT_TRUE(HorizonReaches(*catalog_, Revision{3}));
  EXPECT_EQ(At(kA, Revision{3}), "day 2");
  EXPECT_EQ(At(kA), "day 4");
  EXPECT_THAT(catalog_->Read(Revision{2}), StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_COMPACTED")));
}

TEST_P(CatalogContractTest, HistoryWindow_NothingOldEnough_RemovesNothing) {
  Put(kA, "one");
  Delete(kA);
  {
    const HistoryWindow window(*catalog_, clock_, absl::Hours(1));
    Put(kB, "two");
  }
  EXPECT_EQ(catalog_->CompactionHorizon(), Revision{0});
  EXPECT_EQ(At(kA, Revision{1}), "one");
}

TEST_P(CatalogContractTest, HistoryWindow_Destruction_DoesNotWaitForTheRest) {
  for (int i = 0; i < 2000; ++i) Put(kA, absl::StrCat(i));
  clock_.Advance(absl::Hours(2));
  { const HistoryWindow window(*catalog_, clock_, absl::Hours(1)); }
  // Wherever it was stopped, what can be read is whole, and the next one finishes.
  EXPECT_EQ(At(kA), "1999");
  const HistoryWindow window(*catalog_, clock_, absl::Hours(1));
  EXPECT_TRUE(HorizonReaches(*catalog_, catalog_->LatestRevision()));
}

}  // namespace
}  // namespace throughline::testing
