#include "services/events/xes_reader.h"

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
using ::testing::SizeIs;
using throughline::testing::EqualsProto;

ReadFile Read(const std::string& xes, XesOptions options = {}) {
  options.source = "log";
  return ReadAll(*MakeXesEventReader(Bytes(xes), options));
}

std::string Event(const std::string& name, const std::string& time, const std::string& more = "") {
  return absl::StrCat("<event><string key=\"concept:name\" value=\"", name, "\"/><date key=\"time:timestamp\" value=\"",
                      time, "\"/>", more, "</event>\n");
}

std::string Trace(const std::string& name, const std::string& events) {
  return absl::StrCat("<trace><string key=\"concept:name\" value=\"", name, "\"/>\n", events, "</trace>\n");
}

std::string Log(const std::string& traces) {
  return absl::StrCat(
      "<?xml version=\"1.0\"?>\n<log xmlns=\"http://www.xes-standard.org/\">\n"
      "<global scope=\"event\"><string key=\"concept:name\" value=\"UNKNOWN\"/></global>\n",
      traces, "</log>\n");
}

TEST(XesReader, Event_CarriesItsAttributesAndItsPlaceInTheTrace) {
  const ReadFile file = Read(Log(
      "<trace><string key=\"concept:name\" value=\"173688\"/><string key=\"AMOUNT_REQ\" value=\"20000\"/>" +
      Event(
          "A_SUBMITTED", "2011-10-01T00:38:44.546+02:00",
          "<string key=\"lifecycle:transition\" value=\"COMPLETE\"/><string key=\"org:resource\" value=\"112\"/>"
          "<float key=\"cost\" value=\"1.5\"/><boolean key=\"vip\" value=\"true\"/><int key=\"odd\" value=\"many\"/>") +
      "</trace>"));
  ASSERT_THAT(file.problems, IsEmpty());
  ASSERT_THAT(file.events, SizeIs(1));
  EXPECT_THAT(file.events[0], EqualsProto(R"pb(
                id: "173688:0"
                source: "log"
                customer_id: "173688"
                event_name: "A_SUBMITTED"
                event_time { seconds: 1317422324 nanos: 546000000 }
                properties {
                  key: "lifecycle_transition"
                  value { string_value: "COMPLETE" }
                }
                properties {
                  key: "org_resource"
                  value { string_value: "112" }
                }
                properties {
                  key: "cost"
                  value { number_value: 1.5 }
                }
                properties {
                  key: "vip"
                  value { bool_value: true }
                }
                properties {
                  key: "odd"
                  value { string_value: "many" }
                }
                properties {
                  key: "trace_AMOUNT_REQ"
                  value { string_value: "20000" }
                }
              )pb"));
}

TEST(XesReader, Index_IsIdAndSequence) {
  const std::string log =
      Log(Trace("t1", Event("a", "2020-01-01T00:00:00Z") + Event("b", "2020-01-01T00:00:00Z")) +
          Trace("t2", Event("a", "2020-01-01T00:00:00Z")) + Trace("t1", Event("c", "2020-01-02T00:00:00Z")));
  const ReadFile file = Read(log);
  EXPECT_THAT(file.Ids(), ElementsAre("t1:0", "t1:1", "t2:0", "t1:2")) << "a trace that returns continues";
  EXPECT_EQ(file.events[1].sequence(), 1);
  const ReadFile again = Read(log);
  for (size_t i = 0; i < file.events.size(); ++i) EXPECT_THAT(again.events[i], EqualsProto(file.events[i]));
}

TEST(XesReader, TraceName_MayFollowTheEvents) {
  const ReadFile file =
      Read(Log("<trace>" + Event("a", "2020-01-01T00:00:00Z") + Event("b", "2020-01-01T00:00:01Z") +
               "<string key=\"concept:name\" value=\"late\"/>" + Event("c", "2020-01-01T00:00:02Z") + "</trace>"));
  EXPECT_THAT(file.Ids(), ElementsAre("late:0", "late:1", "late:2"));
}

TEST(XesReader, OffsetsAcrossTheChangeOfClocks_AreInstants) {
  const ReadFile file = Read(Log(
      Trace("t", Event("before", "2012-03-25T01:59:59.000+01:00") + Event("after", "2012-03-25T03:00:01.000+02:00"))));
  ASSERT_THAT(file.events, SizeIs(2));
  EXPECT_EQ(file.events[1].event_time().seconds() - file.events[0].event_time().seconds(), 2);
}

TEST(XesReader, BadEvents_AreReportedWithTheirLine_AndTheRestIsRead) {
  const ReadFile file =
      Read(Log("<trace><string key=\"concept:name\" value=\"t\"/>\n"
               "<event><string key=\"concept:name\" value=\"a\"/></event>\n"
               "<event><date key=\"time:timestamp\" value=\"2020-01-01T00:00:00Z\"/></event>\n" +
               Event("b", "soon") + Event("c", "2020-01-01T00:00:00Z") + "</trace>\n" + "<trace>" +
               Event("d", "2020-01-01T00:00:00Z") + "</trace>\n" + Event("e", "2020-01-01T00:00:00Z")));
  EXPECT_THAT(file.Ids(), ElementsAre("t:3"));
  EXPECT_THAT(file.problems,
              ElementsAre(Field(&RowProblem::kind, "NO_TIME"), Field(&RowProblem::kind, "NO_EVENT_NAME"),
                          Field(&RowProblem::kind, "BAD_TIME"), Field(&RowProblem::kind, "TRACE_WITHOUT_NAME"),
                          Field(&RowProblem::kind, "EVENT_WITHOUT_TRACE")));
  EXPECT_EQ(file.problems[0].line, 5);
  EXPECT_EQ(file.problems[1].line, 6);
  EXPECT_EQ(file.rows, 6);
}

TEST(XesReader, MalformedXml_KeepsWhatCameBefore_AndSaysTheLine) {
  const ReadFile file =
      Read("<log>\n" + Trace("t", Event("a", "2020-01-01T00:00:00Z") + Event("b", "2020-01-01T00:00:00Z")) +
           "<trace>\n</event>\n</log>");
  EXPECT_THAT(file.events, SizeIs(2));
  ASSERT_THAT(file.problems, SizeIs(1));
  EXPECT_EQ(file.problems[0].kind, "MALFORMED_XML");
  EXPECT_EQ(file.problems[0].line, 7);
  EXPECT_TRUE(file.problems[0].ends_file);
}

TEST(XesReader, TruncatedGzip_KeepsWhatCameBefore) {
  std::string traces;
  uint32_t state = 3;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&traces, Trace(Noise(20, state), Event("a", "2020-01-01T00:00:00Z")));
  const std::string packed = Gzip(Log(traces));
  EXPECT_THAT(Read(packed).events, SizeIs(5000));
  const ReadFile cut = Read(packed.substr(0, packed.size() / 2));
  EXPECT_GT(cut.events.size(), 2000u);
  EXPECT_LT(cut.events.size(), 3000u);
  EXPECT_THAT(cut.problems, ElementsAre(Field(&RowProblem::kind, "FILE_TRUNCATED")));
}

TEST(XesReader, Entities_AreRefused) {
  const ReadFile file = Read("<!DOCTYPE log [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><log>&b;</log>");
  EXPECT_THAT(file.events, IsEmpty());
  EXPECT_THAT(file.problems, ElementsAre(Field(&RowProblem::kind, "XML_ENTITIES")));
}

TEST(XesReader, EndlessTag_IsRefusedInBoundedMemory) {
  const ReadFile file = Read("<log>" + Trace("t", Event("a", "2020-01-01T00:00:00Z")) + "<trace><string key=\"" +
                             std::string(5 << 20, 'x'));
  EXPECT_THAT(file.events, SizeIs(1));
  EXPECT_THAT(file.problems, ElementsAre(Field(&RowProblem::kind, "XML_TOKEN_TOO_LARGE")));
}

TEST(XesReader, FileThatIsNoLog_IsReported) {
  EXPECT_THAT(Read("<html><body/></html>").problems, ElementsAre(Field(&RowProblem::kind, "NO_TRACES")));
  EXPECT_THAT(Read("").problems, ElementsAre(Field(&RowProblem::kind, "MALFORMED_XML")));
}

TEST(XesReader, Options_ChooseDepartmentCustomerAndName) {
  XesOptions options;
  options.department_attribute = "org:group";
  options.department = "other";
  options.channel = "desk";
  options.customer_attribute = "case";
  options.event_name_attribute = "task";
  options.trace_properties = false;
  const std::string time = "<date key=\"time:timestamp\" value=\"2020-01-01T00:00:00Z\"/>";
  const ReadFile file =
      Read(Log("<trace><string key=\"case\" value=\"9\"/><string key=\"x\" value=\"y\"/>"
               "<event><string key=\"task\" value=\"a\"/><string key=\"org:group\" value=\"sales\"/>" +
               time +
               "</event>"
               "<event><string key=\"task\" value=\"b\"/>" +
               time + "</event></trace>"),
           options);
  ASSERT_THAT(file.events, SizeIs(2));
  EXPECT_EQ(file.events[0].department(), "sales");
  EXPECT_EQ(file.events[1].department(), "other");
  EXPECT_EQ(file.events[0].channel(), "desk");
  EXPECT_EQ(file.events[0].customer_id(), "9");
  EXPECT_TRUE(file.events[0].properties().empty());
}

TEST(XesReader, NestedAttributes_AreCountedInTheNotes) {
  const ReadFile file =
      Read(Log(Trace("t", Event("a", "2020-01-01T00:00:00Z",
                                "<string key=\"k\" value=\"v\"><string key=\"n\" value=\"w\"/></string>"
                                "<list key=\"l\"><values><int key=\"i\" value=\"1\"/></values></list>"))));
  ASSERT_THAT(file.events, SizeIs(1));
  EXPECT_EQ(file.events[0].properties().at("k").string_value(), "v");
  EXPECT_EQ(file.events[0].properties().size(), 1u);
  EXPECT_THAT(file.notes, ::testing::Contains(HasSubstr("3 attributes within attributes")));
}

}  // namespace
}  // namespace throughline
