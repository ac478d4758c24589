#include "services/journey/element_ids.h"

#include <string>

#include "gtest/gtest.h"
#include "services/journey/event_titles.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

TEST(MakeElementIdTest, KeepsWhatReadsAsAnId) {
  EXPECT_EQ(MakeElementId("Order placed", "x"), "order-placed");
  EXPECT_EQ(MakeElementId("A_PARTLYSUBMITTED", "x"), "a-partlysubmitted");
  EXPECT_EQ(MakeElementId("  pay -- (card) ", "x"), "pay-card");
}

TEST(MakeElementIdTest, LettersWithMarksLoseThem) {
  EXPECT_EQ(MakeElementId("Größe & Preis", "x"), "grosse-preis");
  EXPECT_EQ(MakeElementId("Žluťoučký kůň, Œuvre, Ĳssel", "x"), "zlutoucky-kun-oeuvre-ijssel");
}

TEST(MakeElementIdTest, TextWithoutLatinLetters_IsTheFallback) {
  EXPECT_EQ(MakeElementId("注文", "touchpoint"), "touchpoint");
  EXPECT_EQ(MakeElementId("", "touchpoint"), "touchpoint");
  EXPECT_EQ(MakeElementId("2nd try", "touchpoint"), "touchpoint-2nd-try");
  EXPECT_EQ(MakeElementId("\xFF\xC3", "touchpoint"), "touchpoint");  // no UTF-8 at all
}

TEST(MakeElementIdTest, LongText_IsCutToAnId) {
  const std::string id = MakeElementId(std::string(62, 'a') + " " + std::string(62, 'b'), "x");
  EXPECT_EQ(id, std::string(62, 'a'));
  EXPECT_TRUE(IsResourceId(id));
}

TEST(ElementIdsTest, SameText_GetsNumbers) {
  ElementIds ids;
  EXPECT_EQ(ids.Take("Call", "x"), "call");
  EXPECT_EQ(ids.Take("call!", "x"), "call-2");
  EXPECT_EQ(ids.Take("Call 2", "x"), "call-2-2");
  EXPECT_EQ(ids.Take("CALL", "x"), "call-3");
  const std::string longest(63, 'a');
  EXPECT_EQ(ids.Take(longest, "x"), longest);
  EXPECT_EQ(ids.Take(longest, "x"), std::string(61, 'a') + "-2");
}

TEST(EventTitleTest, ReadsLikeASentence) {
  EXPECT_EQ(EventTitle("order_placed"), "Order placed");
  EXPECT_EQ(EventTitle("order.placed"), "Order placed");
  EXPECT_EQ(EventTitle("orderPlaced"), "Order placed");
  EXPECT_EQ(EventTitle("A_PARTLYSUBMITTED"), "A partlysubmitted");
  EXPECT_EQ(EventTitle("W_Completeren aanvraag"), "W completeren aanvraag");
  EXPECT_EQ(EventTitle("NPS_answered"), "NPS answered");
  EXPECT_EQ(EventTitle("examine thoroughly"), "Examine thoroughly");
  EXPECT_EQ(EventTitle("überweisung_erhalten"), "überweisung erhalten");
}

TEST(EventTitleTest, IsNeverEmptyNorTooLong) {
  EXPECT_EQ(EventTitle("__"), "Event");
  std::string long_name;
  for (int i = 0; i < 128; ++i) long_name += "ä";
  EXPECT_EQ(EventTitle(long_name), long_name);
  EXPECT_EQ(EventTitle(std::string(256, 'a')).size(), 200u);
}

}  // namespace
}  // namespace throughline
