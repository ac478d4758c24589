// Codes in chunks: what was added is read, whatever widths it took, also while more is added.
#include "services/events/native/code_sequence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

namespace throughline::testing {
namespace {

constexpr size_t kChunk = CodeSequence::kChunkCodes;

TEST(CodeSequenceTest, PushBack_ThroughAllWidths_KeepsEveryCode) {
  CodeSequence codes;
  std::vector<uint32_t> added;
  std::mt19937 random(1);
  const auto add = [&](size_t count, uint32_t end) {
    for (size_t i = 0; i < count; ++i) {
      added.push_back(random() % end);
      codes.push_back(added.back());
    }
  };
  add(kChunk + 100, 256);
  add(500, 60'000);        // wider in the middle of a chunk
  add(50, 4'000'000'000);  // and once more in the same
  add(2 * kChunk, 10);     // stays as wide
  ASSERT_EQ(codes.size(), added.size());
  for (size_t i = 0; i < added.size(); ++i) ASSERT_EQ(codes[i], added[i]) << i;
  EXPECT_EQ(codes.chunk(0).width, 1);
  EXPECT_EQ(codes.chunk(1).width, 4);
}

TEST(CodeSequenceTest, Start_GoesOnWhereItEnds) {
  const auto bytes = std::make_shared<std::vector<uint16_t>>(kChunk);
  for (size_t i = 0; i < kChunk; ++i) (*bytes)[i] = static_cast<uint16_t>(i * 3);
  CodeSequence codes;
  codes.Start({bytes, {{2, reinterpret_cast<const uint8_t*>(bytes->data())}}});
  codes.push_back(77'000);
  codes.push_back(5);
  ASSERT_EQ(codes.size(), kChunk + 2);
  for (size_t i = 0; i < kChunk; ++i) ASSERT_EQ(codes[i], i * 3);
  EXPECT_EQ(codes[kChunk], 77'000u);
  EXPECT_EQ(codes[kChunk + 1], 5u);
}

TEST(CodeSequenceTest, Replace_GivesTheMemoryBack_WhileOthersRead) {
  constexpr uint32_t kChunks = 20;
  CodeSequence codes;
  for (uint32_t i = 0; i < kChunks * kChunk + 7; ++i) codes.push_back(i % 251);
  EXPECT_EQ(codes.owned_bytes(), (kChunks + 1) * kChunk);
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      const auto reading = codes.Reading();
      for (uint32_t i = 0; i < kChunks * kChunk; ++i) ASSERT_EQ(codes[i], i % 251) << i;
    }
  });
  for (uint32_t count = 1; count <= kChunks; ++count) {
    auto elsewhere = std::make_shared<std::vector<uint8_t>>(count * kChunk);
    CodeSequence::KeptChunks kept;
    for (uint32_t i = 0; i < elsewhere->size(); ++i) (*elsewhere)[i] = static_cast<uint8_t>(i % 251);
    for (uint32_t i = 0; i < count; ++i) kept.chunks.push_back({1, elsewhere->data() + i * kChunk});
    kept.keeper = std::move(elsewhere);
    const CodeSequence::Memory memory = codes.Replace(std::move(kept));
    codes.AwaitReaders();
  }
  done = true;
  reader.join();
  EXPECT_EQ(codes.owned_bytes(), kChunk) << "the last chunk, which is not complete";
  codes.push_back(250);
  EXPECT_EQ(codes[kChunks * kChunk + 6], (kChunks * kChunk + 6) % 251);
  EXPECT_EQ(codes[kChunks * kChunk + 7], 250u);
}

TEST(CodeSequenceTest, Read_WhileMoreIsAdded_IsWhatWasThere) {
  CodeSequence codes;
  constexpr uint32_t kCount = 3 * kChunk;
  // Wider at 256 and at 65536, in the middle of chunks.
  const auto code_of = [](uint32_t i) { return i < 300 ? i : i < 6000 ? i % 256 : i * 11; };
  std::atomic<uint32_t> known = 0;
  std::thread reader([&] {
    for (uint32_t end = 0; end < kCount;) {
      end = known.load(std::memory_order_acquire);
      for (uint32_t i = end > 500 ? end - 500 : 0; i < end; ++i) ASSERT_EQ(codes[i], code_of(i)) << i;
    }
  });
  for (uint32_t i = 0; i < kCount; ++i) {
    codes.push_back(code_of(i));
    known.store(i + 1, std::memory_order_release);
  }
  reader.join();
}

}  // namespace
}  // namespace throughline::testing
