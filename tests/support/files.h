// Files for tests: a temporary directory, whole-file reading and writing, and where the public data sets are.
// Any thread.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace throughline::testing {

// A fresh directory, removed with everything in it at the end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "throughline-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a directory like " + pattern);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(absl::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline void WriteFile(const std::string& path, absl::string_view content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  ASSERT_TRUE(out.good()) << path;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The project's root: the nearest directory above this file, or above the working directory, that holds
// include/throughline. Sources are compiled with paths relative to the root.
inline std::filesystem::path ProjectRoot() {
  for (std::filesystem::path at = std::filesystem::current_path(); at != at.root_path(); at = at.parent_path()) {
    if (std::filesystem::exists(at / "include" / "throughline")) return at;
  }
  return std::filesystem::current_path();
}

// A file of the data sets: below $THROUGHLINE_DATA, or below ../shared/data of the project. It may not exist.
inline std::string DataPath(absl::string_view file) {
  const char* root = std::getenv("THROUGHLINE_DATA");
  const std::filesystem::path data =
      root != nullptr && *root != '\0' ? std::filesystem::path(root) : ProjectRoot() / ".." / "shared" / "data";
  return (data / std::string(file)).lexically_normal().string();
}

// A file of the build that this test belongs to: BuiltFile("services/main/throughlined"). Found at run time, because a
// path of the checkout in the compiler's flags would keep checkouts from sharing what ccache has compiled.
inline std::string BuiltFile(absl::string_view name) {
  const std::filesystem::path test = std::filesystem::read_symlink("/proc/self/exe");
  for (std::filesystem::path at = test.parent_path(); at != at.root_path(); at = at.parent_path()) {
    if (std::filesystem::exists(at / "CMakeCache.txt")) return (at / std::string(name)).string();
  }
  return std::string(name);
}
inline std::string ThroughlinedBinary() { return BuiltFile("services/main/throughlined"); }
inline std::string ThroughlineBinary() { return BuiltFile("services/main/throughline"); }

}  // namespace throughline::testing

// Skips the test when a file of the data sets is absent, saying which; on CI that is a failure instead.
#define REQUIRE_DATA(path)                                                                                        \
  do {                                                                                                            \
    if (!std::filesystem::exists(path)) {                                                                         \
      if (std::getenv("CI") != nullptr) GTEST_FAIL() << "the data file " << (path) << " is missing";              \
      GTEST_SKIP() << "the data file " << (path) << " is missing; set THROUGHLINE_DATA to the directory of data"; \
    }                                                                                                             \
  } while (false)
