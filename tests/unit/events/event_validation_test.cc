#include "services/events/event_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <new>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "tests/contract/events/event_builder.h"
#include "tests/support/matchers.h"

namespace {
int64_t allocations = 0;
}  // namespace

// Every allocation of this program is counted.
__attribute__((noinline)) void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size); memory != nullptr) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace throughline::testing {
namespace {

using ::testing::AllOf;

const absl::Time kNow = BaseTime();

absl::Status Validate(const v1::CustomerEvent& event) { return ValidateEvent(event, kNow); }

// The event is refused because of this field, and of this one alone.
::testing::Matcher<absl::Status> RefusedFor(const std::string& field) {
  return ::testing::Truly([field](const absl::Status& status) {
    const auto violations = GetFieldViolations(status);
    return status.code() == absl::StatusCode::kInvalidArgument && GetErrorReason(status) == "INVALID_FIELD" &&
           violations.size() == 1 && violations[0].field == field;
  });
}

v1::CustomerEvent With(const std::function<void(v1::CustomerEvent&)>& change) {
  v1::CustomerEvent event = Event("e1").Channel("web").Department("sales").Property("plan", "pro");
  change(event);
  return event;
}

TEST(ValidateEvent, FullAndMinimalEvents_AreFine) {
  EXPECT_THAT(Validate(With([](auto&) {})), IsOk());
  EXPECT_THAT(Validate(Event("e1")), IsOk());
  EXPECT_THAT(Validate(Event("e1").Score(-3.5, "nps")), IsOk());
  EXPECT_THAT(Validate(Event("e1").Amount(-100)), IsOk());
  EXPECT_THAT(Validate(Event("ключ-日本-🙂").Name("größer")), IsOk());
}

TEST(ValidateEvent, FineEvent_CostsNoAllocation) {
  v1::CustomerEvent event = Event("an id that is longer than a short string").Score(9, "nps").Channel("web");
  for (int i = 0; i < 10; ++i) (*event.mutable_properties())[absl::StrCat("a rather long key ", i)].set_number_value(i);
  (*event.mutable_properties())["größe"].set_string_value(std::string(200, 'x'));
  const int64_t before = allocations;
  const absl::Status status = Validate(event);
  EXPECT_EQ(allocations, before);
  EXPECT_THAT(status, IsOk());
}

TEST(ValidateEvent, MissingFields_AreAllReportedAtOnce) {
  const absl::Status status = Validate(v1::CustomerEvent());
  EXPECT_THAT(status, AllOf(HasFieldViolation("id"), HasFieldViolation("source"), HasFieldViolation("customer_id"),
                            HasFieldViolation("event_time"), HasFieldViolation("event_name")));
  EXPECT_EQ(GetFieldViolations(status).size(), 5u);
}

TEST(ValidateEvent, TextsLongerThanTheirLimits_AreRefused) {
  const auto check = [](const std::string& field, size_t bytes_max, auto set) {
    EXPECT_THAT(Validate(With([&](auto& e) { set(e, std::string(bytes_max, 'x')); })), IsOk()) << field;
    EXPECT_THAT(Validate(With([&](auto& e) { set(e, std::string(bytes_max + 1, 'x')); })), RefusedFor(field));
  };
  check("id", 256, [](auto& e, std::string text) { e.set_id(text); });
  check("source", 128, [](auto& e, std::string text) { e.set_source(text); });
  check("customer_id", 256, [](auto& e, std::string text) { e.set_customer_id(text); });
  check("event_name", 256, [](auto& e, std::string text) { e.set_event_name(text); });
  check("channel", 128, [](auto& e, std::string text) { e.set_channel(text); });
  check("department", 128, [](auto& e, std::string text) { e.set_department(text); });
  check("survey_response.survey", 128, [](auto& e, std::string text) {
    e.mutable_survey_response()->set_score(1);
    e.mutable_survey_response()->set_survey(text);
  });
  check("survey_response.comment", 16'384, [](auto& e, std::string text) {
    e.mutable_survey_response()->set_score(1);
    e.mutable_survey_response()->set_comment(text);
  });
  check("case_change.case_id", 256, [](auto& e, std::string text) { e.mutable_case_change()->set_case_id(text); });
  check("case_change.status", 128, [](auto& e, std::string text) {
    e.mutable_case_change()->set_case_id("1");
    e.mutable_case_change()->set_status(text);
  });
  check("properties[\"plan\"]", 4096,
        [](auto& e, std::string text) { (*e.mutable_properties())["plan"].set_string_value(text); });
  // Ten megabytes cost no more than their length.
  EXPECT_THAT(Validate(With([](auto& e) { e.set_id(std::string(10 << 20, 'x')); })), RefusedFor("id"));
}

TEST(ValidateEvent, BrokenUtf8AndControlCharactersInNames_AreRefused) {
  for (const std::string& bad : {std::string("a\xC3"), std::string("\xED\xA0\x80"), std::string("\xC0\xAF"),
                                 std::string("12345678\xFF"), std::string("a\nb"), std::string("a\x7F"),
                                 std::string("1234567\x1F"
                                             "9abc"),
                                 std::string("a\0b", 3), std::string("\xC2\x85")}) {
    EXPECT_THAT(Validate(With([&](auto& e) { e.set_id(bad); })), RefusedFor("id")) << absl::StrCat("bytes: ", bad);
    EXPECT_THAT(Validate(With([&](auto& e) { e.set_channel(bad); })), RefusedFor("channel"));
    EXPECT_THAT(Validate(With([&](auto& e) { (*e.mutable_properties())[bad].set_bool_value(true); })),
                RefusedFor("properties"));
  }
  // Texts that people wrote may have lines, but must be text.
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())["note"].set_string_value("a\nb\tc"); })), IsOk());
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())["note"].set_string_value("a\xC3"); })),
              RefusedFor("properties[\"note\"]"));
}

TEST(ValidateEvent, EventTime_LiesBetween1970AndADayFromNow) {
  const auto at = [](int64_t seconds, int32_t nanos) {
    return Validate(With([&](auto& e) {
      e.mutable_event_time()->set_seconds(seconds);
      e.mutable_event_time()->set_nanos(nanos);
    }));
  };
  const int64_t tomorrow = absl::ToUnixSeconds(kNow) + 86'400;
  EXPECT_THAT(at(0, 0), IsOk());
  EXPECT_THAT(at(tomorrow, 0), IsOk());
  EXPECT_THAT(at(tomorrow, 1), RefusedFor("event_time"));
  EXPECT_THAT(at(-1, 999'999'999), RefusedFor("event_time"));
  EXPECT_THAT(at(1, -1), RefusedFor("event_time"));
  EXPECT_THAT(at(1, 1'000'000'000), RefusedFor("event_time"));
  EXPECT_THAT(at(-62'135'596'801, 0), RefusedFor("event_time")) << "year 0";
  EXPECT_THAT(at(253'402'300'799, 0), RefusedFor("event_time")) << "year 9999";
  EXPECT_THAT(at(std::numeric_limits<int64_t>::min(), 0), RefusedFor("event_time"));
  EXPECT_THAT(at(std::numeric_limits<int64_t>::max(), 0), RefusedFor("event_time"));
}

TEST(ValidateEvent, NumbersMustBeFinite) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
  for (const double bad : {kNaN, kInf, -kInf}) {
    EXPECT_THAT(Validate(Event("e").Score(bad)), RefusedFor("survey_response.score"));
    EXPECT_THAT(Validate(Event("e").Property("x", bad)), RefusedFor("properties[\"x\"]"));
  }
  EXPECT_THAT(Validate(With([](auto& e) { e.mutable_survey_response(); })), RefusedFor("survey_response.score"));
}

TEST(ValidateEvent, Properties_AreFewAndPlain) {
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())["x"].mutable_struct_value(); })),
              RefusedFor("properties[\"x\"]"));
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())["x"].mutable_list_value(); })),
              RefusedFor("properties[\"x\"]"));
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())["x"]; })), RefusedFor("properties[\"x\"]"));
  EXPECT_THAT(
      Validate(With([](auto& e) { (*e.mutable_properties())["x"].set_null_value(google::protobuf::NULL_VALUE); })),
      IsOk());
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())[""].set_bool_value(true); })),
              RefusedFor("properties"));
  EXPECT_THAT(Validate(With([](auto& e) { (*e.mutable_properties())[std::string(129, 'k')].set_bool_value(true); })),
              RefusedFor("properties"));
  v1::CustomerEvent many = Event("e");
  for (int i = 0; i < limits::kEventPropertyCountMax; ++i)
    (*many.mutable_properties())[absl::StrCat(i)].set_bool_value(true);
  EXPECT_THAT(Validate(many), IsOk());
  (*many.mutable_properties())["one more"].set_bool_value(true);
  EXPECT_THAT(Validate(many), RefusedFor("properties"));
}

TEST(ValidateEvent, MoneyNeedsACurrencyOfThreeCapitals) {
  for (const char* bad : {"", "eur", "EURO", "E1R", "€"}) {
    EXPECT_THAT(Validate(With([&](auto& e) { e.mutable_money_movement()->set_currency_code(bad); })),
                RefusedFor("money_movement.currency_code"));
  }
}

TEST(ValidateEvent, HandOffsNameBothDepartmentsAndAState) {
  const auto hand_off = [](const std::string& from, const std::string& to, int state) {
    return Validate(With([&](auto& e) {
      e.mutable_hand_off()->set_from_department(from);
      e.mutable_hand_off()->set_to_department(to);
      e.mutable_hand_off()->set_state(static_cast<v1::HandOff::State>(state));
    }));
  };
  EXPECT_THAT(hand_off("sales", "support", v1::HandOff::OFFERED), IsOk());
  EXPECT_THAT(hand_off("", "support", v1::HandOff::OFFERED), RefusedFor("hand_off.from_department"));
  EXPECT_THAT(hand_off("sales", "", v1::HandOff::OFFERED), RefusedFor("hand_off.to_department"));
  EXPECT_THAT(hand_off("sales", "support", 0), RefusedFor("hand_off.state"));
  EXPECT_THAT(hand_off("sales", "support", 77), RefusedFor("hand_off.state"));
  EXPECT_THAT(Validate(With([](auto& e) { e.mutable_case_change()->set_status("open"); })),
              RefusedFor("case_change.case_id"));
}

}  // namespace
}  // namespace throughline::testing
