#include "services/journey/mermaid.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::HasMessage;
using ::throughline::testing::HasReason;
using ::throughline::testing::StatusIs;

// Mermaid's own example.
TEST(ParseMermaidTest, ReadsTitleSectionsAndTasks) {
  ASSERT_OK_AND_ASSIGN(const MermaidJourney journey, ParseMermaid(R"(journey
    title My working day
    section Go to work
      Make tea: 5: Me
      Go upstairs: 3: Me
      Do work: 1: Me, Cat
    section Go home
      Go downstairs: 5: Me
      Sit down: 5: Me
)"));
  EXPECT_EQ(journey.title, "My working day");
  ASSERT_THAT(journey.sections, SizeIs(2));
  EXPECT_EQ(journey.sections[0].name, "Go to work");
  ASSERT_THAT(journey.sections[0].tasks, SizeIs(3));
  EXPECT_EQ(journey.sections[0].tasks[2].name, "Do work");
  EXPECT_EQ(journey.sections[0].tasks[2].score, 1);
  EXPECT_THAT(journey.sections[0].tasks[2].actors, ElementsAre("Me", "Cat"));
  EXPECT_THAT(journey.sections[1].tasks, SizeIs(2));
}

TEST(ParseMermaidTest, SkipsWhatSaysNothingAboutTheJourney) {
  ASSERT_OK_AND_ASSIGN(const MermaidJourney journey, ParseMermaid("\xEF\xBB\xBF---\r\n"
                                                                  "title: \"Bestellung: Größe\"\r\n"
                                                                  "config:\r\n"
                                                                  "  title: not this\r\n"
                                                                  "---\r\n"
                                                                  "%%{init: {\r\n"
                                                                  "  'theme': 'dark' }}%%\r\n"
                                                                  "%% a comment\r\n"
                                                                  "JOURNEY\r\n"
                                                                  "  # another\r\n"
                                                                  "  Section Prüfung # a third\r\n"
                                                                  "    %% a fourth\r\n"
                                                                  "    Prüfen: 4: Büro; Öffnen: 2\r\n"));
  EXPECT_EQ(journey.title, "Bestellung: Größe");
  ASSERT_THAT(journey.sections, SizeIs(1));
  EXPECT_EQ(journey.sections[0].name, "Prüfung");
  ASSERT_THAT(journey.sections[0].tasks, SizeIs(2));
  EXPECT_EQ(journey.sections[0].tasks[0].name, "Prüfen");
  EXPECT_THAT(journey.sections[0].tasks[0].actors, ElementsAre("Büro"));
  EXPECT_EQ(journey.sections[0].tasks[1].name, "Öffnen");
  EXPECT_THAT(journey.sections[0].tasks[1].actors, IsEmpty());
}

TEST(ParseMermaidTest, ReadsInsideACodeFence) {
  ASSERT_OK_AND_ASSIGN(const MermaidJourney journey,
                       ParseMermaid("```mermaid\njourney\n  Go: 3\n```\nAnd then some prose: not a task\n"));
  ASSERT_THAT(journey.sections, SizeIs(1));
  EXPECT_EQ(journey.sections[0].name, "");
  EXPECT_THAT(journey.sections[0].tasks, SizeIs(1));
}

TEST(ParseMermaidTest, ReadsEntityCodesAndKeepsUnknownOnes) {
  ASSERT_OK_AND_ASSIGN(const MermaidJourney journey,
                       ParseMermaid("journey\n  Pay#58; card #35;1 #quot;x#quot; #nonsense; #8364;: 3: A#44;B, C"));
  EXPECT_EQ(journey.sections[0].tasks[0].name, "Pay: card #1 \"x\" #nonsense; €");
  EXPECT_THAT(journey.sections[0].tasks[0].actors, ElementsAre("A,B", "C"));
}

TEST(ParseMermaidTest, ReadsAccessibleTexts) {
  ASSERT_OK_AND_ASSIGN(const MermaidJourney one, ParseMermaid("journey\naccTitle: T\naccDescr: one line\nGo: 3"));
  EXPECT_EQ(one.title, "T");
  EXPECT_EQ(one.description, "one line");
  ASSERT_OK_AND_ASSIGN(const MermaidJourney more,
                       ParseMermaid("journey\n  accDescr {\n two\n lines: here; yes\n  }\nGo: 3"));
  EXPECT_EQ(more.description, "two\n lines: here; yes");
  EXPECT_THAT(more.sections, SizeIs(1));
}

struct BadCase {
  const char* text;
  const char* message;
};

class ParseMermaidErrorTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(ParseMermaidErrorTest, SaysLineAndWhatWasExpected) {
  EXPECT_THAT(ParseMermaid(GetParam().text),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(HasReason("INVALID_MERMAID"), HasMessage(HasSubstr(GetParam().message)))));
}

INSTANTIATE_TEST_SUITE_P(
    , ParseMermaidErrorTest,
    ::testing::Values(BadCase{"", "line 1: expected \"journey\" as the first word"},
                      BadCase{"\n\ngraph TD\n", "line 3: expected \"journey\" as the first word, not \"graph TD\""},
                      BadCase{"journeys\n", "line 1: expected \"journey\""},
                      BadCase{"journey\n  title\n", "line 2: expected a text after \"title\""},
                      BadCase{"journey\n  section  \n", "line 2: expected a name after \"section\""},
                      BadCase{"journey\n  Make tea\n", "line 2: expected title, section, or a task"},
                      BadCase{"journey\n  : 3\n", "line 2: expected the name of a task"},
                      BadCase{"journey\n\n  Make tea: good: Me\n", "line 3: expected a score from 1 to 5"},
                      BadCase{"journey\n  Make tea: 0\n", "not \"0\""},
                      BadCase{"journey\n  Make tea: 6\n", "not \"6\""},
                      BadCase{"journey\n  Make tea: nan\n", "not \"nan\""},
                      BadCase{"journey\n  Make tea:\n", "line 2: expected a score"},
                      BadCase{"journey\n  Make tea: 5 # : Me\n  Next\n", "line 3"},
                      BadCase{"---\ntitle: x\njourney\n", "line 1: expected front matter that ends"},
                      BadCase{"journey\n%%{init\n", "line 2: expected a directive that ends"},
                      BadCase{"journey\naccDescr {\nno end\n", "line 2: expected a description that ends"}));

TEST(ParseMermaidTest, MoreThanAMapHolds_IsRefused) {
  std::string text = "journey\n";
  for (int i = 0; i < 501; ++i) absl::StrAppend(&text, "Same name: 3\n");
  EXPECT_THAT(ParseMermaid(text), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasMessage(HasSubstr("line 502: expected at most 500 tasks"))));
}

TEST(WriteMermaidTest, WritesWhatMermaidReads) {
  MermaidJourney journey;
  journey.title = "Order: A#1; done";
  journey.sections = {{"Buy", {{"Choose", 4, {"Sales, North"}}, {"Pay", 2.5, {}}}}};
  EXPECT_EQ(WriteMermaid(journey),
            "journey\n"
            "    title Order#58; A#35;1#59; done\n"
            "    section Buy\n"
            "      Choose: 4: Sales#44; North\n"
            "      Pay: 2.5\n");
}

TEST(WriteMermaidTest, NamesThatLookLikeSyntax_ComeBack) {
  MermaidJourney journey;
  journey.title = "title section: <b>bold</b>; %% 100 %";
  journey.description = "First line\n  second: {x}\n%% third";
  for (const char* name : {"Section 5", "title deed", "Journey planning", "accTitle: x", "#58;", "50%% off", "a\tb",
                           "Café #1; déjà vu", "{curly}"}) {
    journey.sections.push_back({name, {{name, 3, {name, "other"}}}});
  }
  ASSERT_OK_AND_ASSIGN(const MermaidJourney read, ParseMermaid(WriteMermaid(journey)));
  EXPECT_EQ(read.title, journey.title);
  EXPECT_EQ(read.description, journey.description);
  ASSERT_EQ(read.sections.size(), journey.sections.size());
  for (size_t i = 0; i < read.sections.size(); ++i) {
    std::string expected = journey.sections[i].name;
    if (expected == "a\tb") expected = "a b";  // one line of text has no tabs
    EXPECT_EQ(read.sections[i].name, expected);
    ASSERT_THAT(read.sections[i].tasks, SizeIs(1));
    EXPECT_EQ(read.sections[i].tasks[0].name, expected);
    EXPECT_THAT(read.sections[i].tasks[0].actors, ElementsAre(expected, "other"));
  }
}

}  // namespace
}  // namespace throughline
