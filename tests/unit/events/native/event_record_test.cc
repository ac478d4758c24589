#include "services/events/native/event_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/events/event_builder.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

std::string Canonical(const v1::CustomerEvent& event) {
  std::string out = "before";
  AppendCanonicalEvent(event, out);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

TEST(EventRecord, ReadEventFields_ReadsWhatTheMessageHas) {
  const v1::CustomerEvent event = Event("e1")
                                      .Source("crm")
                                      .Customer("c1")
                                      .Name("answer")
                                      .Channel("web")
                                      .Department("support")
                                      .At(5, 123'456'789)
                                      .Sequence(-7)
                                      .Score(-2.5, "nps")
                                      .Property("b", "text")
                                      .Property("a", 1.5)
                                      .Flag("c", true);
  const std::string bytes = Canonical(event);
  EventFields fields;
  std::vector<PropertyField> properties;
  ASSERT_TRUE(ReadEventFields(bytes, fields, &properties));
  EXPECT_EQ(fields.id, "e1");
  EXPECT_EQ(fields.source, "crm");
  EXPECT_EQ(fields.customer_id, "c1");
  EXPECT_EQ(fields.event_name, "answer");
  EXPECT_EQ(fields.channel, "web");
  EXPECT_EQ(fields.department, "support");
  EXPECT_EQ(fields.time_micros, absl::ToUnixMicros(BaseTime()) + 5'123'456);
  EXPECT_EQ(fields.sequence, -7);
  EXPECT_EQ(fields.value_kind, ValueKind::kScore);
  EXPECT_EQ(fields.score, -2.5);
  EXPECT_EQ(fields.survey, "nps");
  ASSERT_EQ(properties.size(), 3u);
  EXPECT_EQ(properties[0].key, "a");
  EXPECT_EQ(properties[0].number, 1.5);
  EXPECT_EQ(properties[1].text, "text");
  EXPECT_EQ(properties[2].kind, PropertyField::Kind::kBool);
  EXPECT_TRUE(properties[2].boolean);
}

TEST(EventRecord, ReadEventFields_AmountOfZero_IsAnAmount) {
  EventFields fields;
  ASSERT_TRUE(ReadEventFields(Canonical(Event("e").Amount(0)), fields));
  EXPECT_EQ(fields.value_kind, ValueKind::kAmount);
  ASSERT_TRUE(ReadEventFields(Canonical(Event("e").Amount(-12)), fields));
  EXPECT_EQ(fields.amount_minor, -12);
  ASSERT_TRUE(ReadEventFields(Canonical(Event("e")), fields));
  EXPECT_EQ(fields.value_kind, ValueKind::kNone);
}

TEST(EventRecord, Canonical_ParsesBackToTheEvent) {
  const v1::CustomerEvent event = Event("e1").Score(3).Property("k", "v");
  v1::CustomerEvent back;
  ASSERT_TRUE(back.ParseFromString(Canonical(event)));
  EXPECT_THAT(back, EqualsProto(event));
}

// Every prefix and every single damaged byte of a record: read without running out of its bytes (ASan watches).
TEST(EventRecord, ReadEventFields_DamagedBytes_NeverReadsOutside) {
  const std::string bytes =
      Canonical(Event("e1").Channel("web").Score(9, "nps").Property("plan", "pro").Property("n", 2).Flag("f", true));
  EventFields fields;
  std::vector<PropertyField> properties;
  int refused = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string prefix = bytes.substr(0, size);
    refused += !ReadEventFields(prefix, fields, &properties);
  }
  EXPECT_GT(refused, 0);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {0x01, 0x07, 0x80, 0xFF}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      damaged.shrink_to_fit();
      ReadEventFields(damaged, fields, &properties);
    }
  }
}

TEST(EventRecord, LogMarks_AreReadBack_AndAreNoEvents) {
  LogMark tombstone;
  tombstone.identity_hash = 0xFEDCBA9876543210u;
  LogMark erasure;
  erasure.kind = LogMark::Kind::kErasure;
  erasure.erased_events = 200'000;
  for (const LogMark& mark : {tombstone, erasure}) {
    const std::string bytes = EncodeLogMark(mark);
    EXPECT_TRUE(IsLogMark(bytes));
    LogMark back;
    ASSERT_TRUE(ReadLogMark(bytes, back));
    EXPECT_EQ(back.kind, mark.kind);
    EXPECT_EQ(back.identity_hash, mark.identity_hash);
    EXPECT_EQ(back.erased_events, mark.erased_events);
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(ReadLogMark(bytes.substr(0, size), back));
    EXPECT_FALSE(ReadLogMark(bytes + "x", back));
  }
  LogMark back;
  const std::string event = Canonical(Event("e1"));
  EXPECT_FALSE(IsLogMark(event) || ReadLogMark(event, back));
  std::string unknown = EncodeLogMark(tombstone);
  unknown[1] = 3;
  EXPECT_FALSE(ReadLogMark(unknown, back));
  LogMark nothing = erasure;
  nothing.erased_events = 0;
  EXPECT_FALSE(ReadLogMark(EncodeLogMark(nothing), back));
}

TEST(EventRecord, IdentityOfMark_IsTheEvents_OrTheSequences) {
  LogMark mark;
  mark.identity_hash = 17;
  EXPECT_EQ(IdentityOfMark(mark, 5, 99), 17u);
  mark.kind = LogMark::Kind::kErasure;
  EXPECT_EQ(IdentityOfMark(mark, 5, 99), IdentityOfMark(mark, 5, 99));
  EXPECT_NE(IdentityOfMark(mark, 5, 99), IdentityOfMark(mark, 6, 99));
  EXPECT_NE(IdentityOfMark(mark, 5, 99), IdentityOfMark(mark, 5, 98));
}

}  // namespace
}  // namespace throughline::testing
