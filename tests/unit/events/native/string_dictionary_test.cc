// Codes of strings: given once, kept, and forgotten.
#include "services/events/native/string_dictionary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace throughline::testing {
namespace {

TEST(StringDictionaryTest, Forget_StringThatComesAgain_GetsAnotherCode) {
  StringDictionary strings;
  EXPECT_EQ(strings.Encode("ada"), 0u);
  EXPECT_EQ(strings.Encode("bob"), 1u);
  EXPECT_EQ(strings.Encode("ada"), 0u);
  strings.Forget(0);
  strings.Forget(0);
  EXPECT_TRUE(strings.IsForgotten(0));
  EXPECT_EQ(strings.Find("ada"), std::nullopt);
  EXPECT_EQ(strings[0], "ada") << "for those who have the code";
  EXPECT_EQ(strings.Kept(0), "") << "but in no file";
  EXPECT_EQ(strings.Kept(1), "bob");
  EXPECT_EQ(strings.Encode("ada"), 2u);
  EXPECT_EQ(strings.Find("ada"), 2u);
  EXPECT_EQ(strings.Kept(2), "ada");
  strings.Forget(0);
  EXPECT_EQ(strings.Find("ada"), 2u) << "the later one is another";
  EXPECT_EQ(strings.size(), 3u);
}

TEST(StringDictionaryTest, Forget_TheLastThatWasEncoded_IsNotTakenForItsNeighbour) {
  StringDictionary strings;
  strings.Encode("ada");
  strings.Forget(0);
  EXPECT_EQ(strings.Encode("ada"), 1u);
  EXPECT_EQ(strings.Encode("ada"), 1u);
}

TEST(StringDictionaryTest, Append_EmptyStrings_AreForgottenOnes) {
  StringDictionary strings;
  const std::array<absl::string_view, 4> texts = {"ada", "", "bob", ""};
  ASSERT_TRUE(strings.Append(texts));
  EXPECT_EQ(strings.Find("bob"), 2u);
  EXPECT_EQ(strings.Find(""), std::nullopt);
  EXPECT_TRUE(strings.IsForgotten(1) && strings.IsForgotten(3));
  EXPECT_FALSE(strings.IsForgotten(0));
  EXPECT_EQ(strings.Encode("cyd"), 4u);
  const std::array<absl::string_view, 1> known = {"bob"};
  EXPECT_FALSE(strings.Append(known));
}

}  // namespace
}  // namespace throughline::testing
