// Codes by hash, against a plain list.
#include "services/events/native/code_table.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace throughline::testing {
namespace {

TEST(CodeTableTest, Find_WithFewHashes_FindsWhatIsThere) {
  std::mt19937_64 random(3);
  CodeTable table;
  std::vector<uint32_t> hashes;  // by code
  std::vector<bool> gone;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 3 != 0) {
      hashes.push_back(static_cast<uint32_t>(random() % 5000));  // many codes share one
      gone.push_back(false);
      table.Insert(hashes.back(), static_cast<uint32_t>(hashes.size() - 1));
    }
    if (hashes.empty()) continue;
    const auto code = static_cast<uint32_t>(random() % hashes.size());
    const uint32_t found = table.Find(hashes[code], [&](uint32_t other) { return other == code; });
    ASSERT_EQ(found, gone[code] ? CodeTable::kNone : code);
    if (random() % 4 == 0) {
      table.Erase(hashes[code], code);
      gone[code] = true;
    }
  }
  EXPECT_EQ(table.Find(6000, [](uint32_t) { return true; }), CodeTable::kNone);
  EXPECT_EQ(CodeTable().Find(1, [](uint32_t) { return true; }), CodeTable::kNone);
}

}  // namespace
}  // namespace throughline::testing
