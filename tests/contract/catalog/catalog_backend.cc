#include "tests/contract/catalog/catalog_backend.h"

#include "absl/strings/str_cat.h"

namespace throughline::testing {
namespace {

absl::string_view KindText(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kCreated:
      return "created";
    case Change::Kind::kUpdated:
      return "updated";
    case Change::Kind::kDeleted:
      return "deleted";
    case Change::Kind::kUndeleted:
      return "undeleted";
    case Change::Kind::kPurged:
      return "purged";
  }
  return "unknown";
}

}  // namespace

std::string ChangeText(const Change& change) {
  return absl::StrCat(change.revision.value, " ", KindText(change.kind), " ", change.name);
}

std::vector<std::string> CatalogContractTest::ChangeTexts(Revision after, int limit) {
  auto changes = catalog_->Changes(after, limit);
  EXPECT_TRUE(changes.ok()) << changes.status();
  std::vector<std::string> texts;
  if (!changes.ok()) return texts;
  for (const Change& change : *changes) {
    EXPECT_EQ(change.type, "throughline.v1.Department");
    texts.push_back(ChangeText(change));
  }
  return texts;
}

}  // namespace throughline::testing
