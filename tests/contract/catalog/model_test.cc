// Random operations against a plain model in memory. The seed is printed; THROUGHLINE_TEST_SEED repeats a run.
#include <cstdlib>
#include <map>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/contract/catalog/catalog_backend.h"

namespace throughline::testing {
namespace {

constexpr char kCollection[] = "workspaces/w/departments";

struct ModelDocument {
  std::string display_name;
  bool deleted = false;
  int64_t create_revision = 0;
  int64_t revision = 0;
};
using ModelState = std::map<std::string, ModelDocument>;

// Every state that there ever was, and every change.
struct Model {
  std::vector<ModelState> states = {{}};  // by revision
  std::vector<std::string> changes;
  int64_t horizon = 0;

  int64_t latest() const { return static_cast<int64_t>(states.size()) - 1; }
  // What compaction leaves of the state of a revision.
  ModelState VisibleAt(int64_t revision) const {
    ModelState visible;
    for (const auto& [name, document] : states[revision]) {
      if (document.deleted && document.revision < horizon) continue;
      visible[name] = document;
    }
    return visible;
  }
};

unsigned Seed() {
  const char* text = std::getenv("THROUGHLINE_TEST_SEED");
  uint32_t seed = 0;
  if (text != nullptr && absl::SimpleAtoi(text, &seed)) return seed;
  return std::random_device()();
}

class RandomRun {
 public:
  RandomRun(Model& model, unsigned seed) : model_(model), random_(seed) {}

  int Below(int bound) { return static_cast<int>(random_() % bound); }
  std::string Name() { return absl::StrCat(kCollection, "/d", Below(12)); }

  // A transaction of a few operations on catalog and model alike; one in eight fails at its end.
  void Transaction(Catalog& catalog) {
    const bool fails = Below(8) == 0;
    const int operations = 1 + Below(4);
    ModelState state = model_.VisibleAt(model_.latest());
    std::vector<std::string> changes;
    const int64_t revision = model_.latest() + 1;
    const auto result = catalog.Write([&](WriteTransaction& t) -> absl::Status {
      for (int i = 0; i < operations; ++i) Operation(t, revision, state, changes);
      return fails ? absl::AbortedError("as the dice fell") : absl::OkStatus();
    });
    ASSERT_EQ(result.ok(), !fails) << result.status();
    if (fails) return;
    ASSERT_EQ(result->value, changes.empty() ? model_.latest() : revision);
    if (changes.empty()) return;
    model_.states.push_back(state);
    model_.changes.insert(model_.changes.end(), changes.begin(), changes.end());
  }

 private:
  void Operation(WriteTransaction& t, int64_t revision, ModelState& state, std::vector<std::string>& changes) {
    const std::string name = Name();
    auto found = state.find(name);
    const bool exists = found != state.end();
    const bool lives = exists && !found->second.deleted;
    auto log = [&](absl::string_view kind) { changes.push_back(absl::StrCat(revision, " ", kind, " ", name)); };
    switch (Below(8)) {
      case 0:
        EXPECT_EQ(t.Delete(name).ok(), lives);
        if (!lives) return;
        found->second.deleted = true;
        found->second.revision = revision;
        return log("deleted");
      case 1:
        EXPECT_EQ(t.Undelete(name).ok(), exists && !lives);
        if (!exists || lives) return;
        found->second.deleted = false;
        found->second.revision = revision;
        return log("undeleted");
      case 2:
        EXPECT_EQ(t.Purge(name).ok(), exists);
        if (!exists) return;
        state.erase(name);
        return log("purged");
      default:
        break;
    }
    const std::string display_name = absl::StrCat("text ", random_() % 1000);
    EXPECT_OK(t.Put(name, MakeDepartment(display_name)));
    ModelDocument document{display_name, false, exists ? found->second.create_revision : revision, revision};
    log(!exists ? "created" : lives ? "updated" : "undeleted");
    state[name] = document;
  }

  Model& model_;
  std::mt19937 random_;
};

void ExpectSame(const ModelState& expected, const std::vector<Document>& actual, int64_t revision) {
  ASSERT_EQ(actual.size(), expected.size()) << "as of " << revision;
  auto it = expected.begin();
  for (const Document& document : actual) {
    EXPECT_EQ(document.name, it->first) << "as of " << revision;
    ASSERT_OK_AND_ASSIGN(const auto department, document.Parse<v1::Department>());
    EXPECT_EQ(department.display_name(), it->second.display_name) << "as of " << revision;
    EXPECT_EQ(document.deleted(), it->second.deleted) << "as of " << revision;
    EXPECT_EQ(document.revision.value, it->second.revision) << "as of " << revision;
    EXPECT_EQ(document.create_revision.value, it->second.create_revision) << "as of " << revision;
    ++it;
  }
}

void ExpectAsModel(Catalog& catalog, const Model& model) {
  ASSERT_EQ(catalog.LatestRevision().value, model.latest());
  ASSERT_EQ(catalog.CompactionHorizon().value, model.horizon);
  for (int64_t revision = std::max<int64_t>(model.horizon, 1); revision <= model.latest(); ++revision) {
    ASSERT_OK_AND_ASSIGN(auto reader, catalog.Read(Revision{revision}));
    ListOptions options;
    options.collection = kCollection;
    options.limit = 100;
    options.include_deleted = true;
    ASSERT_OK_AND_ASSIGN(const auto documents, reader->List(options));
    ExpectSame(model.VisibleAt(revision), documents, revision);
  }
  const ModelState latest = model.VisibleAt(model.latest());
  for (int i = 0; i < 12; ++i) {
    const std::string name = absl::StrCat(kCollection, "/d", i);
    ASSERT_OK_AND_ASSIGN(const auto found, catalog.FindLatest(name));
    const auto expected = latest.find(name);
    ASSERT_EQ(found.has_value(), expected != latest.end()) << name;
    if (!found.has_value()) continue;
    EXPECT_EQ(found->revision.value, expected->second.revision) << name;
  }
  ASSERT_OK_AND_ASSIGN(const auto changes, catalog.Changes(Revision{model.horizon}, 1000000));
  std::vector<std::string> expected_changes;
  for (const std::string& change : model.changes) {
    int64_t revision = 0;
    ASSERT_TRUE(absl::SimpleAtoi(change.substr(0, change.find(' ')), &revision));
    if (revision > model.horizon) expected_changes.push_back(change);
  }
  std::vector<std::string> actual_changes;
  for (const Change& change : changes) actual_changes.push_back(ChangeText(change));
  EXPECT_EQ(actual_changes, expected_changes);
}

TEST_P(CatalogContractTest, RandomOperations_AgreeWithAPlainModelAtEveryRevision) {
  const unsigned seed = Seed();
  SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
  std::printf("THROUGHLINE_TEST_SEED=%u\n", seed);
  Model model;
  RandomRun run(model, seed);
  for (int step = 0; step < 500 && !HasFailure(); ++step) {
    run.Transaction(*catalog_);
    if (step % 60 == 59) {
      model.horizon = std::max<int64_t>(model.horizon, model.latest() - run.Below(40));
      ASSERT_OK(catalog_->Compact(Revision{model.horizon}));
    }
    if (step % 100 == 99) Reopen();
    if (step % 50 == 49) ExpectAsModel(*catalog_, model);
  }
}

}  // namespace
}  // namespace throughline::testing
