#include "services/events/json_lines_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/support/matchers.h"
#include "tests/unit/events/formats/read_all.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using throughline::testing::EqualsProto;

ReadFile Read(const std::string& text) { return ReadAll(*MakeJsonLinesEventReader(Bytes(text), "file")); }

TEST(JsonLinesReader, Line_IsAnEvent_InBothSpellings) {
  const ReadFile file = Read(
      "\xEF\xBB\xBF{\"id\":\"1\",\"source\":\"crm\",\"customerId\":\"c\",\"eventTime\":\"2020-01-01T00:00:00+01:00\","
      "\"eventName\":\"a\"}\r\n"
      "\n"
      "{\"id\":\"2\",\"customer_id\":\"c\",\"event_name\":\"b\",\"surveyResponse\":{\"score\":9}}");
  ASSERT_THAT(file.problems, IsEmpty());
  ASSERT_THAT(file.Ids(), ElementsAre("1", "2"));
  EXPECT_THAT(file.events[0], EqualsProto(R"pb(id: "1"
                                               source: "crm"
                                               customer_id: "c"
                                               event_name: "a"
                                               event_time { seconds: 1577833200 })pb"));
  EXPECT_EQ(file.events[1].source(), "file");
  EXPECT_EQ(file.events[1].survey_response().score(), 9);
  EXPECT_THAT(file.lines, ElementsAre(1, 3));
}

TEST(JsonLinesReader, Traits_AreReadWithTheirKinds_AndNull) {
  const ReadFile file = Read(R"({"id":"1","customerId":"c","eventName":"a",)"
                             R"("traits":{"plan":"pro","seats":5,"vip":true,"country":null}})");
  ASSERT_THAT(file.problems, IsEmpty());
  ASSERT_THAT(file.Ids(), ElementsAre("1"));
  const auto& traits = file.events[0].traits();
  EXPECT_EQ(traits.size(), 4);
  EXPECT_EQ(traits.at("plan").string_value(), "pro");
  EXPECT_EQ(traits.at("seats").number_value(), 5);
  EXPECT_TRUE(traits.at("vip").bool_value());
  EXPECT_TRUE(traits.at("country").has_null_value());
}

TEST(JsonLinesReader, BadLines_AreReportedByNameAndLine_AndTheRestIsRead) {
  const ReadFile file =
      Read(absl::StrCat("{\"id\":\"1\"}\n"
                        "{\"id\":\"2\",\"customer\":\"c\"}\n"
                        "{\"id\":\"3\",\"surveyResponse\":{\"points\":3}}\n"
                        "{\"id\":\"4\",\"surveyResponse\":{\"score\":\"many\"}}\n"
                        "{\"id\":\"5\",\"eventTime\":\"yesterday\"}\n"
                        "{\"id\":\n"
                        "[1]\n"
                        "{\"id\":\"\xE9\"}\n"
                        "{\"id\":\"",
                        std::string(2 << 20, 'x'), "\"}\n", std::string(5000, '['),
                        "\n"
                        "{\"id\":\"11\"}\n"));
  EXPECT_THAT(file.Ids(), ElementsAre("1", "11"));
  EXPECT_THAT(file.problems,
              ElementsAre(Field(&RowProblem::kind, "UNKNOWN_FIELD"), Field(&RowProblem::kind, "UNKNOWN_FIELD"),
                          Field(&RowProblem::kind, "BAD_VALUE"), Field(&RowProblem::kind, "BAD_VALUE"),
                          Field(&RowProblem::kind, "MALFORMED_JSON"), Field(&RowProblem::kind, "MALFORMED_JSON"),
                          Field(&RowProblem::kind, "NOT_UTF8"), Field(&RowProblem::kind, "LINE_TOO_LONG"),
                          Field(&RowProblem::kind, "MALFORMED_JSON")));
  EXPECT_EQ(file.problems[0].field, "customer");
  EXPECT_EQ(file.problems[1].field, "survey_response.points");
  EXPECT_EQ(file.problems[2].field, "survey_response.score");
  for (size_t i = 0; i < file.problems.size(); ++i) EXPECT_EQ(file.problems[i].line, static_cast<int64_t>(i) + 2);
}

TEST(JsonLinesReader, TruncatedGzip_KeepsWhatCameBefore) {
  std::string text;
  uint32_t state = 5;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&text, "{\"id\":\"", Noise(30, state), "\"}\n");
  const std::string packed = Gzip(text);
  EXPECT_EQ(Read(packed).events.size(), 5000u);
  const ReadFile cut = Read(packed.substr(0, packed.size() / 2));
  EXPECT_GT(cut.events.size(), 2000u);
  EXPECT_THAT(cut.problems, ElementsAre(Field(&RowProblem::kind, "FILE_TRUNCATED")));
  EXPECT_EQ(cut.problems[0].line, static_cast<int64_t>(cut.events.size()) + 1);
}

}  // namespace
}  // namespace throughline
