// Feeds the filter parser and the reader of log records tens of thousands of damaged inputs: they must not crash, hang
// or contradict themselves; sanitizers see the rest. Seeds are fixed and printed on failure; THROUGHLINE_FUZZ_ROUNDS
// asks for more rounds.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/base/limits.h"
#include "services/events/event_match.h"
#include "services/events/native/event_record.h"
#include "tests/support/mutate.h"
#include "throughline/filter.h"
#include "throughline/v1/event.pb.h"

namespace throughline {
namespace {

int Rounds() {
  const char* rounds = std::getenv("THROUGHLINE_FUZZ_ROUNDS");
  return rounds == nullptr ? 20'000 : std::max(1, std::atoi(rounds));
}

v1::CustomerEvent SampleEvent() {
  v1::CustomerEvent event;
  event.set_id("e1");
  event.set_source("shop");
  event.set_customer_id("c1");
  event.set_event_name("order_placed");
  event.mutable_event_time()->set_seconds(1'514'764'800);
  event.mutable_event_time()->set_nanos(123'456'000);
  event.set_sequence(-7);
  event.set_channel("web");
  event.set_department("sales");
  (*event.mutable_properties())["plan"].set_string_value("pro");
  (*event.mutable_properties())["seats"].set_number_value(3);
  (*event.mutable_properties())["trial"].set_bool_value(true);
  (*event.mutable_traits())["tier"].set_string_value("gold");
  (*event.mutable_traits())["left"].set_null_value(google::protobuf::NULL_VALUE);
  event.mutable_survey_response()->set_score(9);
  event.mutable_survey_response()->set_survey("nps");
  return event;
}

const std::vector<std::string>& SampleFilters() {
  static const std::vector<std::string> kFilters = {
      R"(event_name = "order_placed" AND channel = "web")",
      R"(properties.plan = "pro" OR properties."a key with spaces" != null)",
      R"(NOT (score >= 9 AND score <= 10) -department:support)",
      R"(event_time >= 2018-01-01 event_time < "2018-02-01T00:00:00Z" amount_minor > -5.25e3)",
      R"(source = s* channel:"eb" survey = "*ps" properties.trial = true)",
      R"(traits.tier = gold AND (customer.event_count > 2 OR traits."left" = null) customer_id = "c*")",
      R"(((((event_name = a)))) OR (NOT NOT properties.x:*))",
  };
  return kFilters;
}

TEST(Fuzz, Filter_WhatParses_ParsesAgainFromItsText_AndMeansTheSame) {
  const uint32_t seed = 20261122;
  std::mt19937 random(seed);
  const v1::CustomerEvent event = SampleEvent();
  CustomerFacts customer;
  customer.customer_id = event.customer_id();
  customer.event_count = 3;
  customer.AddTraits(event);
  int parsed = 0;
  for (int round = 0; round < Rounds(); ++round) {
    const std::string text = testing::Mutate(SampleFilters()[random() % SampleFilters().size()], random);
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    Filter::ParseAndCheck(text, EventFilterFields()).status().IgnoreError();
    if (!filter.ok()) continue;
    ++parsed;
    const std::string canonical = filter->ToString();
    const absl::StatusOr<Filter> again = Filter::Parse(canonical);
    ASSERT_TRUE(again.ok()) << "seed " << seed << " round " << round << ": " << text << " -> " << canonical;
    ASSERT_EQ(again->ToString(), canonical) << "seed " << seed << " round " << round << ": " << text;
    ASSERT_EQ(MatchesFilter(*again, event, customer), MatchesFilter(*filter, event, customer))
        << "seed " << seed << " round " << round << ": " << text;
  }
  EXPECT_GT(parsed, Rounds() / 100) << "nearly nothing parses: the test tries too little";
}

TEST(Fuzz, Filter_OfTenThousandTermsOrAThousandBrackets_IsRefusedAtOnce) {
  std::string terms = "a=1";
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&terms, " AND a=", i);
  const std::string brackets = absl::StrCat(std::string(1000, '('), "a=1", std::string(1000, ')'));
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "NOT ";
  for (const std::string& text : {terms, brackets, absl::StrCat(nots, "a=1"), std::string(1 << 20, '-')}) {
    EXPECT_EQ(Filter::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 40);
  }
}

TEST(Fuzz, LogRecord_Damaged_IsReadOrRefused_AndNeverPointsOutside) {
  const uint32_t seed = 20261123;
  std::mt19937 random(seed);
  std::string bytes;
  AppendCanonicalEvent(SampleEvent(), bytes);
  int read = 0;
  for (int round = 0; round < Rounds(); ++round) {
    const std::string damaged = testing::Mutate(bytes, random);
    EventFields fields;
    std::vector<PropertyField> properties;
    if (!ReadEventFields(damaged, fields, &properties)) continue;
    ++read;
    const auto inside = [&](absl::string_view text) {
      return text.empty() ||
             (text.data() >= damaged.data() && text.data() + text.size() <= damaged.data() + damaged.size());
    };
    bool fine = inside(fields.id) && inside(fields.source) && inside(fields.customer_id) && inside(fields.event_name) &&
                inside(fields.channel) && inside(fields.department) && inside(fields.survey) && inside(fields.currency);
    for (const PropertyField& property : properties) fine = fine && inside(property.key) && inside(property.text);
    ASSERT_TRUE(fine) << "seed " << seed << " round " << round;
  }
  EXPECT_GT(read, Rounds() / 100);
}

TEST(Fuzz, LogMark_Damaged_IsReadOrRefused_AndIsTheSameAgain) {
  const uint32_t seed = 20261124;
  std::mt19937 random(seed);
  LogMark tombstone, erasure;
  tombstone.identity_hash = 0x0123456789ABCDEF;
  erasure.kind = LogMark::Kind::kErasure;
  erasure.erased_events = 20;
  const std::vector<std::string> samples = {EncodeLogMark(tombstone), EncodeLogMark(erasure)};
  int read = 0;
  for (int round = 0; round < Rounds(); ++round) {
    const std::string damaged = testing::Mutate(samples[random() % samples.size()], random);
    LogMark mark;
    if (!ReadLogMark(damaged, mark)) continue;
    ++read;
    ASSERT_TRUE(IsLogMark(damaged)) << "seed " << seed << " round " << round;
    ASSERT_EQ(EncodeLogMark(mark), damaged) << "seed " << seed << " round " << round;
  }
  EXPECT_GT(read, Rounds() / 100);
}

}  // namespace
}  // namespace throughline
