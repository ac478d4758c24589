// Columns in files: whatever happened to them, the state is the one that the log says.
#include "services/events/native/column_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/base/log.h"
#include "services/events/native/event_log.h"
#include "services/events/native/projection.h"
#include "tests/contract/events/event_builder.h"
#include "tests/support/files.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/matchers.h"
#include "tests/support/state_hash.h"

namespace throughline::testing {
namespace {

constexpr uint32_t kWorkspace = 3;

class WarningCounter {
 public:
  WarningCounter() {
    SetLogSink([this](LogLevel level, absl::string_view) { warnings_ += level == LogLevel::kWarning; });
  }
  ~WarningCounter() { SetLogSink(nullptr); }
  int Take() { return warnings_.exchange(0); }

 private:
  std::atomic<int> warnings_ = 0;
};

v1::CustomerEvent RandomEvent(std::mt19937_64& random, int64_t number, int customers) {
  // Ties of time, sequence and source, so that ids decide; and times before 1970 and between seconds.
  Event event(absl::StrCat("e", number));
  event.Customer(absl::StrCat("customer ", random() % static_cast<uint64_t>(customers)))
      .Name(absl::StrCat("name ", random() % 5))
      .Source(absl::StrCat("source ", random() % 2))
      .Sequence(static_cast<int64_t>(random() % 2))
      .At(static_cast<int64_t>(random() % 50) - (random() % 100 == 0 ? 3'000'000'000 : 0),
          random() % 200 == 0 ? 5000 : 0);
  // Few are linked, so that not all become one; and half of that is taken back.
  if (random() % 40 == 0) event.Link(absl::StrCat("customer ", random() % static_cast<uint64_t>(2 * customers)));
  if (random() % 60 == 0) event.Unlink(absl::StrCat("e", random() % static_cast<uint64_t>(2 * number + 1)));
  switch (random() % 8) {
    case 0:
      event.Score(static_cast<double>(random() % 21) / 2, random() % 2 == 0 ? "nps" : "");
      break;
    case 1:
      event.Amount(static_cast<int64_t>(random() % 1000) - 300);
      break;
    case 2:
      event.Channel(absl::StrCat("channel ", random() % 3));
      break;
    case 3:
      event.Department("support").Property("plan", absl::StrCat(random() % 3));
      break;
  }
  return event;
}

// A log, and columns in files beside it.
class Store {
 public:
  explicit Store(const std::string& directory, rocksdb::Env* env = rocksdb::Env::Default())
      : directory_(directory), env_(env), log_(*EventLog::Open(directory, nullptr)) {
    last_ = *log_->LastSequence(kWorkspace);
  }

  std::unique_ptr<Projection> Fresh() const {
    auto projection = std::make_unique<Projection>(log_, kWorkspace, 2);
    EXPECT_THAT(projection->Load(last_, last_ + 1, [](int64_t, const EventFields&) {}), IsOk());
    return projection;
  }
  void Open() {
    columns_.reset();
    columns_ = std::make_unique<Projection>(log_, kWorkspace, 2, Projection::Files{env_, Columns(), 500});
    ASSERT_THAT(columns_->Load(last_, last_ + 1, [](int64_t, const EventFields&) {}), IsOk());
  }
  void Append(const std::vector<v1::CustomerEvent>& events) {
    auto bytes = std::make_shared<std::string>();
    RecordedEvents recorded;
    recorded.first_sequence = last_ + 1;
    for (const v1::CustomerEvent& event : events) {
      const size_t offset = bytes->size();
      AppendCanonicalEvent(event, *bytes);
      recorded.places.push_back({offset, bytes->size() - offset});
    }
    std::vector<EventLog::Entry> entries;
    for (const RecordedEvents::Place& place : recorded.places) {
      entries.push_back({kWorkspace, ++last_, absl::string_view(*bytes).substr(place.offset, place.size)});
    }
    ASSERT_THAT(log_->Write(At(last_), entries, {}), IsOk());
    recorded.bytes = bytes;
    if (columns_ != nullptr) columns_->Enqueue(std::move(recorded));
  }
  // All that the store's writer does for it.
  void Erase(const std::string& customer) {
    const auto person = columns_->EventsOfPerson(customer);
    ASSERT_THAT(person, IsOk());
    if (person->rows.empty()) return;
    EventLog::Erasure erasure;
    erasure.sequence = ++last_;
    std::vector<std::string> marks;
    for (const uint32_t row : person->rows) {
      erasure.erased.push_back(int64_t{row} + 1);
      LogMark tombstone;
      tombstone.identity_hash = row;
      marks.push_back(EncodeLogMark(tombstone));
    }
    LogMark mark;
    mark.kind = LogMark::Kind::kErasure;
    mark.erased_events = std::ssize(erasure.erased);
    marks.push_back(EncodeLogMark(mark));
    ASSERT_THAT(log_->WriteErasure(At(last_), kWorkspace, erasure, marks), IsOk());
    ASSERT_THAT(columns_->Erase(*person, erasure.sequence), IsOk());
  }
  bool AnyFileHas(const std::string& text) const {
    for (const std::string& file : Files()) {
      if (absl::StrContains(ReadFile(file), text)) return true;
    }
    return false;
  }
  Projection& columns() { return *columns_; }
  void Close() { columns_.reset(); }
  int64_t last() const { return last_; }
  const std::shared_ptr<EventLog>& log() const { return log_; }
  std::string Columns() const { return directory_ + "/columns"; }
  std::vector<std::string> Files() const {
    std::vector<std::string> out;
    const std::string path = absl::StrCat(Columns(), "/", kWorkspace);
    if (!std::filesystem::exists(path)) return out;
    for (const auto& entry : std::filesystem::directory_iterator(path)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  static uint64_t HashOf(Projection& projection) {
    const auto snapshot = projection.Latest();
    EXPECT_THAT(snapshot, IsOk());
    return HashState(**snapshot, projection.dictionaries());
  }
  // The columns, and what the log alone says.
  void ExpectRight() { EXPECT_EQ(HashOf(*columns_), HashOf(*Fresh())); }
  // What a property of the columns is, and what the log alone says.
  void ExpectPropertyRight() {
    const std::vector<std::string> keys = {"plan"};
    const auto fresh = Fresh();
    ASSERT_THAT(columns_->CatchUp(), IsOk());
    const auto expected = fresh->Properties(keys), properties = columns_->Properties(keys);
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(properties, IsOk());
    const PropertyColumn& a = *(*expected)[0].column;
    const PropertyColumn& b = *(*properties)[0].column;
    ASSERT_EQ(b.codes.size(), static_cast<size_t>(last_));
    ASSERT_EQ(b.values.size(), a.values.size());
    for (size_t i = 0; i < b.codes.size(); ++i) ASSERT_EQ(b.codes[i], a.codes[i]) << i;
  }
  // How many partitions are in files.
  int Mapped() {
    int mapped = 0;
    for (const auto& partition : (*columns_->Latest())->partitions) {
      mapped += (*partition->Get())->owned_bytes() == sizeof(Partition);
    }
    return mapped;
  }

 private:
  const std::string directory_;
  rocksdb::Env* const env_;
  const std::shared_ptr<EventLog> log_;
  int64_t last_ = 0;
  std::unique_ptr<Projection> columns_;
};

std::vector<v1::CustomerEvent> RandomEvents(std::mt19937_64& random, int64_t first, int count, int customers) {
  std::vector<v1::CustomerEvent> out;
  for (int i = 0; i < count; ++i) out.push_back(RandomEvent(random, first + i, customers));
  return out;
}

TEST(ColumnFilesTest, Open_AfterASeal_MapsEverythingAndReadsNothing) {
  TempDir directory;
  std::mt19937_64 random(1);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 12'000, 9'000));
  EXPECT_EQ(store.Mapped(), 0);
  EXPECT_TRUE(store.columns().TakeSealDue());
  EXPECT_FALSE(store.columns().TakeSealDue());  // someone is at it
  store.columns().Seal();
  EXPECT_EQ(store.Mapped(), 2);
  store.ExpectRight();
  EXPECT_FALSE(store.columns().TakeSealDue());
  WarningCounter warnings;
  store.Open();
  EXPECT_EQ(store.Mapped(), 2);
  store.ExpectRight();
  // Events of one partition: the other one's segment stays, and covers them too.
  store.Append({Event("late").Customer(store.columns().dictionaries().customers[0])});
  store.ExpectRight();
  store.columns().Seal();
  const std::vector<std::string> files = store.Files();
  EXPECT_EQ(files.size(), 3u);
  store.Open();
  EXPECT_EQ(store.Mapped(), 2);
  store.ExpectRight();
  EXPECT_EQ(warnings.Take(), 0);
}

TEST(ColumnFilesTest, Seal_WithoutANewEvent_WritesNothing) {
  TempDir directory;
  std::mt19937_64 random(2);
  Store store(directory / "events");
  store.Open();
  store.columns().Seal();
  EXPECT_THAT(store.Files(), ::testing::IsEmpty());
  store.Append(RandomEvents(random, 0, 100, 20));
  store.columns().Seal();
  const auto size = std::filesystem::file_size(store.Files()[1]);
  store.columns().Seal();
  EXPECT_EQ(std::filesystem::file_size(store.Files()[1]), size);
}

// Random histories of one set of events, in random order: one state.
TEST(ColumnFilesTest, State_IsTheSameWhateverTheHistory) {
  std::mt19937_64 random(3);
  std::vector<v1::CustomerEvent> events = RandomEvents(random, 0, 3000, 5000);
  uint64_t expected = 0;
  for (int round = 0; round < 6; ++round) {
    TempDir directory;
    Store store(directory / "events");
    store.Open();
    for (size_t from = 0; from < events.size();) {
      const size_t count = std::min<size_t>(events.size() - from, 1 + random() % 900);
      store.Append({events.begin() + from, events.begin() + from + count});
      from += count;
      if (random() % 3 == 0) store.columns().Seal();
      if (random() % 4 == 0) store.Open();
      if (random() % 3 == 0) {
        EXPECT_THAT(store.columns().Latest(), IsOk());
      }
    }
    const uint64_t hash = Store::HashOf(store.columns());
    if (round == 0) expected = hash;
    EXPECT_EQ(hash, expected) << "round " << round;
    std::shuffle(events.begin(), events.end(), random);
  }
}

// Appends, seals, restarts and damage of every kind at random; after each restart the state is that of the log alone.
TEST(ColumnFilesTest, Open_AfterAnything_IsWhatTheLogSays) {
  std::mt19937_64 random(4);
  WarningCounter quiet;
  for (int history = 0; history < 4; ++history) {
    TempDir directory;
    Store store(directory / "events");
    store.Open();
    for (int step = 0; step < 40; ++step) {
      SCOPED_TRACE(absl::StrCat("history ", history, ", step ", step));
      switch (random() % 6) {
        case 0:
        case 1:
          store.Append(RandomEvents(random, 1'000'000 * history + 10'000 * step, 1 + static_cast<int>(random() % 600),
                                    100 + 2000 * step / 8));
          break;
        case 2:
          store.columns().Seal();
          break;
        case 3:
          store.Open();
          store.ExpectRight();
          break;
        default: {
          store.Close();
          const std::vector<std::string> files = store.Files();
          if (!files.empty()) {
            const std::string& path = files[random() % files.size()];
            std::string bytes = ReadFile(path);
            const int kind = static_cast<int>(random() % 4);
            if (kind == 0) std::filesystem::remove(path);
            if (kind == 1) bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
            if (kind == 2) bytes.resize(random() % bytes.size());
            if (kind == 3) bytes += "more";
            if (kind != 0) WriteFile(path, bytes);
          }
          store.Open();
          store.ExpectRight();
        }
      }
      if (HasFailure()) return;
    }
    store.ExpectRight();
  }
}

TEST(ColumnFilesTest, Open_DamagedSegment_IsMadeAnewAloneAndSaysSo) {
  TempDir directory;
  std::mt19937_64 random(5);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 15'000, 11'000));
  store.columns().Seal();
  const std::vector<std::string> files = store.Files();
  ASSERT_EQ(files.size(), 3u);
  std::string bytes = ReadFile(files[1]);
  bytes[bytes.size() / 2] ^= 4;
  store.Close();
  WriteFile(files[1], bytes);
  WarningCounter warnings;
  store.Open();
  EXPECT_EQ(warnings.Take(), 1);
  EXPECT_EQ(store.Mapped(), 1);
  store.ExpectRight();
  // At once, as reading the whole log is what the next start would do too.
  EXPECT_TRUE(store.columns().TakeSealDue());
  store.columns().Seal();
  store.Open();
  EXPECT_EQ(warnings.Take(), 0);
  EXPECT_EQ(store.Mapped(), 2);
  store.ExpectRight();
}

TEST(ColumnFilesTest, Open_EverySingleBitFlipAndTruncationOfTheDictionaries_IsToldAndMadeGood) {
  TempDir directory;
  std::mt19937_64 random(6);
  Store store(directory / "events");
  store.Open();
  store.Append({Event("a"), Event("b").Customer("d").Name("buy")});
  store.columns().Seal();
  store.Append({Event("c").Customer("e")});
  store.columns().Seal();
  const uint64_t expected = Store::HashOf(*store.Fresh());
  store.Close();
  std::vector<std::pair<std::string, std::string>> good;
  for (const std::string& path : store.Files()) good.emplace_back(path, ReadFile(path));
  const std::string dictionaries = absl::StrCat(store.Columns(), "/", kWorkspace, "/dictionaries");
  const std::string bytes = ReadFile(dictionaries);
  WarningCounter warnings;
  const auto expect_told = [&](const std::string& damaged) {
    for (const auto& [path, content] : good) WriteFile(path, path == dictionaries ? damaged : content);
    warnings.Take();
    store.Open();
    EXPECT_GT(warnings.Take(), 0);
    EXPECT_EQ(Store::HashOf(store.columns()), expected);
    store.Close();
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] ^= static_cast<char>(1 << bit);
      SCOPED_TRACE(absl::StrCat("byte ", i, ", bit ", bit));
      expect_told(damaged);
      if (HasFailure()) return;
    }
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(absl::StrCat("cut off at ", size));
    expect_told(bytes.substr(0, size));
    if (HasFailure()) return;
  }
}

// A log that was put back from a backup, or is another: columns that are ahead of it or another's are dropped.
TEST(ColumnFilesTest, Open_ColumnsOfAnotherLog_AreDropped) {
  TempDir directory;
  std::mt19937_64 random(7);
  const std::vector<v1::CustomerEvent> events = RandomEvents(random, 0, 300, 40);
  Store store(directory / "events");
  store.Open();
  store.Append(events);
  store.columns().Seal();
  WarningCounter warnings;
  for (const int count : {200, 300, 400}) {
    Store other(directory / absl::StrCat("other", count));
    std::filesystem::copy(store.Columns(), other.Columns(), std::filesystem::copy_options::recursive);
    // The same beginning for the shorter one, others for those as long.
    other.Append(count == 200 ? std::vector<v1::CustomerEvent>(events.begin(), events.begin() + count)
                              : RandomEvents(random, 1000, count, 40));
    warnings.Take();
    other.Open();
    EXPECT_GT(warnings.Take(), 0) << count;
    EXPECT_EQ(other.Mapped(), 0) << count;
    other.ExpectRight();
    other.columns().Seal();
    other.Open();
    EXPECT_EQ(warnings.Take(), 0) << count;
    EXPECT_EQ(other.Mapped(), 1) << count;
    other.ExpectRight();
  }
}

// Fails operation number `left`, and those that follow while `lasting`.
struct Fault {
  std::atomic<int64_t> left = 0;
  std::atomic<bool> lasting = false;
  std::atomic<bool> met = false;
};

TEST(ColumnFilesTest, Seal_DiskFailsAtAnyOperation_LosesNothingAndIsDoneLater) {
  auto fault = std::make_shared<Fault>();
  const auto env = HookedFileSystem::MakeEnv([fault](const char*, const std::string& path) {
    if (!absl::StrContains(path, "/columns/")) return rocksdb::IOStatus::OK();
    const int64_t left = --fault->left;
    if (left != 0 && !(left < 0 && fault->lasting)) return rocksdb::IOStatus::OK();
    fault->met = true;
    return rocksdb::IOStatus::NoSpace("No space left on device");
  });
  for (const bool lasting : {false, true}) {
    for (int64_t operation = 1;; ++operation) {
      SCOPED_TRACE(absl::StrCat("operation ", operation, lasting ? " and all that follow" : ""));
      TempDir directory;
      std::mt19937_64 random(8);
      Store store(directory / "events", env.get());
      fault->left = 0;
      fault->lasting = false;
      store.Open();
      store.Append(RandomEvents(random, 0, 500, 40));
      store.columns().Seal();
      store.Append(RandomEvents(random, 1000, 600, 5000));
      fault->met = false;
      fault->lasting = lasting;
      fault->left = operation;
      store.columns().Seal();
      const bool met = fault->met;
      store.ExpectRight();
      // As after a crash there, and the disk has room again.
      if (operation % 2 == 0) {
        fault->lasting = false;
        fault->left = 0;
        store.Open();
        store.ExpectRight();
      }
      store.Append(RandomEvents(random, 2000, 700, 5000));
      store.ExpectRight();
      fault->lasting = false;
      fault->left = 0;
      EXPECT_TRUE(store.columns().SealIsWorthItAtClose());
      store.columns().Seal();
      EXPECT_EQ(store.Mapped(), static_cast<int>((*store.columns().Latest())->partitions.size()));
      store.Open();
      store.ExpectRight();
      EXPECT_EQ(store.Mapped(), static_cast<int>((*store.columns().Latest())->partitions.size()));
      if (HasFailure() || !met) break;
    }
  }
}

TEST(ColumnFilesTest, Seal_DiskFailsAtAnyOperationOfAProperty_LosesNothingAndIsDoneLater) {
  auto fault = std::make_shared<Fault>();
  const auto env = HookedFileSystem::MakeEnv([fault](const char*, const std::string& path) {
    if (!absl::StrContains(path, ".property") || --fault->left != 0) return rocksdb::IOStatus::OK();
    fault->met = true;
    return rocksdb::IOStatus::NoSpace("No space left on device");
  });
  for (int64_t operation = 1; operation < 100; ++operation) {
    SCOPED_TRACE(absl::StrCat("operation ", operation));
    TempDir directory;
    std::mt19937_64 random(11);
    Store store(directory / "events", env.get());
    fault->left = 0;
    store.Open();
    store.Append(RandomEvents(random, 0, 5000, 40));
    store.ExpectPropertyRight();
    fault->met = false;
    fault->left = operation;
    store.columns().Seal();
    store.Append(RandomEvents(random, 10'000, 5000, 60));
    store.columns().Seal();
    store.ExpectPropertyRight();
    store.Open();
    store.ExpectRight();
    store.ExpectPropertyRight();
    store.columns().Seal();
    store.Open();
    store.ExpectPropertyRight();
    if (::testing::Test::HasFailure()) break;
    if (!fault->met) {
      EXPECT_GT(operation, 4);
      break;
    }
  }
}

TEST(ColumnFilesTest, Open_PropertyOfAnotherLogOrDamaged_IsReadFromTheLog) {
  TempDir directory;
  std::mt19937_64 random(12);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 9000, 40));
  store.ExpectPropertyRight();
  store.columns().Seal();
  const std::string file = absl::StrCat(store.Columns(), "/", kWorkspace, "/1.property");
  ASSERT_TRUE(std::filesystem::exists(file));
  // Those of another log, which is longer or has other events.
  for (const int count : {9000, 4500, 100}) {
    Store other(directory / absl::StrCat("other ", count));
    other.Append(RandomEvents(random, 20'000, count, 40));
    std::filesystem::create_directories(absl::StrCat(other.Columns(), "/", kWorkspace));
    const std::string copy = absl::StrCat(other.Columns(), "/", kWorkspace, "/1.property");
    std::filesystem::copy_file(file, copy);
    WarningCounter warnings;
    other.Open();
    EXPECT_GT(warnings.Take(), 0);
    EXPECT_FALSE(std::filesystem::exists(copy));
    other.ExpectPropertyRight();
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1000);
  WarningCounter warnings;
  store.Open();
  EXPECT_EQ(warnings.Take(), 1);
  store.ExpectPropertyRight();
  store.columns().Seal();
  store.Open();
  EXPECT_EQ(warnings.Take(), 0);
  store.ExpectPropertyRight();
}

// The columns of properties stay right where a partition was sealed under them.
TEST(ColumnFilesTest, Seal_KeepsPropertiesThatWereGathered) {
  TempDir directory;
  std::mt19937_64 random(9);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 400, 40));
  const auto before = *store.columns().Latest();
  const std::vector<std::string> keys = {"plan"};
  const PropertyColumn& column = *(*store.columns().Properties(keys))[0].column;
  const auto gathered = (*before->RecordedAt(0))->property(column);
  store.columns().Seal();
  const auto after = *store.columns().Latest();
  ASSERT_NE(after->partitions[0], before->partitions[0]);
  EXPECT_EQ((*after->RecordedAt(0))->property(column), gathered);
}

// What is in the files need not be in memory beside it.
TEST(ColumnFilesTest, Seal_PutsTheCodesOfPropertiesOutOfMemory) {
  TempDir directory;
  std::mt19937_64 random(12);
  Store store(directory / "events");
  store.Open();
  const std::vector<std::string> keys = {"plan"};
  for (int round = 0; round < 3; ++round) {
    store.Append(RandomEvents(random, store.last(), 10'000, 300));
    ASSERT_THAT(store.columns().CatchUp(), IsOk());
    const PropertyColumn& column = *(*store.columns().Properties(keys))[0].column;
    EXPECT_GT(column.codes.owned_bytes(), 2 * CodeSequence::kChunkCodes);
    store.columns().Seal();
    EXPECT_LE(column.codes.owned_bytes(), CodeSequence::kChunkCodes);
    store.ExpectPropertyRight();
  }
}

TEST(ColumnFilesTest, Properties_OfAQuestionThatIsCalledOff_AreGoneOnWith) {
  TempDir directory;
  std::mt19937_64 random(11);
  Store store(directory / "events");
  store.Append(RandomEvents(random, 0, 10'000, 300));
  store.Open();
  const std::vector<std::string> keys = {PropertyColumnKey("plan")};
  Patience patience;
  patience.cancelled = std::make_shared<const std::atomic<bool>>(true);
  EXPECT_THAT(store.columns().Properties(keys, patience), StatusIs(absl::StatusCode::kCancelled));
  patience.cancelled = nullptr;
  patience.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_THAT(store.columns().Properties(keys, patience), StatusIs(absl::StatusCode::kDeadlineExceeded));
  store.Append(RandomEvents(random, 10'000, 3'000, 300));
  store.ExpectPropertyRight();
  // Those that are there already cost nothing.
  EXPECT_THAT(store.columns().Properties(keys, patience), IsOk());
}

// An erasure does not wait until a property has been read from the whole log; that is gone on with after it.
TEST(ColumnFilesTest, Erase_WhileAPropertyIsFilled_LeavesItRight) {
  TempDir directory;
  std::mt19937_64 random(13);
  Store store(directory / "events");
  store.Append(RandomEvents(random, 0, 40'000, 20'000));
  store.Open();
  std::thread asker([&] {
    const std::vector<std::string> keys = {PropertyColumnKey("plan")};
    EXPECT_THAT(store.columns().Properties(keys), IsOk());
  });
  for (int i = 0; i < 5; ++i) store.Erase(absl::StrCat("customer ", i));
  asker.join();
  const std::vector<std::string> keys = {PropertyColumnKey("plan")};
  const auto fresh = store.Fresh();
  ASSERT_THAT(store.columns().CatchUp(), IsOk());
  const PropertyColumn& expected = *(*fresh->Properties(keys))[0].column;
  const PropertyColumn& column = *(*store.columns().Properties(keys))[0].column;
  const auto snapshot = *store.columns().Latest();
  for (size_t i = 0; i < snapshot->partitions.size(); ++i) {
    const auto partition = *snapshot->RecordedAt(i);
    const auto codes = partition->property(column);
    for (uint32_t place = 0; place < partition->size(); ++place) {
      const auto row = static_cast<size_t>(partition->rows()[place]);
      ASSERT_EQ(column.values[static_cast<uint32_t>((*codes)[place])], expected.values[expected.codes[row]]) << row;
    }
  }
  store.ExpectRight();
}

// Those of older events are not read from the log's order again when newer ones come.
TEST(ColumnFilesTest, Merge_CarriesPropertiesOn) {
  TempDir directory;
  std::mt19937_64 random(10);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 400, 40));
  const std::vector<std::string> keys = {"plan"};
  const PropertyColumn& column = *(*store.columns().Properties(keys))[0].column;
  (*(*store.columns().Latest())->RecordedAt(0))->property(column);
  store.Append(RandomEvents(random, 400, 300, 60));
  const std::shared_ptr<const Partition> merged = *(*store.columns().Latest())->RecordedAt(0);
  const auto kept = merged->property(column);
  const PackedColumn& codes = *kept;
  ASSERT_EQ(codes.size(), merged->size());
  for (uint32_t place = 0; place < merged->size(); ++place) {
    EXPECT_EQ(codes[place], column.codes[static_cast<size_t>(merged->rows()[place])]);
  }
}

// Erasures among appends, seals and restarts, cleaned up sooner or later: the state is that of the log alone.
TEST(ColumnFilesTest, Erase_AmongAnything_IsWhatTheLogSays) {
  std::mt19937_64 random(14);
  WarningCounter quiet;
  const std::vector<std::string> keys = {"plan"};
  for (int history = 0; history < 3; ++history) {
    TempDir directory;
    Store store(directory / "events");
    store.Open();
    store.Append(RandomEvents(random, 0, 5000, 4500));
    ASSERT_THAT(store.columns().Properties(keys), IsOk());
    for (int step = 0; step < 18; ++step) {
      SCOPED_TRACE(absl::StrCat("history ", history, ", step ", step));
      const std::string customer = absl::StrCat("customer ", random() % 300);
      switch (random() % 5) {
        case 0:
          store.Append(RandomEvents(random, store.last(), static_cast<int>(1 + random() % 900), 300));
          break;
        case 1:
          store.columns().Seal();
          break;
        case 2:
          store.Erase(customer);
          if (random() % 2 == 0) store.Append({Event(absl::StrCat("again ", store.last())).Customer(customer)});
          break;
        case 3:
          store.Erase(customer);
          ASSERT_THAT(store.columns().CleanUp(), IsOk());
          EXPECT_EQ(store.columns().LastPendingErasure(), 0);
          break;
        case 4:
          store.Open();
          break;
      }
      store.ExpectRight();
      const auto a = store.columns().Latest(), b = store.Fresh()->Latest();
      EXPECT_EQ((*a)->events, (*b)->events);
      EXPECT_EQ((*a)->customers, (*b)->customers);
      EXPECT_EQ((*a)->first_time_micros, (*b)->first_time_micros);
      EXPECT_EQ((*a)->last_time_micros, (*b)->last_time_micros);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(ColumnFilesTest, CleanUp_LeavesNothingInTheFiles_AndThemWhole) {
  TempDir directory;
  std::mt19937_64 random(15);
  Store store(directory / "events");
  store.Open();
  const std::vector<std::string> keys = {"plan"};
  store.Append(RandomEvents(random, 0, 2500, 900));
  store.Append({Event("s1").Customer("qqqq-customer").Name("qqqq-name").Property("plan", "qqqq-plan"),
                Event("s2").Customer("qqqq-customer").Name("name 1").Channel("qqqq-channel").Property("plan", "1")});
  store.Append(RandomEvents(random, 3000, 3000, 900));
  ASSERT_THAT(store.columns().Properties(keys), IsOk());
  store.columns().Seal();
  EXPECT_TRUE(store.AnyFileHas("qqqq"));
  const auto before = store.columns().Latest();
  const uint64_t hash_before = HashState(**before, store.columns().dictionaries());
  store.Erase("qqqq-customer");
  ASSERT_THAT(store.columns().CleanUp(), IsOk());
  EXPECT_FALSE(store.AnyFileHas("qqqq"));
  EXPECT_EQ(HashState(**before, store.columns().dictionaries()), hash_before) << "what was open before";
  store.ExpectRight();
  WarningCounter warnings;
  store.Open();
  store.ExpectRight();
  EXPECT_EQ(store.Mapped(), 1) << "from the files";
  EXPECT_EQ(warnings.Take(), 0);
}

// A partition of which everybody is gone keeps its place: codes are never renumbered.
TEST(ColumnFilesTest, CleanUp_OfAStoreThatIsTooSmallForFiles_LeavesItsEventsToBeSealed) {
  TempDir directory;
  std::mt19937_64 random(14);
  Store store(directory / "events");
  store.Open();
  store.Append(RandomEvents(random, 0, 450, 4000));
  store.Erase((*store.columns().Latest())->customers > 0 ? store.columns().dictionaries().customers[0] : "");
  ASSERT_THAT(store.columns().CleanUp(), IsOk());
  EXPECT_TRUE(store.Files().empty());
  EXPECT_FALSE(store.columns().TakeSealDue());
  store.Append(RandomEvents(random, 1000, 100, 4000));
  ASSERT_THAT(store.columns().CatchUp(), IsOk());
  EXPECT_TRUE(store.columns().TakeSealDue());
}

TEST(ColumnFilesTest, Erase_EverybodyOfAPartition_IsAnEmptySegment) {
  TempDir directory;
  Store store(directory / "events");
  store.Open();
  std::vector<v1::CustomerEvent> events;
  for (uint32_t i = 0; i < kPartitionCustomers + 5; ++i) {
    events.push_back(Event(absl::StrCat("e", i)).Customer(absl::StrCat("customer ", i)));
  }
  store.Append(events);
  store.columns().Seal();
  EXPECT_EQ(store.Mapped(), 2);
  for (uint32_t i = kPartitionCustomers; i < kPartitionCustomers + 5; ++i) store.Erase(absl::StrCat("customer ", i));
  ASSERT_THAT(store.columns().CleanUp(), IsOk());
  store.ExpectRight();
  WarningCounter warnings;
  store.Open();
  EXPECT_EQ(warnings.Take(), 0);
  EXPECT_EQ(store.Mapped(), 2);
  EXPECT_EQ((*store.columns().Latest())->events, kPartitionCustomers);
  store.ExpectRight();
  store.Append({Event("new").Customer("customer 4097")});
  store.ExpectRight();
  EXPECT_EQ((*store.columns().Latest())->customers, kPartitionCustomers + 1);
}

}  // namespace
}  // namespace throughline::testing
