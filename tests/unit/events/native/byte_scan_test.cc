#include "services/events/native/byte_scan.h"

#include <array>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace throughline {
namespace {

// Longer than three of the widest steps. Vectors are exactly as long as promised, so that a sanitizer sees more.
constexpr size_t kLengthMax = 200;

TEST(ByteScanTest, LookUpBytes_OfEveryLength_IsThePlainLoop) {
  std::mt19937_64 random(1);
  std::array<uint8_t, 256> table;
  for (uint8_t& entry : table) entry = static_cast<uint8_t>(random());
  for (size_t length = 0; length <= kLengthMax; ++length) {
    std::vector<uint8_t> codes(length), out(length), expected(length);
    for (size_t i = 0; i < length; ++i) {
      codes[i] = static_cast<uint8_t>(random());
      expected[i] = table[codes[i]];
    }
    LookUpBytes(table.data(), codes.data(), length, out.data());
    EXPECT_EQ(out, expected) << length;
  }
}

TEST(ByteScanTest, LookUpBytes_OfEveryCode_IsItsEntry) {
  std::array<uint8_t, 256> table, codes, out;
  for (size_t i = 0; i < 256; ++i) {
    table[i] = static_cast<uint8_t>(i * 151 + 7);
    codes[i] = static_cast<uint8_t>(255 - i);
  }
  LookUpBytes(table.data(), codes.data(), codes.size(), out.data());
  for (size_t i = 0; i < 256; ++i) EXPECT_EQ(out[i], table[255 - i]) << i;
}

TEST(ByteScanTest, FindBytes_OfEveryLengthAndDensity_IsThePlainLoop) {
  std::mt19937_64 random(2);
  for (size_t length = 0; length <= kLengthMax; ++length) {
    for (const int percent : {0, 3, 50, 97, 100}) {
      for (const uint8_t value : {0, 127, 128, 255}) {
        std::vector<uint8_t> values(length);
        for (uint8_t& byte : values) {
          byte = static_cast<int>(random() % 100) < percent ? value : static_cast<uint8_t>(value + 1 + random() % 255);
        }
        const auto first = static_cast<uint32_t>(random() % 100'000);
        for (const bool equal : {true, false}) {
          std::vector<uint32_t> expected, places(length + kPlacesSlack);
          for (size_t i = 0; i < length; ++i) {
            if ((values[i] == value) == equal) expected.push_back(first + static_cast<uint32_t>(i));
          }
          const size_t found = FindBytes(values.data(), length, value, equal, first, places.data());
          places.resize(found);
          EXPECT_EQ(places, expected) << length << " bytes, " << percent << " %";
        }
      }
    }
  }
}

}  // namespace
}  // namespace throughline
