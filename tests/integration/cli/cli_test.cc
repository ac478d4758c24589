// The real command line against a real server.
#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/throughline_server.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kMapping[] = R"json({"source": "shop", "events": [
  {"eventName": "{what}", "id": "{id}", "customerId": "{who}", "eventTime": "{when}", "department": "sales"}]})json";

google::protobuf::Struct Json(const std::string& text) {
  google::protobuf::Struct json;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &json).ok()) << text;
  return json;
}

double Number(const google::protobuf::Struct& json, const std::string& field) {
  EXPECT_EQ(json.fields().count(field), 1u) << field;
  return json.fields().count(field) == 0 ? -1 : json.fields().at(field).number_value();
}

class CliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new ThroughlineServer; }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->Stop(SIGTERM), 0) << ReadFile(server_->directory() / "log");
    delete server_;
  }

  static ProgramResult Cli(const std::vector<std::string>& arguments, const std::string& input = "") {
    return server_->Cli(arguments, input);
  }
  // Expects success.
  static std::string Run(const std::vector<std::string>& arguments, const std::string& input = "") {
    const ProgramResult result = Cli(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.error;
    return result.out;
  }
  static std::string File(const std::string& name, const std::string& content) {
    const std::string path = server_->directory() / name;
    WriteFile(path, content);
    return path;
  }
  static int64_t EventCount(const std::string& workspace) {
    v1::GetEventStatisticsRequest request;
    request.set_name(absl::StrCat("workspaces/", workspace, "/eventStatistics"));
    const auto statistics = server_->client().Call(&v1::EventService::Stub::GetEventStatistics, request);
    EXPECT_THAT(statistics, IsOk());
    return statistics.ok() ? statistics->event_count() : -1;
  }

  static ThroughlineServer* server_;
};
ThroughlineServer* CliTest::server_ = nullptr;

TEST_F(CliTest, Help_OfEveryCommand_ShowsAnExample) {
  EXPECT_THAT(Run({"--help"}), HasSubstr("Exit codes"));
  const std::vector<std::vector<std::string>> commands = {{"import", "csv"},
                                                          {"import", "xes"},
                                                          {"import", "jsonl"},
                                                          {"workspace", "create"},
                                                          {"workspace", "list"},
                                                          {"map", "discover"},
                                                          {"map", "show"},
                                                          {"map", "list"},
                                                          {"map", "export"},
                                                          {"map", "import"},
                                                          {"map", "publish"},
                                                          {"metric", "define"},
                                                          {"metric", "attach"},
                                                          {"metric", "values"},
                                                          {"customer", "list"},
                                                          {"customer", "timeline"},
                                                          {"funnel"},
                                                          {"graph"}};
  for (std::vector<std::string> command : commands) {
    command.emplace_back("--help");
    EXPECT_THAT(Run(command), HasSubstr("Example:\n  throughline "));
  }
}

TEST_F(CliTest, WrongCommandLine_IsUsage) {
  EXPECT_EQ(Cli({}).exit_code, 2);
  EXPECT_EQ(Cli({"map", "paint"}).exit_code, 2);
  EXPECT_EQ(Cli({"--format", "xml", "workspace", "list"}).exit_code, 2);
  const ProgramResult no_workspace = Cli({"map", "list"});
  EXPECT_EQ(no_workspace.exit_code, 2);
  EXPECT_THAT(no_workspace.error, HasSubstr("--workspace"));
  EXPECT_EQ(Cli({"funnel", "-w", "x", "--step", "a", "--window", "soon"}).exit_code, 2);
}

TEST_F(CliTest, NoServer_SaysWhereAndWhatToDo) {
  const ProgramResult result = Cli({"--address", "127.0.0.1:1", "workspace", "list"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.error, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("throughlined")));
}

TEST_F(CliTest, Import_WithoutWorkspace_CreatesNothing_UntilAsked) {
  const std::string csv = File("nothing.csv", "id,who,what,when\n1,c,a,2020-01-01\n");
  const std::string mapping = File("m.json", kMapping);
  const ProgramResult refused = Cli({"import", "csv", csv, "-m", mapping, "-w", "absent"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.error, AllOf(HasSubstr("'absent'"), HasSubstr("--create-workspace")));
  EXPECT_THAT(Run({"workspace", "list"}), Not(HasSubstr("absent")));
  Run({"import", "csv", csv, "-m", mapping, "-w", "absent", "--create-workspace"});
  EXPECT_EQ(EventCount("absent"), 1);
}

TEST_F(CliTest, ImportCsv_BrokenLine_IsReportedWithItsNumber_TheRestIsRecorded_AndAgainChangesNothing) {
  const std::string csv = File("broken.csv",
                               "id,who,what,when\n1,c1,a,2020-01-01\n2,c2,a\n3,c3,a,\"2020-01-01\"\n4,c4,a,soon\n"
                               "5,c5,a,9999-01-01\n6,c6,a,2020-01-01\n");
  const std::string mapping = File("m.json", kMapping);
  const std::string problems = server_->directory() / "problems.csv";
  const std::vector<std::string> command = {
      "import", "csv", csv, "-m", mapping, "-w", "broken", "--create-workspace", "--problems", problems};
  const ProgramResult first = Cli(command);
  EXPECT_EQ(first.exit_code, 3) << first.error;
  EXPECT_THAT(first.out,
              AllOf(HasSubstr("line 3"), HasSubstr("line 5, when"), HasSubstr("line 6, event '5', event_time"),
                    HasSubstr("WRONG_COLUMN_COUNT"), HasSubstr("BAD_TIME"), HasSubstr("INVALID_FIELD")));
  EXPECT_THAT(first.out, Not(HasSubstr("\x1b"))) << "no colours into a pipe";
  EXPECT_EQ(EventCount("broken"), 3);
  const std::string written = ReadFile(problems);
  EXPECT_THAT(written,
              AllOf(StartsWith("file,line,field,event_id,kind,message\n"), HasSubstr(",3,,,WRONG_COLUMN_COUNT,"),
                    HasSubstr(",5,when,,BAD_TIME,"), HasSubstr(",6,event_time,5,INVALID_FIELD,")));

  std::vector<std::string> as_json = command;
  as_json.insert(as_json.end(), {"--format", "json"});
  const ProgramResult second = Cli(as_json);
  EXPECT_EQ(second.exit_code, 3);
  const google::protobuf::Struct summary = Json(second.out);
  EXPECT_EQ(Number(summary, "recorded"), 0);
  EXPECT_EQ(Number(summary, "duplicates"), 3);
  EXPECT_EQ(Number(summary, "rejected"), 1);
  EXPECT_EQ(Number(summary, "problems"), 3);
  EXPECT_EQ(EventCount("broken"), 3);
}

TEST_F(CliTest, ImportCsv_SameIdWithOtherContent_IsRefusedAlone) {
  const std::string csv = File(
      "conflict.csv", "id,who,what,when\n1,c1,a,2020-01-01\n1,c1,b,2020-01-01\n1,c1,a,2020-01-01\n2,c2,a,2020-01-01\n");
  const ProgramResult result =
      Cli({"import", "csv", csv, "-m", File("m.json", kMapping), "-w", "conflict", "--create-workspace"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, AllOf(HasSubstr("EVENT_CONTENT_CONFLICT"), HasSubstr("line 3")));
  EXPECT_EQ(EventCount("conflict"), 2);
}

TEST_F(CliTest, ImportCsv_MappingThatDoesNotFit_RecordsNothing) {
  const std::string csv = File("fit.csv", "id,who,what,at\n1,c1,a,2020-01-01\n");
  const ProgramResult result =
      Cli({"import", "csv", csv, "-m", File("m.json", kMapping), "-w", "fit", "--create-workspace"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.error,
              AllOf(HasSubstr("events[0].eventTime"), HasSubstr("'when'"), HasSubstr("id, who, what, at")));
}

TEST_F(CliTest, ImportXes_TruncatedGzip_RecordsWhatCameBefore_AndTheExitCodeSaysSo) {
  std::string xes = "<log>";
  uint32_t state = 1;
  for (int i = 0; i < 3000; ++i) {
    state = state * 1664525 + 1013904223;
    absl::StrAppend(&xes, "<trace><string key=\"concept:name\" value=\"", state, "-", i,
                    "\"/><event><string key=\"concept:name\" value=\"a\"/>"
                    "<date key=\"time:timestamp\" value=\"2020-01-01T00:00:00Z\"/></event></trace>\n");
  }
  xes += "</log>";
  const std::string whole = server_->directory() / "log.xes.gz";
  gzFile out = gzopen(whole.c_str(), "wb");
  gzwrite(out, xes.data(), static_cast<unsigned>(xes.size()));
  gzclose(out);
  const std::string packed = ReadFile(whole);
  const std::string cut = File("cut.xes.gz", packed.substr(0, packed.size() / 2));
  const ProgramResult result = Cli({"import", "xes", cut, "--source", "log", "-w", "cut", "--create-workspace"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out, HasSubstr("FILE_TRUNCATED"));
  const int64_t before = EventCount("cut");
  EXPECT_GT(before, 1000);
  EXPECT_LT(before, 2000);
  Run({"import", "xes", whole, "--source", "log", "-w", "cut"});
  EXPECT_EQ(EventCount("cut"), 3000) << "the whole file adds only the rest";
}

TEST_F(CliTest, ImportJsonLines_FromStandardInput_NamesUnknownFieldsAndRefusals) {
  const std::string lines =
      R"({"id":"1","customerId":"c","eventTime":"2020-01-01T00:00:00Z","eventName":"a","surveyResponse":{"score":5}}
{"id":"2","customer":"c"}
{"id":"3","customerId":"c","eventTime":"2020-01-01T00:00:00Z","eventName":"a","surveyResponse":{"score":"NaN"}}
{"id":"4","customerId":"c","eventTime":"0001-01-01T00:00:00Z","eventName":"a"}
)";
  const ProgramResult result = Cli({"import", "jsonl", "-", "-w", "jsonl", "--create-workspace"}, lines);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("line 2, customer"), HasSubstr("UNKNOWN_FIELD"),
                    HasSubstr("line 3, event '3', survey_response.score"), HasSubstr("line 4, event '4', event_time")));
  EXPECT_EQ(EventCount("jsonl"), 1);
}

// A line of ten megabytes, one nested without end, bytes that are no text: each is reported with its number, alone.
TEST_F(CliTest, ImportJsonLines_MonstrousLines_AreReportedAlone) {
  const auto line = [](const std::string& id, const std::string& name) {
    return absl::StrCat("{\"id\":\"", id,
                        "\",\"customerId\":\"c\",\"eventTime\":\"2020-01-01T00:00:00Z\",\"eventName\":\"", name,
                        "\"}\n");
  };
  std::string text = line("1", "a");
  text += line("2", std::string(10'000'000, 'x'));
  text += line("3", "a");
  text += absl::StrCat("{\"id\":\"4\",\"properties\":{\"a\":", std::string(100'000, '['), "\n");
  text += line("5", "a\xff");
  text += line("6", std::string(500'000, 'x'));
  text += line("7", "a");
  const ProgramResult result =
      Cli({"import", "jsonl", File("monsters.jsonl", text), "-w", "monsters", "--create-workspace"});
  EXPECT_EQ(result.exit_code, 3) << result.error;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("LINE_TOO_LONG"), HasSubstr("line 2"), HasSubstr("line 4"), HasSubstr("NOT_UTF8"),
                    HasSubstr("line 5"), HasSubstr("line 6, event '6', event_name")));
  EXPECT_EQ(EventCount("monsters"), 3);
}

TEST_F(CliTest, ImportCsv_MonstrousRows_AreReportedAlone) {
  const std::string mapping = File("monsters.json", kMapping);
  std::string text = "id,who,when,what\n1,c,2020-01-01T00:00:00Z,a\n";
  absl::StrAppend(&text, "2,c,2020-01-01T00:00:00Z,", std::string(10'000'000, 'x'), "\n");
  absl::StrAppend(&text, "3,c,2020-01-01T00:00:00Z,a\n", "4,c,0000-01-01T00:00:00Z,a\n", "5,c,9999-12-31T23:59:59Z,a\n",
                  "6\x01,c,2020-01-01T00:00:00Z,a\n", "7,c,2020-01-01T00:00:00Z,a\n");
  const ProgramResult result =
      Cli({"import", "csv", File("monsters.csv", text), "-m", mapping, "-w", "monsters-csv", "--create-workspace"});
  EXPECT_EQ(result.exit_code, 3) << result.error;
  EXPECT_THAT(result.out, AllOf(HasSubstr("RECORD_TOO_LARGE"), HasSubstr("line 3"), HasSubstr("line 5"),
                                HasSubstr("line 6, event '5', event_time"), HasSubstr("line 7")));
  EXPECT_EQ(EventCount("monsters-csv"), 3);
}

TEST_F(CliTest, File_Absent_SaysSo) {
  const ProgramResult result = Cli({"import", "xes", "/nonexistent.xes", "-w", "x"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error, HasSubstr("/nonexistent.xes"));
}

// One customer orders twice; the second order is paid and reviewed before it is paid.
std::string ShopEvents() {
  std::string lines;
  const auto add = [&](int id, const std::string& customer, const std::string& order, const std::string& time,
                       const std::string& name, const std::string& department, const std::string& more = "") {
    absl::StrAppend(&lines, "{\"id\":\"", id, "\",\"customerId\":\"", customer, "\",\"eventTime\":\"2020-01-", time,
                    "Z\",\"eventName\":\"", name, "\",\"department\":\"", department, "\",\"channel\":\"web\"",
                    ",\"properties\":{\"order_id\":\"", order, "\"}", more, "}\n");
  };
  add(1, "ann", "o1", "01T10:00:00", "placed", "sales");
  add(2, "ann", "o1", "01T11:00:00", "paid", "finance");
  add(3, "ann", "o1", "03T10:00:00", "review", "support", ",\"surveyResponse\":{\"score\":5,\"comment\":\"good\"}");
  add(4, "ben", "o2", "02T10:00:00", "placed", "sales");
  add(5, "ben", "o2", "02T09:00:00", "paid", "finance");
  add(6, "ben", "o2", "04T10:00:00", "review", "support", ",\"surveyResponse\":{\"score\":2}");
  add(7, "cleo", "o3", "05T10:00:00", "placed", "sales");
  return lines;
}

TEST_F(CliTest, Shop_FromImportToValues) {
  Run({"workspace", "create", "shop", "--name", "The shop", "--department", "sales", "--department", "finance=Money",
       "--department", "support"});
  EXPECT_THAT(Run({"workspace", "list"}), HasSubstr("The shop"));
  Run({"import", "jsonl", File("shop.jsonl", ShopEvents()), "-w", "shop"});

  const std::string funnel = Run({"funnel", "-w", "shop", "--step", "placed", "--step", "paid|free", "--step",
                                  "filter:event_name = \"review\"", "--correlation", "order_id"});
  EXPECT_THAT(funnel, AllOf(HasSubstr("placed"), HasSubstr("paid|free"), HasSubstr("3 runs read")));
  const google::protobuf::Struct steps = Json(Run(
      {"funnel", "-w", "shop", "--step", "placed", "--step", "paid", "--correlation", "order_id", "--format", "json"}));
  EXPECT_EQ(steps.fields().at("steps").list_value().values(0).struct_value().fields().at("count").string_value(), "3");
  EXPECT_EQ(steps.fields().at("steps").list_value().values(1).struct_value().fields().at("count").string_value(), "1");
  EXPECT_THAT(Run({"graph", "-w", "shop"}),
              AllOf(HasSubstr("7 events"), HasSubstr("3 runs"), HasSubstr("4 transitions")));

  EXPECT_THAT(Run({"map", "discover", "-w", "shop", "--correlation", "order_id"}),
              AllOf(HasSubstr("7 events"), HasSubstr("not stored")));
  EXPECT_THAT(Run({"map", "list", "-w", "shop"}), HasSubstr("no map yet"));
  Run({"map", "discover", "-w", "shop", "--correlation", "order_id", "--create", "way", "--name", "The way"});
  EXPECT_THAT(Run({"map", "list", "-w", "shop"}), HasSubstr("The way"));
  EXPECT_THAT(Run({"map", "show", "way", "-w", "shop"}), AllOf(HasSubstr("not published"), HasSubstr("sales")));
  EXPECT_THAT(Run({"map", "publish", "way", "-w", "shop"}), HasSubstr("version 1"));

  Run({"metric", "define", "csat", "-w", "shop", "--kind", "csat", "--min-n", "1"});
  const ProgramResult twice = Cli({"metric", "define", "csat", "-w", "shop", "--kind", "csat"});
  EXPECT_EQ(twice.exit_code, 1);
  EXPECT_THAT(twice.error, AllOf(HasSubstr("csat"), HasSubstr("RESOURCE_ALREADY_EXISTS")));
  Run({"metric", "attach", "review-csat", "-w", "shop", "--map", "way", "--metric", "csat", "--touchpoint", "review"});
  const ProgramResult nowhere =
      Cli({"metric", "attach", "x", "-w", "shop", "--map", "way", "--metric", "csat", "--touchpoint", "nowhere"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.error, HasSubstr("touchpoint"));
  const std::string values = Run({"metric", "values", "way", "-w", "shop", "--wait"});
  EXPECT_THAT(values, AllOf(HasSubstr("50.00 %"), HasSubstr("mean 3.500"), HasSubstr("wilson"), HasSubstr("ok")));
  EXPECT_THAT(Run({"map", "show", "way", "-w", "shop"}),
              AllOf(HasSubstr("published version 1"), HasSubstr("50.00 %"), HasSubstr("3 runs")));

  EXPECT_THAT(Run({"customer", "list", "-w", "shop"}), AllOf(HasSubstr("ann"), HasSubstr("ben"), HasSubstr("cleo")));
  const std::string timeline = Run({"customer", "timeline", "ben", "-w", "shop"});
  EXPECT_LT(timeline.find("2020-01-02 09:00:00"), timeline.find("2020-01-02 10:00:00"));
  EXPECT_THAT(timeline, AllOf(HasSubstr("finance"), HasSubstr("score 2")));
}

TEST_F(CliTest, Map_MovesBetweenFormatsAndWorkspaces) {
  Run({"workspace", "create", "one", "--department", "sales"});
  Run({"workspace", "create", "two", "--department", "sales"});
  const std::string mermaid = File("day.mmd", "journey\n  title My day\n  section Work\n    Make tea: 5: Sales\n");
  Run({"map", "import", mermaid, "-w", "one", "--id", "day"});
  EXPECT_THAT(Run({"map", "export", "day", "-w", "one", "--as", "mermaid"}), HasSubstr("Make tea: 5: Sales"));
  const std::string json = server_->directory() / "day.json";
  Run({"map", "export", "day", "-w", "one", "-o", json});
  EXPECT_THAT(ReadFile(json), HasSubstr("workspaces/one/departments/sales"));
  Run({"map", "import", json, "-w", "two", "--id", "day"});
  EXPECT_THAT(Run({"map", "export", "day", "-w", "two"}), HasSubstr("workspaces/two/departments/sales"));
  const ProgramResult again = Cli({"map", "import", json, "-w", "two", "--id", "day"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.error, HasSubstr("RESOURCE_ALREADY_EXISTS"));
  Run({"map", "import", json, "-w", "two", "--id", "day", "--replace"});
  const ProgramResult publish = Cli({"map", "publish", "day", "-w", "two"});
  EXPECT_EQ(publish.exit_code, 1);
  EXPECT_THAT(publish.error, HasSubstr("JOURNEY_MAP_NOT_PUBLISHABLE"));
  const ProgramResult bad = Cli({"map", "import", "-", "--as", "json", "-w", "two"}, "{\"displayNam\": \"x\"}");
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.error, AllOf(HasSubstr("displayNam"), HasSubstr("UNKNOWN_FIELD")));
}

}  // namespace
}  // namespace throughline::testing
