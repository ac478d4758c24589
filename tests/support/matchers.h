// GoogleMock matchers for absl::Status, absl::StatusOr and protobuf messages, and macros that use them.
// For tests; any thread.
//
//   EXPECT_THAT(status, IsOk());
//   EXPECT_THAT(result, IsOkAndHolds(EqualsProto(R"pb(name: "workspaces/w")pb")));
//   EXPECT_THAT(result, StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
//   EXPECT_THAT(status, AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("filter")));
//   ASSERT_OK_AND_ASSIGN(auto map, catalog.Get(name));
#pragma once

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "throughline/errors.h"

namespace throughline::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(HasReason, reason, std::string("has reason ") + reason) {
  const std::string actual = GetErrorReason(StatusOf(arg));
  *result_listener << "reason " << actual << " of " << StatusOf(arg).ToString();
  return actual == reason;
}

MATCHER_P(HasFieldViolation, field, std::string("has a violation of field ") + field) {
  const auto violations = GetFieldViolations(StatusOf(arg));
  bool found = false;
  for (const FieldViolation& violation : violations) {
    *result_listener << violation.field << ": " << violation.description << "; ";
    found = found || violation.field == field;
  }
  return found;
}

MATCHER_P(HasPreconditionViolation, subject, std::string("has a precondition violation of ") + subject) {
  bool found = false;
  for (const FieldViolation& violation : GetPreconditionViolations(StatusOf(arg))) {
    *result_listener << violation.field << ": " << violation.description << "; ";
    found = found || violation.field == subject;
  }
  return found;
}

MATCHER_P(HasMessage, message_matcher, "has a fitting message") {
  return ::testing::ExplainMatchResult(message_matcher, std::string(StatusOf(arg).message()), result_listener);
}

MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

// `detail` is a matcher of the status itself, such as HasReason or HasFieldViolation.
MATCHER_P2(StatusIs, code, detail, "has code " + absl::StatusCodeToString(code) + " and fits further") {
  *result_listener << StatusOf(arg).ToString() << "; ";
  return StatusOf(arg).code() == code && ::testing::ExplainMatchResult(detail, StatusOf(arg), result_listener);
}

MATCHER_P(IsOkAndHolds, value_matcher, "is OK and holds what fits") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

// Compares with a message, or with text format.
template <typename Expected>
class EqualsProtoMatcher {
 public:
  using is_gtest_matcher = void;
  explicit EqualsProtoMatcher(Expected expected) : expected_(std::move(expected)) {}

  template <typename M>
  bool MatchAndExplain(const M& actual, std::ostream* listener) const {
    M expected;
    if constexpr (std::is_base_of_v<google::protobuf::Message, Expected>) {
      expected.CopyFrom(expected_);
    } else if (!google::protobuf::TextFormat::ParseFromString(std::string(expected_), &expected)) {
      if (listener != nullptr) *listener << "the expected text does not parse";
      return false;
    }
    std::string differences;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&differences);
    const bool equal = differencer.Compare(expected, actual);
    if (!equal && listener != nullptr) *listener << differences;
    return equal;
  }
  void DescribeTo(std::ostream* out) const { *out << "equals\n" << Text(); }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not equal\n" << Text(); }

 private:
  std::string Text() const {
    if constexpr (std::is_base_of_v<google::protobuf::Message, Expected>) {
      return expected_.DebugString();
    } else {
      return std::string(expected_);
    }
  }
  Expected expected_;
};

template <typename M, typename = std::enable_if_t<std::is_base_of_v<google::protobuf::Message, M>>>
EqualsProtoMatcher<M> EqualsProto(const M& expected) {
  return EqualsProtoMatcher<M>(expected);
}
inline EqualsProtoMatcher<std::string> EqualsProto(const char* expected) {
  return EqualsProtoMatcher<std::string>(expected);
}
inline EqualsProtoMatcher<std::string> EqualsProto(const std::string& expected) {
  return EqualsProtoMatcher<std::string>(expected);
}

// A message from text format; fails the test if it does not parse.
template <typename M>
M ParseProto(const std::string& text) {
  M message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace throughline::testing

#define EXPECT_OK(expression) EXPECT_THAT((expression), ::throughline::testing::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT((expression), ::throughline::testing::IsOk())

// ASSERT_OK_AND_ASSIGN(auto x, expression): in functions that return void, as ASSERT_*.
#define ASSERT_OK_AND_ASSIGN(left, expression) \
  THROUGHLINE_ASSERT_OK_AND_ASSIGN_(THROUGHLINE_TEST_CONCAT_(throughline_statusor_, __LINE__), left, expression)
#define THROUGHLINE_ASSERT_OK_AND_ASSIGN_(statusor, left, expression)                \
  auto statusor = (expression);                                                      \
  ASSERT_TRUE(statusor.ok()) << #expression << ": " << statusor.status().ToString(); \
  left = *std::move(statusor)
#define THROUGHLINE_TEST_CONCAT_(a, b) THROUGHLINE_TEST_CONCAT_INNER_(a, b)
#define THROUGHLINE_TEST_CONCAT_INNER_(a, b) a##b
