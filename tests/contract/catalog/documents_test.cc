// Transactions, documents, lists: what one revision looks like.
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "tests/contract/catalog/catalog_backend.h"
#include "throughline/errors.h"
#include "throughline/v1/event.pb.h"
#include "throughline/v1/persona.pb.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "workspaces/w/departments/a";
constexpr char kB[] = "workspaces/w/departments/b";

TEST_P(CatalogContractTest, Write_EachChangingTransaction_GetsTheNextRevision) {
  EXPECT_EQ(catalog_->LatestRevision(), Revision{0});
  EXPECT_EQ(Put(kA, "one"), Revision{1});
  EXPECT_EQ(Put(kA, "two"), Revision{2});
  EXPECT_EQ(Delete(kA), Revision{3});
  EXPECT_EQ(catalog_->LatestRevision(), Revision{3});
}

TEST_P(CatalogContractTest, Write_FunctionThatChangesNothing_ReturnsTheLatestRevision) {
  Put(kA, "one");
  EXPECT_EQ(Commit([](WriteTransaction&) { return absl::OkStatus(); }), Revision{1});
  EXPECT_EQ(Put(kA, "two"), Revision{2});
}

TEST_P(CatalogContractTest, Write_FailingFunction_UndoesItsChangesAndPassesItsStatusOn) {
  Put(kA, "one");
  const auto result = catalog_->Write([](WriteTransaction& t) -> absl::Status {
    EXPECT_OK(t.Put(kA, MakeDepartment("two")));
    EXPECT_OK(t.Put(kB, MakeDepartment("new")));
    return StaleEtag(kA, "1", "2");
  });
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
  EXPECT_EQ(At(kA), "one");
  EXPECT_EQ(Latest(kA), "one");
  EXPECT_EQ(At(kB), "-");
  EXPECT_EQ(Latest(kB), "-");
  EXPECT_EQ(Put(kB, "later"), Revision{2});
  EXPECT_THAT(ChangeTexts(), ElementsAre(absl::StrCat("1 created ", kA), absl::StrCat("2 created ", kB)));
}

TEST_P(CatalogContractTest, Write_ThrowingFunction_UndoesItsChangesAndIsInternal) {
  const auto thrown = catalog_->Write([](WriteTransaction& t) -> absl::Status {
    EXPECT_OK(t.Put(kA, MakeDepartment("one")));
    throw std::runtime_error("boom");
  });
  EXPECT_THAT(thrown, StatusIs(absl::StatusCode::kInternal, HasReason("INTERNAL")));
  const auto odd = catalog_->Write([](WriteTransaction& t) -> absl::Status {
    EXPECT_OK(t.Put(kA, MakeDepartment("one")));
    throw 42;
  });
  EXPECT_THAT(odd, StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(Latest(kA), "-");
  EXPECT_EQ(Put(kA, "two"), Revision{1});
}

TEST_P(CatalogContractTest, Write_InsideAWrite_IsRefusedInsteadOfWaitingForItself) {
  EXPECT_OK(catalog_->Write([&](WriteTransaction& t) -> absl::Status {
    EXPECT_THAT(catalog_->Write([](WriteTransaction&) { return absl::OkStatus(); }),
                StatusIs(absl::StatusCode::kInternal));
    return t.Put(kA, MakeDepartment("one"));
  }));
  EXPECT_EQ(At(kA), "one");
}

TEST_P(CatalogContractTest, WriteTransaction_ReadsItsOwnWrites) {
  Put(kA, "old");
  Commit([](WriteTransaction& t) -> absl::Status {
    EXPECT_EQ(t.revision(), Revision{2});
    EXPECT_EQ(Describe(t.Find(kA)), "old");
    EXPECT_OK(t.Put(kA, MakeDepartment("new")));
    EXPECT_OK(t.Put(kB, MakeDepartment("b")));
    EXPECT_EQ(Describe(t.Find(kA)), "new");
    ListOptions options;
    options.collection = "workspaces/w/departments";
    options.limit = 10;
    EXPECT_THAT(Names(t.List(options)), ElementsAre(kA, kB));
    EXPECT_OK(t.Delete(kA));
    EXPECT_EQ(Describe(t.Find(kA)), "(new)");
    EXPECT_THAT(Names(t.ListByType("throughline.v1.Department", "")), ElementsAre(kB));
    EXPECT_OK(t.Purge(kB));
    EXPECT_EQ(Describe(t.Find(kB)), "-");
    return absl::OkStatus();
  });
  EXPECT_EQ(At(kA), "(new)");
  EXPECT_EQ(At(kB), "-");
}

TEST_P(CatalogContractTest, Document_CarriesItsRevisionsTimesAndType) {
  const absl::Time created = clock_.Now();
  Put(kB, "other");
  Put(kA, "one");
  clock_.Advance(absl::Hours(1));
  Put(kA, "two");
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, kA);
  EXPECT_EQ(found->type, "throughline.v1.Department");
  EXPECT_EQ(found->create_revision, Revision{2});
  EXPECT_EQ(found->revision, Revision{3});
  EXPECT_EQ(found->create_time, created);
  EXPECT_EQ(found->update_time, created + absl::Hours(1));
  EXPECT_FALSE(found->deleted());
  EXPECT_THAT(found->Parse<v1::Persona>(), StatusIs(absl::StatusCode::kInternal));
}

TEST_P(CatalogContractTest, Write_ClockThatRunsBackwards_NeverMakesALaterRevisionOlder) {
  const absl::Time start = clock_.Now();
  Put(kA, "one");
  clock_.Advance(-absl::Hours(5));
  Put(kA, "two");
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  EXPECT_EQ(found->update_time, start);
  Reopen();
  Put(kA, "three");
  ASSERT_OK_AND_ASSIGN(found, catalog_->FindLatest(kA));
  EXPECT_EQ(found->update_time, start);
}

TEST_P(CatalogContractTest, Delete_KeepsTheDocumentReadableWithItsTimeOfDeletion) {
  Put(kA, "one");
  clock_.Advance(absl::Minutes(1));
  Delete(kA);
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->delete_time, clock_.Now());
  EXPECT_EQ(found->revision, Revision{2});
  EXPECT_EQ(found->create_revision, Revision{1});
  EXPECT_EQ(At(kA), "(one)");
  EXPECT_EQ(At(kA, Revision{1}), "one");
}

TEST_P(CatalogContractTest, DeleteUndeletePurge_OfWhatIsNotInThatState_IsRefused) {
  auto write = [&](auto function) { return catalog_->Write(function).status(); };
  auto erase = [](WriteTransaction& t) { return t.Delete(kA); };
  auto undelete = [](WriteTransaction& t) { return t.Undelete(kA); };
  auto purge = [](WriteTransaction& t) { return t.Purge(kA); };
  EXPECT_THAT(write(erase), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  EXPECT_THAT(write(undelete), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(write(purge), StatusIs(absl::StatusCode::kNotFound));
  Put(kA, "one");
  EXPECT_THAT(write(undelete), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_NOT_DELETED")));
  EXPECT_OK(write(erase));
  EXPECT_THAT(write(erase), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(write(undelete));
  EXPECT_EQ(At(kA), "one");
  EXPECT_OK(write(purge));
  EXPECT_THAT(write(undelete), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(write(purge), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(CatalogContractTest, Put_OfADeletedDocument_BringsItBackWithItsTimeOfCreation) {
  Put(kA, "one");
  Delete(kA);
  Put(kA, "two");
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  EXPECT_FALSE(found->deleted());
  EXPECT_EQ(found->create_revision, Revision{1});
  EXPECT_EQ(Latest(kA), "two");
}

TEST_P(CatalogContractTest, Purge_FreesTheNameAndLeavesTheHistory) {
  Put(kA, "one");
  Purge(kA);
  EXPECT_EQ(At(kA), "-");
  EXPECT_EQ(Latest(kA), "-");
  EXPECT_THAT(ListNames("workspaces/w/departments", {}, true), IsEmpty());
  EXPECT_EQ(At(kA, Revision{1}), "one");
  v1::Persona persona;
  persona.set_display_name("another type under the same name");
  Commit([&](WriteTransaction& t) { return t.Put(kA, persona); });
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  EXPECT_EQ(found->create_revision, Revision{3});
  EXPECT_EQ(found->type, "throughline.v1.Persona");
  ASSERT_OK_AND_ASSIGN(auto reader, catalog_->Read());
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Persona", "")), ElementsAre(kA));
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Department", "")), IsEmpty());
  ASSERT_OK_AND_ASSIGN(auto before, catalog_->Read(Revision{1}));
  EXPECT_THAT(Names(before->ListByType("throughline.v1.Department", "")), ElementsAre(kA));
}

TEST_P(CatalogContractTest, Put_BytesOfAnyKind_ComeBackAsTheyWere) {
  v1::Department department;
  department.set_display_name(std::string("a\0b\n\xC3\xA4", 6));
  Put(kA, "");  // an empty payload is not an absent one
  Put(kB, "b");
  EXPECT_EQ(Latest(kA), "");
  Reopen();
  EXPECT_EQ(Latest(kA), "");
  Commit([&](WriteTransaction& t) { return t.Put(kA, department); });
  Reopen();
  ASSERT_OK_AND_ASSIGN(auto found, catalog_->FindLatest(kA));
  EXPECT_THAT(found->Parse<v1::Department>(), IsOkAndHolds(EqualsProto(department)));
}

TEST_P(CatalogContractTest, Put_OverALimit_IsRefusedAndNamesIt) {
  const std::string large(limits::kCatalogPayloadBytesMax, 'x');
  EXPECT_THAT(catalog_->Write([&](WriteTransaction& t) { return t.Put(kA, MakeDepartment(large)); }),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
  EXPECT_THAT(catalog_->Write([&](WriteTransaction& t) { return t.Put("", MakeDepartment("x")); }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(catalog_->Write([&](WriteTransaction& t) {
    return t.Put(std::string(limits::kResourceNameLengthMax + 1, 'n'), MakeDepartment("x"));
  }),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
  EXPECT_EQ(catalog_->LatestRevision(), Revision{0});
}

TEST_P(CatalogContractTest, Put_OfEqualMessages_StoresEqualBytes) {
  // Properties are a map, whose entries protobuf writes in an order of its own.
  v1::CustomerEvent forwards;
  v1::CustomerEvent backwards;
  for (int i = 0; i < 40; ++i) (*forwards.mutable_properties())[absl::StrCat("k", i)].set_number_value(i);
  for (int i = 39; i >= 0; --i) (*backwards.mutable_properties())[absl::StrCat("k", i)].set_number_value(i);
  Commit([&](WriteTransaction& t) { return t.Put(kA, forwards); });
  Commit([&](WriteTransaction& t) { return t.Put(kB, backwards); });
  ASSERT_OK_AND_ASSIGN(auto a, catalog_->FindLatest(kA));
  ASSERT_OK_AND_ASSIGN(auto b, catalog_->FindLatest(kB));
  EXPECT_EQ(a->payload, b->payload);
}

TEST_P(CatalogContractTest, List_GivesDirectMembersInTheByteOrderOfTheirNames) {
  for (const char* name : {"workspaces/w/departments/b", "workspaces/w/departments/a-1", "workspaces/w/departments/a",
                           "workspaces/w/departments/B", "workspaces/w/departments/a/notes/n", "workspaces/w",
                           "workspaces/w2/departments/a", "workspaces/w/departmentsX/a"}) {
    Put(name, "x");
  }
  EXPECT_THAT(ListNames("workspaces/w/departments"),
              ElementsAre("workspaces/w/departments/B", "workspaces/w/departments/a", "workspaces/w/departments/a-1",
                          "workspaces/w/departments/b"));
  EXPECT_THAT(ListNames("workspaces"), ElementsAre("workspaces/w"));
  EXPECT_THAT(ListNames("workspaces/none/departments"), IsEmpty());
}

TEST_P(CatalogContractTest, List_PagesByAfterNameAndLimit) {
  for (int i = 0; i < 7; ++i) Put(absl::StrCat("workspaces/w/departments/d", i), "x");
  Delete("workspaces/w/departments/d3");
  ASSERT_OK_AND_ASSIGN(auto reader, catalog_->Read());
  ListOptions options;
  options.collection = "workspaces/w/departments";
  options.limit = 2;
  std::vector<std::string> all;
  int pages = 0;
  for (;; ++pages) {
    const std::vector<std::string> page = Names(reader->List(options));
    if (page.empty()) break;
    EXPECT_LE(page.size(), 2u);
    all.insert(all.end(), page.begin(), page.end());
    options.after_name = page.back();
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(all, ListNames("workspaces/w/departments"));
  EXPECT_EQ(all.size(), 6u);
  EXPECT_EQ(ListNames("workspaces/w/departments", {}, true).size(), 7u);
  options.limit = 0;
  EXPECT_THAT(reader->List(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(CatalogContractTest, ListByType_GivesLivingDocumentsOfTheTypeBelowThePrefix) {
  Put("workspaces/a/departments/x", "x");
  Put("workspaces/b/departments/y", "y");
  Put("workspaces/b/departments/z", "z");
  Put("workspaces/c/departments/v", "v");
  v1::Persona persona;
  Commit([&](WriteTransaction& t) { return t.Put("workspaces/b/personas/p", persona); });
  Delete("workspaces/b/departments/y");
  ASSERT_OK_AND_ASSIGN(auto reader, catalog_->Read());
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Department", "workspaces/b/")),
              ElementsAre("workspaces/b/departments/z"));
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Department", "")),
              ElementsAre("workspaces/a/departments/x", "workspaces/b/departments/z", "workspaces/c/departments/v"));
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Persona", "workspaces/")),
              ElementsAre("workspaces/b/personas/p"));
  EXPECT_THAT(Names(reader->ListByType("throughline.v1.Nothing", "")), IsEmpty());
}

TEST_P(CatalogContractTest, AddCommitObserver_IsCalledWithEachRevisionBeforeWriteReturns) {
  Revision seen;
  std::string latest;
  catalog_->AddCommitObserver([&](Revision revision) {
    seen = revision;
    latest = Latest(kA);
  });
  Put(kA, "one");
  EXPECT_EQ(seen, Revision{1});
  EXPECT_EQ(latest, "one");
  Put(kA, "two");
  EXPECT_EQ(seen, Revision{2});
  EXPECT_EQ(latest, "two");
  EXPECT_FALSE(catalog_->Write([](WriteTransaction& t) { return t.Delete(kB); }).ok());
  EXPECT_EQ(seen, Revision{2});
}

}  // namespace
}  // namespace throughline::testing
