// The house rules that can be read off the include lines: docs/architecture.md lists the folders in order, and a folder
// includes only what stands above it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"

namespace throughline {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& FoldersInOrder() {
  static const auto* const folders =
      new std::vector<std::string>{"base",     "catalog", "events",        "coordination", "watch",   "journey",
                                   "customer", "metrics", "collaboration", "api",          "gateway", "main"};
  return *folders;
}

struct Include {
  std::string file;  // "services/journey/diff.cc"
  std::string target;
};

std::vector<Include> Includes(absl::string_view below) {
  std::vector<Include> includes;
  const fs::path root = testing::ProjectRoot();
  for (const auto& entry : fs::recursive_directory_iterator(root / std::string(below))) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc") continue;
    if (entry.path().string().find("node_modules") != std::string::npos) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!absl::StartsWith(line, "#include")) continue;
      const size_t open = line.find_first_of("<\"");
      const size_t close = line.find_last_of(">\"");
      if (open == std::string::npos || close <= open) continue;
      includes.push_back({fs::relative(entry.path(), root).string(), line.substr(open + 1, close - open - 1)});
    }
  }
  return includes;
}

// Place of "services/<folder>/…" in the order; -1 if it is no such path.
int Place(absl::string_view path) {
  if (!absl::StartsWith(path, "services/")) return -1;
  path.remove_prefix(9);
  const std::string folder(path.substr(0, path.find('/')));
  const auto& folders = FoldersInOrder();
  const auto found = std::find(folders.begin(), folders.end(), folder);
  return found == folders.end() ? -1 : static_cast<int>(found - folders.begin());
}

TEST(Architecture, EveryFolder_DependsOnlyOnFoldersAboveIt) {
  const std::vector<Include> includes = Includes("services");
  ASSERT_GT(includes.size(), 100u);
  for (const Include& include : includes) {
    const int from = Place(include.file);
    const int to = Place(include.target);
    EXPECT_GE(from, 0) << include.file << ": the folder is not in docs/architecture.md";
    EXPECT_LE(to, from) << include.file << " includes " << include.target;
  }
}

TEST(Architecture, DomainFolders_IncludeNoGrpcHeader) {
  for (const Include& include : Includes("services")) {
    if (Place(include.file) >= Place("services/api/")) continue;
    EXPECT_FALSE(absl::StartsWith(include.target, "grpc") || absl::StrContains(include.target, ".grpc.pb.h"))
        << include.file << " includes " << include.target;
  }
}

TEST(Architecture, PublicHeaders_IncludeNothingOfServices) {
  for (const Include& include : Includes("include"))
    EXPECT_FALSE(absl::StartsWith(include.target, "services/")) << include.file << " includes " << include.target;
}

TEST(Architecture, Models_SeeNoStore) {
  for (const Include& include : Includes("services/metrics/models")) {
    for (const char* store : {"throughline/catalog.h", "throughline/events.h", "services/catalog", "services/events"})
      EXPECT_FALSE(absl::StartsWith(include.target, store)) << include.file << " includes " << include.target;
  }
}

TEST(Architecture, Engines_AreNamedOnlyByTheWiring) {
  for (const Include& include : Includes("services")) {
    for (const char* engine : {"catalog/sqlite", "events/native"}) {
      if (absl::StartsWith(include.file, absl::StrCat("services/", engine))) continue;
      if (absl::StartsWith(include.file, "services/main/")) continue;
      EXPECT_FALSE(absl::StartsWith(include.target, absl::StrCat("services/", engine)))
          << include.file << " includes " << include.target;
    }
  }
}

}  // namespace
}  // namespace throughline
