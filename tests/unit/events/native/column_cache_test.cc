// Room for what can be made again: what was not used for the longest time goes first, and nobody loses what they have.
#include "services/events/native/column_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace throughline::testing {
namespace {

TEST(ColumnCacheTest, Find_HasWhatWasKept_UntilItIsDropped) {
  const ColumnCache cache(1 << 20);
  const auto text = std::make_shared<const std::string>("abc");
  cache.Keep({1, 2}, text, 100);
  EXPECT_EQ(cache.Find<std::string>({1, 2}), text);
  EXPECT_EQ(cache.Find<std::string>({2, 1}), nullptr);
  EXPECT_EQ(text.use_count(), 2);
  cache.Drop({1, 2});
  EXPECT_EQ(cache.Find<std::string>({1, 2}), nullptr);
  EXPECT_EQ(text.use_count(), 1);
}

TEST(ColumnCacheTest, Keep_MoreThanThereIsRoomFor_LetsTheOldestGo) {
  constexpr size_t kBytesMax = 4 << 20;
  constexpr size_t kBytes = 64 << 10;
  const ColumnCache cache(kBytesMax);
  std::vector<std::shared_ptr<const std::string>> texts;
  for (uint64_t i = 0; i < 1000; ++i) {
    texts.push_back(std::make_shared<const std::string>(std::to_string(i)));
    cache.Keep({i, 0}, texts.back(), kBytes);
    cache.Find<std::string>({0, 0});  // always used
  }
  size_t kept = 0;
  for (uint64_t i = 0; i < 1000; ++i) kept += texts[i].use_count() > 1 ? 1 : 0;
  EXPECT_LE(kept * kBytes, kBytesMax);
  EXPECT_GE(kept, 10);
  EXPECT_NE(cache.Find<std::string>({0, 0}), nullptr);
  EXPECT_NE(cache.Find<std::string>({999, 0}), nullptr);
  EXPECT_EQ(cache.Find<std::string>({1, 0}), nullptr);
  EXPECT_EQ(*texts[1], "1") << "whoever has it keeps it";
}

TEST(ColumnCacheTest, Keep_WithoutRoom_KeepsNothing) {
  const ColumnCache cache(0);
  const auto text = std::make_shared<const std::string>("abc");
  cache.Keep({1, 2}, text, 100);
  EXPECT_EQ(cache.Find<std::string>({1, 2}), nullptr);
  EXPECT_EQ(text.use_count(), 1);
}

TEST(ColumnCacheTest, ManyThreads_FindWhatWasKeptUnderTheirKey) {
  const ColumnCache cache(64 << 10);
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (uint64_t i = 0; i < 5000; ++i) {
        const ColumnCache::Key key = {i * (thread + 1) % 97, 0};
        if (const auto found = cache.Find<uint64_t>(key); found != nullptr) {
          ASSERT_EQ(*found, key.source);
        }
        cache.Keep(key, std::make_shared<const uint64_t>(key.source), 1 << 10);
        if (i % 50 == 0) cache.Drop(key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace throughline::testing
