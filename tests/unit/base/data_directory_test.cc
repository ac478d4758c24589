#include "services/base/data_directory.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using testing::HasMessage;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::StatusIs;

TEST(DataDirectoryTest, Open_AbsentDirectory_IsCreatedWithItsParents) {
  testing::TempDir temp;
  ASSERT_OK_AND_ASSIGN(auto directory, DataDirectory::Open(temp / "a/b/c"));
  EXPECT_TRUE(std::filesystem::is_directory(temp / "a/b/c"));
  EXPECT_EQ(*directory / "catalog.db", temp / "a/b/c/catalog.db");
  EXPECT_EQ(testing::ReadFile(*directory / "LOCK"), absl::StrCat(::getpid(), "\n"));
}

TEST(DataDirectoryTest, Open_HeldByThisProcess_IsRefusedUntilItIsClosed) {
  testing::TempDir temp;
  ASSERT_OK_AND_ASSIGN(auto first, DataDirectory::Open(temp.path()));
  EXPECT_THAT(DataDirectory::Open(temp.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_IN_USE")));
  first.reset();
  EXPECT_OK(DataDirectory::Open(temp.path()));
}

TEST(DataDirectoryTest, Open_HeldByAnotherProcess_NamesItsProcessIdAndWorksAfterItsDeath) {
  testing::TempDir temp;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto directory = DataDirectory::Open(temp.path());
    const char answer = directory.ok() ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_THAT(DataDirectory::Open(temp.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::AllOf(HasReason("DATA_DIRECTORY_IN_USE"),
                                        HasMessage(HasSubstr(absl::StrCat("process ", child))))));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_OK(DataDirectory::Open(temp.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(DataDirectoryTest, Open_PathOfAFile_IsUnusable) {
  testing::TempDir temp;
  testing::WriteFile(temp / "file", "x");
  EXPECT_THAT(DataDirectory::Open(temp / "file"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_UNUSABLE")));
  EXPECT_THAT(DataDirectory::Open(temp / "file/below"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_UNUSABLE")));
  EXPECT_THAT(DataDirectory::Open(""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_UNUSABLE")));
}

TEST(DataDirectoryTest, Open_DirectoryWithoutWriteRight_IsUnusable) {
  // The kernel's own files: not writable even for root.
  EXPECT_THAT(DataDirectory::Open("/proc/self"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_UNUSABLE")));
}

// While it lives, no file of this process can grow: what a full disk does.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit none = before_;
    none.rlim_cur = 0;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0); }

 private:
  rlimit before_{};
};

TEST(DataDirectoryTest, FullDisk_IsStorageFull_NewAndOld) {
  testing::TempDir temp;
  const auto is_full = StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL"));
  {
    const FullDisk full;
    EXPECT_THAT(DataDirectory::Open(temp / "new"), is_full);
  }
  ASSERT_OK_AND_ASSIGN(auto directory, DataDirectory::Open(temp / "new"));
  EXPECT_OK(directory->CheckWritable());
  {
    const FullDisk full;
    EXPECT_THAT(directory->CheckWritable(), is_full);
  }
  EXPECT_OK(directory->CheckWritable());
  directory.reset();
  const FullDisk full;
  EXPECT_THAT(DataDirectory::Open(temp / "new"), is_full);
}

TEST(DataDirectoryTest, Open_LeavesNothingButItsLock) {
  testing::TempDir temp;
  ASSERT_OK_AND_ASSIGN(auto directory, DataDirectory::Open(temp.path()));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(temp.path())) {
    EXPECT_EQ(entry.path().filename(), "LOCK");
    ++files;
  }
  EXPECT_EQ(files, 1);
}

}  // namespace
}  // namespace throughline
