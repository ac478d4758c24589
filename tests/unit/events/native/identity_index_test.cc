// The index of identities against a plain map: over seals, merges, restarts, damage and full disks.
#include "services/events/native/identity_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/base/executor.h"
#include "services/base/log.h"
#include "services/events/native/stable_hash.h"
#include "tests/support/files.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline::testing {
namespace {

using Code = absl::StatusCode;
namespace fs = std::filesystem;

class IdentityIndexTest : public ::testing::Test {
 protected:
  IdentityIndexTest() {
    SetLogSink([this](LogLevel level, absl::string_view line) {
      const std::lock_guard lock(mutex_);
      if (level == LogLevel::kWarning) warnings_.emplace_back(line);
    });
    env_ = HookedFileSystem::MakeEnv([this](const char* what, const std::string& path) {
      return hook_ ? hook_(what, path) : rocksdb::IOStatus::OK();
    });
  }
  ~IdentityIndexTest() override {
    Stop(false);
    SetLogSink({});
  }

  // As at the start of the program. The log is what `hashes_` holds.
  void Start() {
    background_ = std::make_unique<Executor>("identities", 1);
    IdentityIndexOptions options;
    options.env = env_.get();
    options.directory = Runs();
    options.workspace = 3;
    options.hash_seed = 99;
    options.background = background_.get();
    options.open_entries_max = 100;
    options.close_entries_min = 20;
    options.scan_log = [this](int64_t first, int64_t last, const IdentityIndexOptions::Visit& visit) -> absl::Status {
      const std::lock_guard lock(mutex_);
      for (int64_t sequence = first; sequence <= std::min<int64_t>(last, hashes_.size()); ++sequence) {
        ++scanned_;
        if (const absl::Status status = visit(sequence, hashes_[sequence - 1]); !status.ok()) return status;
      }
      return absl::OkStatus();
    };
    index_ = std::make_unique<IdentityIndex>(std::move(options));
    const auto covered = index_->Open(static_cast<int64_t>(hashes_.size()));
    ASSERT_THAT(covered, IsOk());
    covered_ = *covered;
    for (size_t i = covered_; i < hashes_.size(); ++i) {
      ASSERT_THAT(index_->Recover(hashes_[i], static_cast<int64_t>(i) + 1), IsOk());
    }
  }
  void Stop(bool close) {
    if (index_ == nullptr) return;
    index_->StopBackground();
    background_->Shutdown();
    if (close) index_->Close();
    index_.reset();
  }
  void Restart(bool close) {
    Stop(close);
    Start();
  }

  // A new identity, as the writer adds it. Returns its key.
  uint64_t Add(uint64_t hash) {
    uint64_t key = hash;
    for (;;) {
      const auto found = index_->Find(key);
      EXPECT_EQ(found.ok() ? *found : -1, Expected(key)) << found.status();
      if (!found.ok() || *found == 0) break;
      ++key;
    }
    {
      const std::lock_guard lock(mutex_);
      hashes_.push_back(hash);
    }
    const auto sequence = static_cast<int64_t>(hashes_.size());
    index_->Insert(key, sequence);
    model_[key] = sequence;
    return key;
  }
  void Undo(uint64_t key) {
    index_->Remove(key);
    model_.erase(key);
    const std::lock_guard lock(mutex_);
    hashes_.pop_back();
  }
  void AddMany(int count) {
    for (int i = 0; i < count; ++i) Add(random_());
    index_->Committed();
  }
  int64_t Expected(uint64_t key) const {
    const auto found = model_.find(key);
    return found == model_.end() ? 0 : found->second;
  }
  void ExpectAgrees() {
    for (const auto& [key, sequence] : model_) {
      ASSERT_THAT(index_->Find(key), IsOkAndHolds(sequence));
      ASSERT_THAT(index_->Find(key + 1), IsOkAndHolds(Expected(key + 1)));
    }
  }
  // A run for every 100 entries, merged as they come.
  void AddAndSeal(int count) {
    for (; count > 0; count -= 100) {
      AddMany(std::min(count, 100));
      index_->WaitForBackground();
    }
  }

  void SetHook(std::function<rocksdb::IOStatus(const char*, const std::string&)> hook) {
    if (index_ != nullptr) index_->WaitForBackground();
    hook_ = std::move(hook);
  }

  std::string Runs() const { return directory_ / "3"; }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(Runs(), error)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  static void FlipByte(const fs::path& path, size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x10));
    ASSERT_TRUE(file.good());
  }
  int Warnings(absl::string_view text) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count_if(warnings_.begin(), warnings_.end(),
                                          [&](const std::string& line) { return absl::StrContains(line, text); }));
  }

  TempDir directory_;
  std::mutex mutex_;  // guards what the background uses too
  std::vector<std::string> warnings_;
  std::vector<uint64_t> hashes_;
  int64_t scanned_ = 0;
  std::function<rocksdb::IOStatus(const char*, const std::string&)> hook_;  // by SetHook
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Executor> background_;
  std::unique_ptr<IdentityIndex> index_;
  int64_t covered_ = 0;
  std::map<uint64_t, int64_t> model_;  // by key
  std::mt19937_64 random_{1};
};

TEST_F(IdentityIndexTest, RandomOperations_AgreeWithAMap) {
  random_.seed(20261122);
  Start();
  for (int step = 0; step < 250; ++step) {
    // Some hashes are equal and some are neighbours, so that chains form, cross and span runs.
    const auto hash = [&] {
      return random_() % 3 == 0 ? random_() : (random_() % 40) * 0x0123456789ABCDEFu + random_() % 3;
    };
    for (int i = static_cast<int>(random_() % 40); i > 0; --i) Add(hash());
    index_->Committed();
    std::vector<uint64_t> failed;  // of one write
    for (int i = static_cast<int>(random_() % 10); i > 0; --i) failed.push_back(Add(hash()));
    for (size_t i = failed.size(); i-- > 0;) Undo(failed[i]);
    switch (random_() % 12) {
      case 0:
        index_->WaitForBackground();
        break;
      case 1:
        Restart(random_() % 2 == 0);
        break;
      case 2:
        if (!Files().empty()) {
          Stop(random_() % 2 == 0);
          const std::vector<fs::path> files = Files();
          const fs::path& file = files[random_() % files.size()];
          if (random_() % 3 == 0) {
            fs::remove(file);
          } else {
            FlipByte(file, random_() % fs::file_size(file));
          }
          Start();
          // Damage is met, repaired, and was never an answer.
          for (const auto& [key, sequence] : model_) {
            auto found = index_->Find(key);
            if (!found.ok()) {
              ASSERT_EQ(found.status().code(), Code::kUnavailable);
              index_->WaitForBackground();
              found = index_->Find(key);
            }
            ASSERT_THAT(found, IsOkAndHolds(sequence));
          }
          index_->WaitForBackground();
          Restart(true);  // what waits for its pause to be repaired is repaired by the next look-up
        }
        break;
      default:
        break;
    }
    if (step % 20 == 0) {
      ASSERT_NO_FATAL_FAILURE(ExpectAgrees());
    }
  }
  index_->WaitForBackground();
  ExpectAgrees();
  EXPECT_LE(index_->run_count(), 12u);
}

TEST_F(IdentityIndexTest, Restart_ReadsOnlyWhatTheRunsDoNotCover) {
  Start();
  AddAndSeal(1'650);
  EXPECT_EQ(Files().size(), index_->run_count());
  EXPECT_LE(index_->run_count(), 5u);
  scanned_ = 0;
  Restart(false);
  EXPECT_EQ(covered_, 1'600);
  // Besides, the last event of each run is compared.
  EXPECT_LE(scanned_, 5);
  ExpectAgrees();
  Restart(true);
  EXPECT_EQ(covered_, 1'650);
  ExpectAgrees();
  AddMany(19);  // not worth a file
  Restart(true);
  EXPECT_EQ(covered_, 1'650);
  ExpectAgrees();
  EXPECT_THAT(warnings_, ::testing::IsEmpty());
}

TEST_F(IdentityIndexTest, RunCount_IsLogarithmic) {
  Start();
  for (int i = 0; i < 200; ++i) {
    AddAndSeal(100);
    EXPECT_LE(index_->run_count(), 8u);
  }
  ExpectAgrees();
}

TEST_F(IdentityIndexTest, Leftovers_AreRemoved) {
  Start();
  AddAndSeal(100);
  const fs::path first = Files().at(0);
  const std::string old = ReadFile(first);
  AddAndSeal(300);
  ASSERT_EQ(Files().size(), 1u);
  Stop(true);
  WriteFile(first, old);  // a merge that was killed before it removed what it had merged
  WriteFile(Runs() + "/0000000401-0000000500.run.new", "half");
  Start();
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(covered_, 400);
  ExpectAgrees();
}

TEST_F(IdentityIndexTest, MissingRun_IsMadeFromTheLog) {
  Start();
  AddAndSeal(700);
  ASSERT_EQ(index_->run_count(), 3u);
  for (const size_t missing : {0, 1, 2}) {
    Stop(true);
    fs::remove(Files().at(missing));
    Start();
    // The last cannot be told from what was never sealed.
    EXPECT_EQ(covered_, missing == 2 ? 600 : 700);
    EXPECT_EQ(Warnings("identities are missing"), missing == 2 ? 2 : static_cast<int>(missing) + 1);
    ExpectAgrees();
  }
}

TEST_F(IdentityIndexTest, DamagedHeaderOrOtherVersion_IsMadeFromTheLogAndSaysSo) {
  Start();
  AddAndSeal(700);
  for (const size_t at : {3, 8, 30, 2'000}) {
    Stop(true);
    FlipByte(Files().at(0), at);
    Start();
    EXPECT_EQ(covered_, 700);
    ExpectAgrees();
  }
  EXPECT_EQ(Warnings("cannot be used and is removed"), 4);
  EXPECT_EQ(Warnings("made from the log"), 4);
}

TEST_F(IdentityIndexTest, DamagedEntries_AreRefusedUntilTheyAreMadeAnew) {
  Start();
  AddAndSeal(700);
  const fs::path file = Files().at(0);
  const size_t entries = fs::file_size(file) - 2 * 4096;
  FlipByte(file, entries + 100);
  int refused = 0;
  for (const auto& [key, sequence] : model_) {
    const auto found = index_->Find(key);
    if (found.ok()) {
      EXPECT_EQ(*found, sequence);
    } else {
      EXPECT_THAT(found, StatusIs(Code::kUnavailable, HasReason("BACKEND_UNAVAILABLE")));
      ++refused;
      break;
    }
  }
  EXPECT_EQ(refused, 1);
  index_->WaitForBackground();
  ExpectAgrees();
  EXPECT_EQ(Warnings("is damaged and is made anew"), 1);
  Restart(true);
  EXPECT_EQ(covered_, 700);
  ExpectAgrees();
  EXPECT_EQ(Warnings(""), 1);
}

TEST_F(IdentityIndexTest, DamagedFilter_RefusesNothingAndIsMadeAnew) {
  Start();
  AddAndSeal(700);
  const fs::path file = Files().at(0);
  for (size_t line = 0; line < 64; ++line) FlipByte(file, 4096 + line * 64 + 5);
  ExpectAgrees();
  index_->WaitForBackground();
  EXPECT_EQ(Warnings("is damaged and is made anew"), 1);
  ExpectAgrees();
  for (const fs::path& path : Files()) {
    EXPECT_THAT((*IdentityRun::Open(env_.get(), path, 3, 99))->Verify(), IsOk());
  }
}

TEST_F(IdentityIndexTest, DamageThatAMergeMeets_IsRepairedFirst) {
  Start();
  AddAndSeal(700);
  FlipByte(Files().at(0), fs::file_size(Files().at(0)) - 5'000);
  AddAndSeal(100);
  EXPECT_EQ(Warnings("is damaged and is made anew"), 1);
  EXPECT_EQ(index_->run_count(), 1u);
  ExpectAgrees();
}

TEST_F(IdentityIndexTest, DamageAtStart_IsRepairedBeforeEventsAreTakenOver) {
  Start();
  AddAndSeal(700);
  AddMany(50);
  Stop(false);
  const fs::path file = Files().at(0);
  for (size_t block = 0; block < 2; ++block) FlipByte(file, fs::file_size(file) - block * 4096 - 50);
  // The next identity has a chain that begins in the damaged run.
  const uint64_t taken = hashes_[10];
  hashes_.push_back(taken);
  model_[taken + 1] = static_cast<int64_t>(hashes_.size());
  Start();
  ExpectAgrees();
}

TEST_F(IdentityIndexTest, AnotherLog_IsNotAnsweredFromTheseRuns) {
  Start();
  AddAndSeal(750);
  Stop(true);
  // A backup from before: shorter, and other events since.
  hashes_.resize(650);
  model_.clear();
  for (size_t i = 600; i < 650; ++i) hashes_[i] = random_();
  for (size_t i = 0; i < hashes_.size(); ++i) model_[hashes_[i]] = static_cast<int64_t>(i) + 1;
  Start();
  EXPECT_EQ(covered_, 600);
  ExpectAgrees();
  Stop(true);
  for (uint64_t& hash : hashes_) hash = random_();
  model_.clear();
  for (size_t i = 0; i < hashes_.size(); ++i) model_[hashes_[i]] = static_cast<int64_t>(i) + 1;
  Start();
  ExpectAgrees();
  EXPECT_GE(Warnings("does not belong to the log"), 1);
}

TEST_F(IdentityIndexTest, FullDisk_KeepsEntriesInMemoryAndSealsThemLater) {
  Start();
  AddAndSeal(300);
  for (const char* const operation : {"create", "write", "sync", "rename", "sync directory"}) {
    SCOPED_TRACE(operation);
    const size_t files = Files().size();
    SetHook([operation](const char* what, const std::string&) {
      return std::string(what) == operation ? rocksdb::IOStatus::NoSpace("No space left on device")
                                            : rocksdb::IOStatus::OK();
    });
    AddAndSeal(500);
    ExpectAgrees();
    EXPECT_LE(Files().size(), files + 1);  // one more that has its name, but a directory that was not synced
    SetHook(nullptr);
    AddAndSeal(200);  // what had to wait, then everything since
    ExpectAgrees();
    Restart(false);
    EXPECT_EQ(covered_, static_cast<int64_t>(hashes_.size()));
    ExpectAgrees();
  }
  EXPECT_EQ(Warnings("cannot be kept on the disk"), 5);
}

TEST_F(IdentityIndexTest, FullDiskAtStart_RebuildsInMemory) {
  Start();
  AddAndSeal(700);
  Stop(true);
  fs::remove(Files().at(0));
  SetHook([](const char* what, const std::string&) {
    return std::string(what) == "create" ? rocksdb::IOStatus::NoSpace("No space left on device")
                                         : rocksdb::IOStatus::OK();
  });
  Start();
  EXPECT_EQ(covered_, 0);
  ExpectAgrees();
  index_->WaitForBackground();
  SetHook(nullptr);
  AddAndSeal(200);
  ExpectAgrees();
  Restart(false);
  EXPECT_GE(covered_, 700);
  ExpectAgrees();
}

TEST_F(IdentityIndexTest, LogThatCannotBeRead_IsToldAndTriedAgain) {
  Start();
  AddAndSeal(700);
  const fs::path file = Files().at(0);
  for (size_t block = 0; block < 2; ++block) FlipByte(file, fs::file_size(file) - block * 4096 - 50);
  const std::vector<uint64_t> log = hashes_;
  {
    const std::lock_guard lock(mutex_);
    hashes_.resize(100);  // the log's file is gone, say
  }
  for (int i = 0; i < 10; ++i) EXPECT_THAT(index_->Find(log[10]), StatusIs(Code::kUnavailable));
  index_->WaitForBackground();
  EXPECT_THAT(index_->Find(log[10]), StatusIs(Code::kUnavailable));
  index_->WaitForBackground();
  Stop(false);
  hashes_ = log;
  Start();
  ExpectAgrees();
}

TEST(IdentitySeedTest, IsKeptAndMadeAnewWhenItIsDamaged) {
  TempDir directory;
  rocksdb::Env* const env = rocksdb::Env::Default();
  const auto seed = EnsureIdentitySeed(env, directory / "identities");
  ASSERT_THAT(seed, IsOk());
  EXPECT_THAT(EnsureIdentitySeed(env, directory / "identities"), IsOkAndHolds(*seed));
  std::string bytes = ReadFile(directory / "identities/SEED");
  bytes[1] ^= 1;
  WriteFile(directory / "identities/SEED", bytes);
  EXPECT_THAT(EnsureIdentitySeed(env, directory / "identities"), IsOkAndHolds(::testing::Ne(*seed)));
  const auto full = HookedFileSystem::MakeEnv(
      [](const char*, const std::string&) { return rocksdb::IOStatus::NoSpace("No space left on device"); });
  EXPECT_THAT(EnsureIdentitySeed(full.get(), directory / "new"), StatusIs(Code::kResourceExhausted));
}

// What is in files depends on these values.
TEST(StableHashTest, IsTheSameInEveryBuild) {
  EXPECT_EQ(IdentityHash("crm", "42", 7), 3922818475056611684u);
  EXPECT_NE(IdentityHash("crm", "42", 7), IdentityHash("crm", "42", 8));
  EXPECT_NE(IdentityHash("crm4", "2", 7), IdentityHash("crm", "42", 7));
}

}  // namespace
}  // namespace throughline::testing
