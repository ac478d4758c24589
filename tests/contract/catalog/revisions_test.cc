// The past: reads as of a revision, history, change log, compaction, reopening.
#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "tests/contract/catalog/catalog_backend.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "workspaces/w/departments/a";
constexpr char kB[] = "workspaces/w/departments/b";
constexpr char kC[] = "workspaces/w/departments/c";
constexpr char kCollection[] = "workspaces/w/departments";

std::vector<int64_t> RevisionsOf(const absl::StatusOr<std::vector<Document>>& documents) {
  EXPECT_TRUE(documents.ok()) << documents.status();
  std::vector<int64_t> revisions;
  if (documents.ok()) {
    for (const Document& document : *documents) revisions.push_back(document.revision.value);
  }
  return revisions;
}

TEST_P(CatalogContractTest, Read_AsOfEachRevision_SeesThatRevisionWhole) {
  Put(kA, "a1");                    // 1
  Commit([](WriteTransaction& t) {  // 2
    return t.Put(kA, MakeDepartment("a2")).ok() ? t.Put(kB, MakeDepartment("b2")) : absl::InternalError("");
  });
  Delete(kA);     // 3
  Put(kA, "a4");  // 4
  Purge(kB);      // 5
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(At(kA, Revision{1}), "a1");
    EXPECT_EQ(At(kB, Revision{1}), "-");
    EXPECT_EQ(At(kA, Revision{2}), "a2");
    EXPECT_EQ(At(kB, Revision{2}), "b2");
    EXPECT_EQ(At(kA, Revision{3}), "(a2)");
    EXPECT_EQ(At(kA, Revision{4}), "a4");
    EXPECT_EQ(At(kB, Revision{4}), "b2");
    EXPECT_EQ(At(kB, Revision{5}), "-");
    EXPECT_THAT(ListNames(kCollection, Revision{1}), ElementsAre(kA));
    EXPECT_THAT(ListNames(kCollection, Revision{2}), ElementsAre(kA, kB));
    EXPECT_THAT(ListNames(kCollection, Revision{3}), ElementsAre(kB));
    EXPECT_THAT(ListNames(kCollection, Revision{3}, true), ElementsAre(kA, kB));
    EXPECT_THAT(ListNames(kCollection, Revision{5}), ElementsAre(kA));
    Reopen();
  }
}

TEST_P(CatalogContractTest, Read_StaysAtItsRevisionWhileOthersWrite) {
  Put(kA, "one");
  ASSERT_OK_AND_ASSIGN(auto reader, catalog_->Read());
  EXPECT_EQ(reader->revision(), Revision{1});
  Put(kA, "two");
  Put(kB, "new");
  EXPECT_EQ(Describe(reader->Find(kA)), "one");
  EXPECT_EQ(Describe(reader->Find(kB)), "-");
  // Even when what it sees is compacted meanwhile.
  ASSERT_OK(catalog_->Compact(Revision{3}));
  EXPECT_EQ(Describe(reader->Find(kA)), "one");
}

TEST_P(CatalogContractTest, Read_OfARevisionThatDoesNotExistYet_IsOutOfRange) {
  Put(kA, "one");
  EXPECT_THAT(catalog_->Read(Revision{2}), StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_IN_FUTURE")));
  EXPECT_THAT(catalog_->Changes(Revision{2}, 10),
              StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_IN_FUTURE")));
  EXPECT_THAT(catalog_->Compact(Revision{2}), StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_IN_FUTURE")));
}

TEST_P(CatalogContractTest, Read_OfAnEmptyCatalog_IsEmpty) {
  EXPECT_EQ(At(kA), "-");
  EXPECT_THAT(ListNames(kCollection), IsEmpty());
  EXPECT_THAT(ChangeTexts(), IsEmpty());
  EXPECT_THAT(catalog_->History(kA, {}, 10), IsOkAndHolds(IsEmpty()));
}

TEST_P(CatalogContractTest, History_GivesRevisionsNewestFirstInPages) {
  for (int i = 1; i <= 5; ++i) Put(kA, absl::StrCat("a", i));
  Put(kB, "b");
  Delete(kA);
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, {}, 100)), ElementsAre(7, 5, 4, 3, 2, 1));
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, {}, 2)), ElementsAre(7, 5));
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, Revision{5}, 2)), ElementsAre(4, 3));
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, Revision{1}, 2)), IsEmpty());
  EXPECT_THAT(RevisionsOf(catalog_->History("workspaces/w/departments/none", {}, 2)), IsEmpty());
  EXPECT_THAT(catalog_->History(kA, {}, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(auto history, catalog_->History(kA, {}, 2));
  EXPECT_TRUE(history[0].deleted());
  EXPECT_FALSE(history[1].deleted());
}

TEST_P(CatalogContractTest, Changes_GiveEveryChangeInOrder) {
  Put(kA, "1");
  Put(kA, "2");
  Delete(kA);
  Commit([](WriteTransaction& t) { return t.Undelete(kA); });
  Delete(kA);
  Put(kA, "6");
  Purge(kA);
  Put(kA, "8");
  const std::string a = kA;
  EXPECT_THAT(ChangeTexts(), ElementsAre("1 created " + a, "2 updated " + a, "3 deleted " + a, "4 undeleted " + a,
                                         "5 deleted " + a, "6 undeleted " + a, "7 purged " + a, "8 created " + a));
  EXPECT_THAT(ChangeTexts(Revision{6}), ElementsAre("7 purged " + a, "8 created " + a));
  EXPECT_THAT(ChangeTexts(Revision{8}), IsEmpty());
}

TEST_P(CatalogContractTest, Changes_NeverCutATransactionInTwo) {
  for (int transaction = 0; transaction < 4; ++transaction) {
    Commit([&](WriteTransaction& t) -> absl::Status {
      for (int i = 0; i < 3; ++i) {
        EXPECT_OK(t.Put(absl::StrCat(kCollection, "/", transaction, "-", i), MakeDepartment("x")));
      }
      return absl::OkStatus();
    });
  }
  for (int limit = 1; limit <= 12; ++limit) {
    ASSERT_OK_AND_ASSIGN(auto changes, catalog_->Changes({}, limit));
    EXPECT_EQ(changes.size(), static_cast<size_t>((limit + 2) / 3 * 3)) << limit;
    for (size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(changes[i].revision.value, static_cast<int64_t>(i / 3 + 1));
  }
  EXPECT_THAT(catalog_->Changes({}, 0), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(CatalogContractTest, Compact_KeepsWhatIsVisibleAtTheHorizonAndLater) {
  Put(kA, "a1");  // 1
  Put(kB, "b2");  // 2
  Put(kA, "a3");  // 3
  Put(kC, "c4");  // 4
  Put(kA, "a5");  // 5
  Delete(kC);     // 6
  ASSERT_OK(catalog_->Compact(Revision{4}));
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(catalog_->CompactionHorizon(), Revision{4});
    EXPECT_EQ(At(kA, Revision{4}), "a3");
    EXPECT_EQ(At(kB, Revision{4}), "b2");
    EXPECT_EQ(At(kC, Revision{4}), "c4");
    EXPECT_EQ(At(kA, Revision{5}), "a5");
    EXPECT_EQ(At(kC), "(c4)");
    EXPECT_THAT(ListNames(kCollection, Revision{4}), ElementsAre(kA, kB, kC));
    EXPECT_THAT(RevisionsOf(catalog_->History(kA, {}, 10)), ElementsAre(5, 3));
    EXPECT_THAT(ChangeTexts(Revision{4}), ElementsAre(absl::StrCat("5 updated ", kA), absl::StrCat("6 deleted ", kC)));
    EXPECT_THAT(catalog_->Read(Revision{3}), StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_COMPACTED")));
    EXPECT_THAT(catalog_->Changes(Revision{3}, 10),
                StatusIs(absl::StatusCode::kOutOfRange, HasReason("REVISION_COMPACTED")));
    Reopen();
  }
}

TEST_P(CatalogContractTest, Compact_RemovesDocumentsDeletedBeforeTheHorizonOnly) {
  Put(kA, "a");  // 1
  Put(kB, "b");  // 2
  Put(kC, "c");  // 3
  Delete(kA);    // 4
  Delete(kB);    // 5
  Purge(kC);     // 6
  EXPECT_EQ(Latest(kA), "(a)");
  ASSERT_OK(catalog_->Compact(Revision{5}));
  EXPECT_EQ(Latest(kA), "-");
  EXPECT_EQ(At(kA), "-");
  EXPECT_THAT(catalog_->History(kA, {}, 10), IsOkAndHolds(IsEmpty()));
  EXPECT_EQ(Latest(kB), "(b)");
  EXPECT_EQ(At(kC, Revision{5}), "c");
  ASSERT_OK(catalog_->Compact(Revision{6}));
  EXPECT_EQ(Latest(kB), "-");
  EXPECT_THAT(ListNames(kCollection, {}, true), IsEmpty());
  // The name is free.
  EXPECT_THAT(catalog_->Write([](WriteTransaction& t) { return t.Undelete(kB); }),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Put(kB, "again"), Revision{7});
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kB));
  EXPECT_EQ(found->create_revision, Revision{7});
}

TEST_P(CatalogContractTest, Compact_AtTheLatestRevision_LeavesTheCatalogUsable) {
  Put(kA, "one");
  Put(kA, "two");
  ASSERT_OK(catalog_->Compact(Revision{2}));
  EXPECT_THAT(ChangeTexts(Revision{2}), IsEmpty());
  Reopen();
  EXPECT_EQ(catalog_->LatestRevision(), Revision{2});
  EXPECT_EQ(Put(kA, "three"), Revision{3});
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, {}, 10)), ElementsAre(3, 2));
}

TEST_P(CatalogContractTest, Compact_NeverMovesTheHorizonBack) {
  for (int i = 0; i < 5; ++i) Put(kA, "x");
  ASSERT_OK(catalog_->Compact(Revision{4}));
  ASSERT_OK(catalog_->Compact(Revision{2}));
  EXPECT_EQ(catalog_->CompactionHorizon(), Revision{4});
}

TEST_P(CatalogContractTest, Compact_OfManyChanges_LeavesOneRevisionPerDocument) {
  for (int i = 0; i < 40; ++i) {
    Commit([&](WriteTransaction& t) -> absl::Status {
      for (int d = 0; d < 40; ++d) {
        absl::Status status = t.Put(absl::StrCat(kCollection, "/d", d), MakeDepartment(absl::StrCat(i)));
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }
  ASSERT_OK(catalog_->Compact(catalog_->LatestRevision()));
  EXPECT_EQ(ListNames(kCollection).size(), 40u);
  for (int d = 0; d < 40; ++d) {
    EXPECT_THAT(RevisionsOf(catalog_->History(absl::StrCat(kCollection, "/d", d), {}, 10)), ElementsAre(40));
  }
}

TEST_P(CatalogContractTest, CompactOlderThan_KeepsTheStateOfThatTime) {
  const absl::Time start = clock_.Now();
  for (int i = 0; i < 4; ++i) {
    Put(kA, absl::StrCat("hour ", i));  // revision i + 1 at hour i
    clock_.Advance(absl::Hours(1));
  }
  ASSERT_OK(catalog_->CompactOlderThan(start - absl::Hours(1)));
  EXPECT_EQ(catalog_->CompactionHorizon(), Revision{0});
  ASSERT_OK(catalog_->CompactOlderThan(start + absl::Minutes(150)));
  EXPECT_EQ(catalog_->CompactionHorizon(), Revision{3});
  EXPECT_EQ(At(kA, Revision{3}), "hour 2");
  ASSERT_OK(catalog_->CompactOlderThan(start + absl::Hours(100)));
  EXPECT_EQ(catalog_->CompactionHorizon(), Revision{4});
  EXPECT_EQ(At(kA), "hour 3");
}

TEST_P(CatalogContractTest, CompactOlderThan_ToldToStop_IsFinishedByTheNext) {
  for (int i = 0; i < 3 * limits::kCatalogCompactionBatch; ++i) Put(kA, absl::StrCat(i));
  int steps = 0;
  EXPECT_THAT(catalog_->CompactOlderThan(clock_.Now(), [&] { return ++steps < 3; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(catalog_->CompactionHorizon(), catalog_->LatestRevision());
  ASSERT_OK(catalog_->CompactOlderThan(clock_.Now()));
  EXPECT_THAT(RevisionsOf(catalog_->History(kA, {}, 10)), ElementsAre(catalog_->LatestRevision().value));
}

TEST_P(CatalogContractTest, Reopen_FindsEverythingAndGoesOnCounting) {
  Put(kA, "one");
  Put(kB, "two");
  Delete(kA);
  const auto changes = ChangeTexts();
  Reopen();
  EXPECT_EQ(catalog_->LatestRevision(), Revision{3});
  EXPECT_EQ(Latest(kA), "(one)");
  EXPECT_EQ(Latest(kB), "two");
  EXPECT_EQ(ChangeTexts(), changes);
  EXPECT_EQ(Put(kB, "three"), Revision{4});
}

}  // namespace
}  // namespace throughline::testing
