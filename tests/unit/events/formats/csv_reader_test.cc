#include "services/events/csv_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "services/events/import_mapping.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/unit/events/formats/read_all.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using throughline::testing::EqualsProto;
using throughline::testing::HasMessage;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

constexpr char kSimple[] = R"json({"source": "shop", "events": [
  {"eventName": "{what}", "id": "{id}", "customerId": "{who}", "eventTime": "{when}"}]})json";

absl::StatusOr<std::unique_ptr<EventReader>> Open(const std::string& csv, const std::string& mapping_json,
                                                  const std::string& folder = ".") {
  absl::StatusOr<v1::ImportMapping> mapping = ParseImportMapping(mapping_json);
  if (!mapping.ok()) return mapping.status();
  return MakeCsvEventReader(Bytes(csv), *mapping, folder);
}

ReadFile Read(const std::string& csv, const std::string& mapping = kSimple) {
  absl::StatusOr<std::unique_ptr<EventReader>> reader = Open(csv, mapping);
  EXPECT_THAT(reader, IsOk());
  return reader.ok() ? ReadAll(**reader) : ReadFile{};
}

auto ProblemIs(int64_t line, const std::string& kind) {
  return ::testing::AllOf(Field(&RowProblem::line, line), Field(&RowProblem::kind, kind));
}

TEST(CsvReader, Row_BecomesAnEvent) {
  const ReadFile file = Read("id,who,what,when\n1,c1,placed,2018-01-31 13:45:10\n");
  ASSERT_THAT(file.events, SizeIs(1));
  EXPECT_THAT(file.events[0], EqualsProto(R"pb(
                id: "1"
                source: "shop"
                customer_id: "c1"
                event_name: "placed"
                event_time { seconds: 1517406310 }
              )pb"));
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_THAT(file.lines, ElementsAre(2));
}

TEST(CsvReader, OneRow_YieldsSeveralEvents_AndNoneWhereTheTimeIsEmpty) {
  const ReadFile file = Read("id,who,placed,paid\n1,c1,2018-01-01,2018-01-02\n2,c2,2018-01-03,\n", R"json({
    "source": "shop", "events": [
      {"eventName": "placed", "id": "{id}:placed", "customerId": "{who}", "eventTime": "{placed}", "sequence": "1"},
      {"eventName": "paid", "id": "{id}:paid", "customerId": "{who}", "eventTime": "{paid}", "sequence": "2"}]})json");
  EXPECT_THAT(file.Ids(), ElementsAre("1:placed", "1:paid", "2:placed"));
  EXPECT_EQ(file.events[1].sequence(), 2);
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_THAT(file.notes, ElementsAre(HasSubstr("1 rows have no paid")));
  EXPECT_EQ(file.rows, 2);
}

TEST(CsvReader, RequiredTime_Empty_IsAProblem) {
  const ReadFile file = Read("id,who,when\n1,c1,\n", R"json({"source": "s", "events": [
      {"eventName": "x", "id": "{id}", "customerId": "{who}", "eventTime": "{when}", "required": true}]})json");
  EXPECT_THAT(file.events, IsEmpty());
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(2, "VALUE_MISSING")));
}

TEST(CsvReader, BrokenLineInTheMiddle_IsReportedWithItsNumber_AndTheRestIsRead) {
  const ReadFile file = Read(
      "id,who,what,when\n"
      "1,c1,a,2018-01-01\n"
      "2,c2,a\n"
      "3,c3,a,yesterday\n"
      "4,c4,\"a,2018-01-01\n"
      "5,c5,a,2018-01-01\n"
      "6,c6,\"a\",2018-01-01\n"
      "7,,a,2018-01-01\n"
      "8,c8,a,2018-01-01\n");
  EXPECT_THAT(file.Ids(), ElementsAre("1", "5", "6", "8"));
  EXPECT_THAT(file.lines, ElementsAre(2, 6, 7, 9));
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(3, "WRONG_COLUMN_COUNT"), ProblemIs(4, "BAD_TIME"),
                                         ProblemIs(5, "BAD_QUOTING"), ProblemIs(8, "VALUE_MISSING")));
  EXPECT_EQ(file.problems[1].field, "when");
  EXPECT_EQ(file.problems[3].field, "who");
  EXPECT_EQ(file.rows, 8);
}

TEST(CsvReader, QuoteThatIsNeverClosed_BreaksOnlyItsLine) {
  const ReadFile file = Read("id,who,what,when\n1,c1,\"a,2018-01-01\n2,c2,a,2018-01-01\n3,c3,a,2018-01-01");
  EXPECT_THAT(file.Ids(), ElementsAre("2", "3"));
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(2, "BAD_QUOTING")));
}

TEST(CsvReader, QuotedFields_MayHoldDelimitersQuotesAndLineEnds) {
  const ReadFile file =
      Read("id,who,what,when\r\n1,\"c,1\",\"said \"\"hi\"\"\r\nand left\",2018-01-01\r\n2,c2,b,2018-01-02\r\n");
  ASSERT_THAT(file.events, SizeIs(2));
  EXPECT_EQ(file.events[0].customer_id(), "c,1");
  EXPECT_EQ(file.events[0].event_name(), "said \"hi\"\r\nand left");
  EXPECT_THAT(file.lines, ElementsAre(2, 4)) << "lines of the file, not rows";
}

TEST(CsvReader, ByteOrderMarkAndCrLf_ArePassedOver) {
  const ReadFile file = Read("\xEF\xBB\xBFid,who,what,when\r\n1,c1,a,2018-01-01\r\n\r\n2,c2,a,2018-01-01");
  EXPECT_THAT(file.Ids(), ElementsAre("1", "2"));
  EXPECT_THAT(file.problems, IsEmpty());
}

TEST(CsvReader, Delimiter_IsFoundFromTheFirstLine) {
  for (const char* delimiter : {",", ";", "\t", "|"}) {
    const std::string csv = absl::StrReplaceAll("id,who,what,when\n1,c1,a,2018-01-01\n", {{",", delimiter}});
    EXPECT_THAT(Read(csv).Ids(), ElementsAre("1")) << delimiter;
  }
}

TEST(CsvReader, Gzip_IsUnpacked_AndTruncationIsReportedBehindAllThatCameBefore) {
  std::string csv = "id,who,what,when\n";
  uint32_t state = 7;
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&csv, i, ",", Noise(20, state), ",a,2018-01-01\n");
  const std::string packed = Gzip(csv);
  EXPECT_THAT(Read(packed).events, SizeIs(20000));
  EXPECT_THAT(Read(packed + packed.substr(0, 0)).problems, IsEmpty());

  const ReadFile cut = Read(packed.substr(0, packed.size() / 2));
  EXPECT_GT(cut.events.size(), 9000u);
  EXPECT_LT(cut.events.size(), 11000u);
  EXPECT_EQ(cut.events.back().id(), absl::StrCat(cut.events.size() - 1)) << "no row before the cut is missing";
  EXPECT_EQ(cut.events.back().customer_id().size(), 20u) << "no row is half read";
  EXPECT_THAT(cut.problems, ElementsAre(ProblemIs(static_cast<int64_t>(cut.events.size()) + 2, "FILE_TRUNCATED")));
  EXPECT_TRUE(cut.problems[0].ends_file);

  std::string damaged = packed;
  for (size_t i = damaged.size() / 2; i < damaged.size() / 2 + 64; ++i) damaged[i] = static_cast<char>(~damaged[i]);
  const ReadFile harmed = Read(damaged);
  EXPECT_THAT(harmed.problems, ::testing::Contains(Field(&RowProblem::kind, "FILE_TRUNCATED")));
}

TEST(CsvReader, GzipMembers_AreReadOneAfterTheOther) {
  EXPECT_THAT(Read(Gzip("id,who,what,when\n1,c1,a,2018-01-01\n") + Gzip("2,c2,a,2018-01-01\n")).Ids(),
              ElementsAre("1", "2"));
}

TEST(CsvReader, RowBeyondTheLimit_IsReported_AndTheRestIsRead) {
  const std::string huge(3 << 20, 'x');
  const ReadFile file = Read(absl::StrCat("id,who,what,when\n1,c1,\"", huge, "\n2,c2,a,2018-01-01\n3,c3,", huge,
                                          ",2018-01-01\n", "4,c4,a,2018-01-01\n"));
  EXPECT_THAT(file.Ids(), ElementsAre("2", "4"));
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(2, "RECORD_TOO_LARGE"), ProblemIs(4, "RECORD_TOO_LARGE")));
}

TEST(CsvReader, TimesInAZone_FollowItsClocks) {
  const std::string mapping =
      absl::StrReplaceAll(kSimple, {{"\"shop\",", "\"shop\", \"timeZone\": \"Europe/Berlin\","}});
  const ReadFile file = Read(
      "id,who,what,when\n"
      "winter,c,a,2018-01-31 12:00:00\n"
      "summer,c,a,2018-07-31 12:00:00\n"
      "offset,c,a,2018-07-31T12:00:00-03:00\n"
      "skipped,c,a,2018-03-25 02:30:00\n"
      "twice,c,a,2018-10-28 02:30:00\n",
      mapping);
  ASSERT_THAT(file.Ids(), ElementsAre("winter", "summer", "offset", "twice"));
  EXPECT_EQ(file.events[0].event_time().seconds(), 1517396400);  // 11:00Z
  EXPECT_EQ(file.events[1].event_time().seconds(), 1533031200);  // 10:00Z
  EXPECT_EQ(file.events[2].event_time().seconds(), 1533049200);  // 15:00Z
  EXPECT_EQ(file.events[3].event_time().seconds(), 1540686600);  // 00:30Z, the first of the two
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(5, "TIME_SKIPPED_BY_CLOCKS")));
}

TEST(CsvReader, TimeFormats_AreUnderstood) {
  const auto seconds = [](const std::string& format, const std::string& text) {
    const ReadFile file = Read(
        absl::StrCat("id,who,what,when\n1,c,a,\"", text, "\"\n"),
        absl::StrReplaceAll(kSimple, {{"\"shop\",", absl::StrCat("\"shop\", \"timeFormat\": \"", format, "\",")}}));
    if (file.events.size() != 1) return std::string(file.problems.at(0).kind);
    return absl::StrCat(file.events[0].event_time().seconds(), ".", file.events[0].event_time().nanos());
  };
  EXPECT_EQ(seconds("", "2018-01-31T13:45Z"), "1517406300.0");
  EXPECT_EQ(seconds("", "2018-01-31 13:45:10.1234567+01:00"), "1517402710.123456000");
  EXPECT_EQ(seconds("", "2016-12-31T23:59:60Z"), "1483228800.0");
  EXPECT_EQ(seconds("", "2018-02-30"), "BAD_TIME");
  EXPECT_EQ(seconds("", "2018-01-31 13:45:10 tomorrow"), "BAD_TIME");
  EXPECT_EQ(seconds("", "0000-00-00"), "BAD_TIME");
  EXPECT_EQ(seconds("unix", "1517406310"), "1517406310.0");
  EXPECT_EQ(seconds("unix", "1517406310.5"), "1517406310.500000000");
  EXPECT_EQ(seconds("unix", "1e300"), "BAD_TIME");
  EXPECT_EQ(seconds("unix_ms", "1517406310250"), "1517406310.250000000");
  EXPECT_EQ(seconds("%d/%m/%Y %H:%M", "31/01/2018 13:45"), "1517406300.0");
  EXPECT_EQ(seconds("%d/%m/%Y %H:%M %z", "31/01/2018 13:45 +0100"), "1517402700.0");
  EXPECT_EQ(seconds("%d/%m/%Y", "2018-01-31"), "BAD_TIME");
}

TEST(CsvReader, PropertiesSurveysAndMoney_AreTyped) {
  const ReadFile file = Read(
      "id,n,b,t,score,amount\n"
      "1,1.5,yes,x,4,19.9\n"
      "2,,,,5,-3\n"
      "3,abc,,,5,1\n"
      "4,,maybe,,5,1\n"
      "5,,,,five,1\n"
      "6,,,,,1\n"
      "7,,,,5,1.005\n"
      "8,,,,5,1.5.0\n",
      R"json({"source": "s", "events": [
        {"eventName": "survey", "id": "{id}:s", "customerId": "c", "eventTime": "2018-01-01",
         "properties": [{"name": "n", "number": "{n}"}, {"name": "b", "boolean": "{b}"}, {"name": "t", "text": "<{t}>"}],
         "surveyResponse": {"score": "{score}", "survey": "q1", "comment": "{t}"}},
        {"eventName": "paid", "id": "{id}:p", "customerId": "c", "eventTime": "2018-01-01",
         "moneyMovement": {"amount": "{amount}", "currencyCode": "BRL"}}]})json");
  ASSERT_EQ(file.events[0].id(), "1:s");
  EXPECT_EQ(file.events[0].properties().at("n").number_value(), 1.5);
  EXPECT_TRUE(file.events[0].properties().at("b").bool_value());
  EXPECT_EQ(file.events[0].properties().at("t").string_value(), "<x>");
  EXPECT_EQ(file.events[0].survey_response().score(), 4);
  EXPECT_EQ(file.events[0].survey_response().comment(), "x");
  EXPECT_EQ(file.events[1].money_movement().amount_minor(), 1990);
  EXPECT_EQ(file.events[2].properties().count("n"), 0u) << "no value, no property";
  EXPECT_EQ(file.events[3].money_movement().amount_minor(), -300);
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(4, "NOT_A_NUMBER"), ProblemIs(5, "NOT_A_BOOLEAN"),
                                         ProblemIs(6, "NOT_A_NUMBER"), ProblemIs(7, "VALUE_MISSING"),
                                         ProblemIs(8, "AMOUNT_TOO_PRECISE"), ProblemIs(9, "NOT_A_NUMBER")));
}

TEST(CsvReader, Condition_ChoosesTheRows) {
  const ReadFile file = Read("id,status\n1,open\n2,canceled\n", R"json({"source": "s", "events": [
      {"eventName": "canceled", "id": "{id}", "customerId": "c", "eventTime": "2018-01-01",
       "onlyIf": {"column": "status", "values": ["canceled", "void"]}}]})json");
  EXPECT_THAT(file.Ids(), ElementsAre("2"));
  EXPECT_THAT(file.problems, IsEmpty());
}

class LookupTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    throughline::testing::WriteFile(folder_ / name, text);
  }
  throughline::testing::TempDir folder_;
};

TEST_F(LookupTest, Lookups_MayFollowEachOther_AndMissesAreReported) {
  Write("orders.csv.gz", Gzip("order,customer\no1,k1\no2,k9\n"));
  Write("customers.csv", "\"customer\";\"person\"\nk1;p1\nk1;p2\nbroken\n");
  const std::string mapping = R"json({"source": "s",
    "lookups": [{"id": "orders", "file": "orders.csv.gz", "keyColumn": "order", "valueColumn": "customer"},
                {"id": "people", "file": "customers.csv", "keyColumn": "customer", "valueColumn": "person"}],
    "events": [{"eventName": "x", "id": "{order}", "customerId": "{order|orders|people}", "eventTime": "2018-01-01"}]})json";
  absl::StatusOr<std::unique_ptr<EventReader>> reader = Open("order\no1\no2\no3\n", mapping, folder_.path());
  ASSERT_THAT(reader, IsOk());
  const ReadFile file = ReadAll(**reader);
  ASSERT_THAT(file.Ids(), ElementsAre("o1"));
  EXPECT_EQ(file.events[0].customer_id(), "p1");
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(3, "LOOKUP_AMBIGUOUS"), ProblemIs(4, "WRONG_COLUMN_COUNT"),
                                         ProblemIs(3, "LOOKUP_FAILED"), ProblemIs(4, "LOOKUP_FAILED")));
  EXPECT_THAT(file.problems[0].file, HasSubstr("customers.csv"));
  EXPECT_THAT(file.problems[2].message, HasSubstr("'k9'"));
}

TEST_F(LookupTest, LookupFile_Absent_IsNotFound) {
  EXPECT_THAT(Open("order\no1\n", R"json({"source": "s",
      "lookups": [{"id": "orders", "file": "none.csv", "keyColumn": "order", "valueColumn": "customer"}],
      "events": [{"eventName": "x", "id": "1", "customerId": "c", "eventTime": "2018-01-01"}]})json",
                   folder_.path()),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(CsvReader, MappingThatDoesNotFit_FailsBeforeAnyEvent_NamingTheFieldAndTheColumns) {
  const auto error = [](const std::string& from, const std::string& to) {
    return std::string(
        Open("id,who,what,when\n1,c1,a,2018-01-01\n", absl::StrReplaceAll(kSimple, {{from, to}})).status().message());
  };
  EXPECT_THAT(error("{who}", "{whom}"), ::testing::AllOf(HasSubstr("events[0].customerId"), HasSubstr("'whom'"),
                                                         HasSubstr("id, who, what, when")));
  EXPECT_THAT(error("{who}", "{who"), HasSubstr("not closed"));
  EXPECT_THAT(error("{who}", "{who|orders}"), HasSubstr("lookup table 'orders'"));
  EXPECT_THAT(error("\"shop\",", "\"shop\", \"timeZone\": \"Mars/Base\","), HasSubstr("timeZone"));
  EXPECT_THAT(error("\"shop\",", "\"shop\", \"timeFormat\": \"DD.MM.YYYY\","), HasSubstr("timeFormat"));
  EXPECT_THAT(error("\"shop\",", "\"shop\", \"delimiter\": \"x\","), HasSubstr("delimiter"));
  EXPECT_THAT(error("\"source\": \"shop\",", ""), HasSubstr("events[0].source"));
  EXPECT_THAT(error("\"eventName\"", "\"name\""), HasSubstr("name"));
  EXPECT_THAT(error("{what}", ""), HasSubstr("events[0].eventName"));
  EXPECT_THAT(Open("", kSimple), StatusIs(absl::StatusCode::kInvalidArgument, HasMessage(HasSubstr("is empty"))));
  EXPECT_THAT(Open(std::string("\xFF\xFEi\0d\0,\0", 8), kSimple), HasMessage(HasSubstr("UTF-16")));
}

TEST(CsvReader, BytesThatAreNotUtf8_AreReportedByColumn_AndOtherColumnsDoNotMatter) {
  const ReadFile file = Read("id,who,what,when,x\n1,c\xE9,a,2018-01-01,x\n2,c,a,2018-01-01,\xE9\n");
  EXPECT_THAT(file.Ids(), ElementsAre("2"));
  EXPECT_THAT(file.problems, ElementsAre(ProblemIs(2, "NOT_UTF8")));
  EXPECT_EQ(file.problems[0].field, "who");
}

TEST(OpenByteSource, WhatCannotBeRead_SaysWhy) {
  EXPECT_THAT(OpenByteSource("/nonexistent/file.csv"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(OpenByteSource("/"), StatusIs(absl::StatusCode::kInvalidArgument, HasMessage(HasSubstr("folder"))));
}

}  // namespace
}  // namespace throughline
