#include "throughline/filter.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "gtest/gtest.h"
#include "services/base/limits.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using throughline::testing::HasFieldViolation;
using throughline::testing::HasMessage;
using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

std::string Canonical(const std::string& text) {
  const absl::StatusOr<Filter> filter = Filter::Parse(text);
  return filter.ok() ? filter->ToString() : filter.status().ToString();
}
std::string Checked(const std::string& text) {
  const absl::StatusOr<Filter> filter = Filter::ParseAndCheck(text, EventFilterFields());
  return filter.ok() ? filter->ToString() : filter.status().ToString();
}
FilterNode Comparison(const std::string& text) {
  const absl::StatusOr<Filter> filter = Filter::Parse(text);
  EXPECT_THAT(filter, IsOk());
  return filter.ok() && !filter->empty() ? *filter->root() : FilterNode();
}

TEST(FilterTest, Empty_MatchesEverything) {
  for (const char* text : {"", " ", "\n\t"}) {
    ASSERT_OK_AND_ASSIGN(const Filter filter, Filter::Parse(text));
    EXPECT_TRUE(filter.empty());
    EXPECT_EQ(filter.ToString(), "");
    EXPECT_TRUE(EvaluateFilter(filter.root().get(), [](const FilterNode&) { return false; }));
  }
}

TEST(FilterTest, CanonicalText) {
  const std::pair<const char*, const char*> rows[] = {
      {"channel=web", "channel = \"web\""},
      {"channel = 'web'", "channel = \"web\""},
      {"a = 1 AND b = 2", "a = 1 AND b = 2"},
      {"a = 1 b = 2", "a = 1 AND b = 2"},
      {"a=1 OR b=2 AND c=3", "(a = 1 OR b = 2) AND c = 3"},
      {"a=1 AND b=2 OR c=3", "a = 1 AND (b = 2 OR c = 3)"},
      {"(a=1 AND b=2) OR c=3", "(a = 1 AND b = 2) OR c = 3"},
      {"((a=1) AND (b=2)) AND c=3", "a = 1 AND b = 2 AND c = 3"},
      {"NOT a=1", "NOT a = 1"},
      {"-a=1", "NOT a = 1"},
      {"NOT (a=1 b=2)", "NOT (a = 1 AND b = 2)"},
      {"NOT NOT a=1", "NOT NOT a = 1"},
      {"a=1 -b=2", "a = 1 AND NOT b = 2"},
      {"a:*", "a:*"},
      {"a:\"*\"", "a:\"*\""},
      {"a : b", "a:\"b\""},
      {"a>=-1.5e3", "a >= -1500"},
      {"a = 0.1", "a = 0.1"},
      {"a = null", "a = null"},
      {"a = \"null\"", "a = \"null\""},
      {"a != true", "a != true"},
      {"a = TRUE", "a = \"TRUE\""},
      {"a.b.\"my key\" = x", "a.b.\"my key\" = \"x\""},
      {"a.my-key = x", "a.my-key = \"x\""},
      {"a.größe = x", "a.größe = \"x\""},
      {"a.\"-b\".'c'.\"\" = x", "a.\"-b\".c.\"\" = \"x\""},
      {"ä-b = x", "ä-b = \"x\""},
      {"a = \"say \\\"hi\\\" \\\\ \\n\"", "a = \"say \\\"hi\\\" \\\\ \\n\""},
      {"t > 2026-01-01T10:00:00Z", "t > \"2026-01-01T10:00:00Z\""},
      {"android = 1 AND orange = 2 AND nothing = 3", "android = 1 AND orange = 2 AND nothing = 3"},
      {"a=1 OR b=2 OR (c=3 OR d=4)", "a = 1 OR b = 2 OR c = 3 OR d = 4"},
  };
  for (const auto& [text, canonical] : rows) {
    EXPECT_EQ(Canonical(text), canonical) << text;
    EXPECT_EQ(Canonical(canonical), canonical) << text;
  }
}

TEST(FilterTest, Mistakes_AreRefused_WithPositionAndExpectation) {
  struct Row {
    std::string text;
    int position;
    const char* expected;
  };
  const Row rows[] = {
      {"a", 1, "after the field"},
      {"a =", 3, "a value"},
      {"= 1", 0, "a field name"},
      {"\"word\"", 0, "a field name"},
      {"42", 0, "a field name"},
      {"a = 1 AND", 9, "a field name"},
      {"a = 1 OR", 8, "a field name"},
      {"AND a = 1", 0, "a field name"},
      {"a = 1 OR OR b = 2", 9, "a field name"},
      {"(a = 1", 6, "a closing parenthesis"},
      {"a = 1)", 5, "the end"},
      {"()", 1, "a field name"},
      {"NOT", 3, "a field name"},
      {"a. = 1", 2, "a field name after the dot"},
      {"a..b = 1", 2, "a field name after the dot"},
      {"f(a)", 1, "functions are not supported"},
      {"a = f(b)", 5, "a space after the value"},
      {"a = (b OR c)", 4, "a value"},
      {"a = b = c", 6, "a field name"},
      {"a = b=c", 5, "a space after the value"},
      {"a == 1", 3, "a value"},
      {"a = \"open", 4, "a closing \""},
      {"a = 'open\\'", 4, "a closing '"},
      {"a < null", 4, "null only after = and !="},
      {"a:null", 2, "null only after = and !="},
      {"a > true", 4, "true and false only after"},
      {"a = 1e999", 4, "a double can hold"},
      {"a = \xff", 4, "valid UTF-8"},
      {"a = ü\xc3", 6, "valid UTF-8"},
      {std::string("a = 1\0", 6), 5, "a space after the value"},
      {"a ~ 1", 2, "after the field"},
      {"-", 1, "a field name"},
  };
  for (const Row& row : rows) {
    const absl::Status status = Filter::Parse(row.text).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER"))) << row.text;
    EXPECT_THAT(status, HasFieldViolation("filter"));
    EXPECT_THAT(status, HasMessage(HasSubstr(row.expected))) << row.text;
    EXPECT_EQ(GetErrorMetadata(status)["position"], absl::StrCat(row.position)) << row.text << ": " << status;
  }
}

TEST(FilterTest, Limits_AreHeld) {
  const auto nested = [](int levels) { return std::string(levels, '(') + "a = 1" + std::string(levels, ')'); };
  EXPECT_THAT(Filter::Parse(nested(limits::kFilterDepthMax)), IsOk());
  EXPECT_THAT(Filter::Parse(nested(limits::kFilterDepthMax + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")));
  EXPECT_THAT(Filter::Parse(std::string(4000, '(')), HasMessage(HasSubstr("at most 32 levels")));
  EXPECT_THAT(Filter::Parse(std::string(4000, '-')), HasMessage(HasSubstr("at most 32 levels")));
  std::string alternating = "a=1";
  for (int i = 0; i < 20; ++i) alternating = "b=2 AND c=3 OR (" + alternating + ")";
  EXPECT_THAT(Filter::Parse(alternating), HasMessage(HasSubstr("at most 32 levels")));
  std::string many = "a=1";
  for (int i = 1; i < limits::kFilterComparisonCountMax; ++i) many += " a=1";
  EXPECT_THAT(Filter::Parse(many), IsOk());
  EXPECT_THAT(Filter::Parse(many + " a=1"), HasMessage(HasSubstr("at most 200 comparisons")));
  const std::string longest = "a = \"" + std::string(limits::kFilterBytesMax - 6, 'x') + "\"";
  EXPECT_THAT(Filter::Parse(longest), IsOk());
  EXPECT_THAT(Filter::Parse(longest + " "), HasMessage(HasSubstr("at most 4096 bytes")));
  EXPECT_THAT(Filter::Parse(std::string(10'000'000, 'a')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FilterTest, FieldsOfEvents_AreChecked) {
  const std::pair<const char*, const char*> good[] = {
      {"channel = web AND properties.plan = pro", "channel = \"web\" AND properties.plan = \"pro\""},
      {"channel = 42", "channel = \"42\""},
      {"channel = true", "channel = \"true\""},
      {"channel = 007", "channel = \"007\""},
      {"properties.plan = 42", "properties.plan = 42"},
      {"properties.plan:*", "properties.plan:*"},
      {"properties:plan", "properties.plan:*"},
      {"properties:\"my key\"", "properties.\"my key\":*"},
      {"properties.a.b = 1", "properties.\"a.b\" = 1"},
      {"score >= 9", "score >= 9"},
      {"score:*", "score:*"},
      {"score = null", "score = null"},
      {"traits:plan", "traits.plan:*"},
      {"traits.a.b = null", "traits.\"a.b\" = null"},
      {"customer_id = 17", "customer_id = \"17\""},
      {"customer.event_count > 3", "customer.event_count > 3"},
      {"customer.last_event_time >= \"2026-01-01\"", "customer.last_event_time >= \"2026-01-01\""},
      {"event_time < \"2026-01-01\"", "event_time < \"2026-01-01\""},
      {"event_time >= 2026-01-01T10:00:00.5+02:00", "event_time >= \"2026-01-01T10:00:00.5+02:00\""},
  };
  for (const auto& [text, canonical] : good) {
    EXPECT_EQ(Checked(text), canonical);
    EXPECT_EQ(Checked(canonical), canonical);
  }
  const std::pair<const char*, const char*> bad[] = {
      {"chanel = web", "one of the fields event_name, source"},
      {"properties = 1", "one of the fields"},
      {"channel.x = 1", "one of the fields"},
      {"score = \"9\"", "a number for score"},
      {"score = high", "a number for score"},
      {"score:9", "score with ="},
      {"amount_minor = true", "a number for amount_minor"},
      {"event_time = yesterday", "a time for event_time"},
      {"event_time = 2026", "a time for event_time"},
      {"event_time = infinite-future", "a time for event_time"},
      {"event_time:2026-01-01", "event_time with ="},
      {"traits = 1", "one of the fields"},
      {"customer.name = anna", "customer.event_count, customer.first_event_time"},
      {"customer:event_count", "one of the fields"},
      {"customer.event_count = many", "a number for customer.event_count"},
      {"customer.event_count:3", "customer.event_count with ="},
      {"customer.first_event_time > 5", "a time for customer.first_event_time"},
  };
  for (const auto& [text, expected] : bad) {
    const absl::Status status = Filter::ParseAndCheck(text, EventFilterFields()).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER"))) << text;
    EXPECT_THAT(status, HasMessage(HasSubstr(expected)));
  }
  const absl::Status second = Filter::ParseAndCheck("channel = web AND chanel = web", EventFilterFields()).status();
  EXPECT_EQ(GetErrorMetadata(second)["position"], "18");
  const absl::Status trait =
      Filter::ParseAndCheck("traits.plan = pro AND customer.event_count = x", EventFilterFields()).status();
  EXPECT_EQ(GetErrorMetadata(trait)["position"], "22");
}

TEST(FilterTest, BoolFields_TakeTruthValuesOnly) {
  const std::vector<FilterField> fields = {{"done", FilterFieldType::kBool}};
  EXPECT_THAT(Filter::ParseAndCheck("done = true", fields), IsOk());
  EXPECT_THAT(Filter::ParseAndCheck("done:*", fields), IsOk());
  EXPECT_THAT(Filter::ParseAndCheck("done = 1", fields), HasMessage(HasSubstr("true or false for done")));
  EXPECT_THAT(Filter::ParseAndCheck("done:true", fields), HasMessage(HasSubstr("done with =")));
}

TEST(FilterTest, Strings_CompareByBytesAndWildcards) {
  struct Row {
    const char* filter;
    const char* actual;
    bool holds;
  };
  const Row rows[] = {
      {"a = web", "web", true},
      {"a = web", "Web", false},
      {"a != web", "Web", true},
      {"a = we*", "web", true},
      {"a = we*", "we", true},
      {"a = we*", "owe", false},
      {"a = *eb", "web", true},
      {"a = *eb", "webs", false},
      {"a = \"*e*\"", "web", true},
      {"a = \"*x*\"", "web", false},
      {"a = *", "", true},
      {"a = *", "x", true},
      {"a = \"**\"", "x", true},
      {"a != we*", "web", false},
      {"a = w*b", "web", false},
      {"a = w*b", "w*b", true},
      {"a < b", "a", true},
      {"a < b", "b", false},
      {"a <= b", "b", true},
      {"a > b", "ba", true},
      {"a >= b", "a", false},
      {"a:EB", "web", true},
      {"a:web", "WEB", true},
      {"a:webs", "web", false},
      {"a:*", "", true},
      {"a:\"*\"", "web", false},
      {"a:\"*\"", "w*b", true},
      {"a:\"\"", "web", true},
      {"a = 1", "1", false},
      {"a != 1", "1", true},
      {"a = true", "true", false},
      {"a = null", "", false},
      {"a != null", "", true},
      {"a = \"\"", "", true},
      {"a = \"\"", "x", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(CompareString(Comparison(row.filter), row.actual), row.holds) << row.filter << " for " << row.actual;
  }
}

TEST(FilterTest, NumbersBoolsTimesAndMissing_Compare) {
  EXPECT_TRUE(CompareNumber(Comparison("a > 1"), 1.5));
  EXPECT_FALSE(CompareNumber(Comparison("a > 1"), 1));
  EXPECT_TRUE(CompareNumber(Comparison("a >= 1"), 1));
  EXPECT_TRUE(CompareNumber(Comparison("a = -0.5"), -0.5));
  EXPECT_FALSE(CompareNumber(Comparison("a = \"1\""), 1));
  EXPECT_TRUE(CompareNumber(Comparison("a != \"1\""), 1));
  EXPECT_FALSE(CompareNumber(Comparison("a:1"), 1));
  EXPECT_TRUE(CompareNumber(Comparison("a:*"), 0));
  EXPECT_FALSE(CompareNumber(Comparison("a = null"), 0));

  EXPECT_TRUE(CompareBool(Comparison("a = true"), true));
  EXPECT_FALSE(CompareBool(Comparison("a != true"), true));
  EXPECT_FALSE(CompareBool(Comparison("a = 1"), true));
  EXPECT_TRUE(CompareBool(Comparison("a:*"), false));

  const absl::Time ten = absl::FromCivil(absl::CivilHour(2026, 1, 1, 10), absl::UTCTimeZone());
  EXPECT_TRUE(CompareTime(Comparison("a = 2026-01-01T10:00:00Z"), ten));
  EXPECT_TRUE(CompareTime(Comparison("a = \"2026-01-01T12:00:00+02:00\""), ten));
  EXPECT_TRUE(CompareTime(Comparison("a > 2026-01-01"), ten));
  EXPECT_FALSE(CompareTime(Comparison("a < 2026-01-01"), ten));
  EXPECT_FALSE(CompareTime(Comparison("a = soon"), ten));
  EXPECT_TRUE(CompareTime(Comparison("a:*"), ten));

  EXPECT_TRUE(CompareMissing(Comparison("a = null")));
  EXPECT_FALSE(CompareMissing(Comparison("a != null")));
  EXPECT_TRUE(CompareMissing(Comparison("a != web")));
  EXPECT_FALSE(CompareMissing(Comparison("a = web")));
  EXPECT_FALSE(CompareMissing(Comparison("a < 1")));
  EXPECT_FALSE(CompareMissing(Comparison("a:*")));
}

TEST(FilterTest, Evaluation_FollowsTheTree) {
  const auto holds = [](const std::string& text, double a, double b) {
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    EXPECT_THAT(filter, IsOk());
    return EvaluateFilter(filter->root().get(), [&](const FilterNode& comparison) {
      return CompareNumber(comparison, comparison.path.front() == "a" ? a : b);
    });
  };
  EXPECT_TRUE(holds("a = 1 AND b = 2", 1, 2));
  EXPECT_FALSE(holds("a = 1 AND b = 2", 1, 3));
  EXPECT_TRUE(holds("a = 1 OR b = 2", 0, 2));
  EXPECT_FALSE(holds("a = 1 OR b = 2", 0, 0));
  EXPECT_TRUE(holds("NOT a = 1", 0, 0));
  EXPECT_FALSE(holds("-(a = 0 b = 0)", 0, 0));
}

TEST(FilterTest, And_HoldsBoth) {
  ASSERT_OK_AND_ASSIGN(const Filter left, Filter::Parse("a = 1 OR b = 2"));
  ASSERT_OK_AND_ASSIGN(const Filter right, Filter::Parse("c = 3 d = 4"));
  EXPECT_EQ(Filter::And(left, right).ToString(), "(a = 1 OR b = 2) AND c = 3 AND d = 4");
  EXPECT_EQ(Filter::And(left, Filter()).ToString(), left.ToString());
  EXPECT_EQ(Filter::And(Filter(), right).ToString(), right.ToString());
}

// Random texts made of the language's pieces: most are wrong, and nothing may crash; what parses has a canonical text
// that parses to itself.
TEST(FilterTest, RandomTexts_NeverCrash_AndCanonicalTextIsAFixpoint) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  static const char* const kPieces[] = {"a",     "b.c",        "properties.plan",
                                        "score", "event_time", "=",
                                        "!=",    "<",          "<=",
                                        ">",     ">=",         ":",
                                        "1",     "-2.5",       "\"x y\"",
                                        "'q'",   "*",          "true",
                                        "null",  "AND",        "OR",
                                        "NOT",   "(",          ")",
                                        "-",     ".",          "\"",
                                        "\\",    "ü",          "\xff",
                                        " ",     " ",          " ",
                                        "a=1",   "b:*",        "c>2 ",
                                        "we*",   "2026-01-01"};
  int parsed = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text;
    const int length = static_cast<int>(random() % 24);
    for (int i = 0; i < length; ++i) {
      if (random() % 20 == 0) {
        text.push_back(static_cast<char>(random() % 256));
      } else {
        text += kPieces[random() % std::size(kPieces)];
        if (random() % 2 == 0) text.push_back(' ');
      }
    }
    for (const bool check : {false, true}) {
      const auto parse = [&](const std::string& input) {
        return check ? Filter::ParseAndCheck(input, EventFilterFields()) : Filter::Parse(input);
      };
      const absl::StatusOr<Filter> filter = parse(text);
      if (!filter.ok()) {
        ASSERT_THAT(filter, HasReason("INVALID_FILTER")) << text;
        continue;
      }
      ++parsed;
      const std::string canonical = filter->ToString();
      const absl::StatusOr<Filter> again = parse(canonical);
      ASSERT_THAT(again, IsOk()) << text << " -> " << canonical;
      ASSERT_EQ(again->ToString(), canonical) << text;
    }
  }
  EXPECT_GT(parsed, 500);
}

// Random trees: the canonical text of a well-formed filter says the same as the filter.
TEST(FilterTest, RandomTrees_MeanTheSameAfterARoundTrip) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const std::function<std::string(int)> make = [&](int depth) -> std::string {
    const int choice = static_cast<int>(random() % (depth == 0 ? 1 : 5));
    switch (choice) {
      case 1:
        return "(" + make(depth - 1) + ") AND (" + make(depth - 1) + ")";
      case 2:
        return "(" + make(depth - 1) + " OR " + make(depth - 1) + ")";
      case 3:
        return "NOT (" + make(depth - 1) + ")";
      case 4:
        return make(depth - 1) + " " + make(depth - 1);
      default:
        return absl::StrCat(std::string(1, static_cast<char>('a' + random() % 4)), random() % 2 == 0 ? "=" : ">",
                            random() % 3);
    }
  };
  for (int round = 0; round < 2000; ++round) {
    const std::string text = make(4);
    ASSERT_OK_AND_ASSIGN(const Filter filter, Filter::Parse(text));
    ASSERT_OK_AND_ASSIGN(const Filter again, Filter::Parse(filter.ToString()));
    for (int values = 0; values < 81; ++values) {
      const double actual[] = {double(values % 3), double(values / 3 % 3), double(values / 9 % 3), double(values / 27)};
      const auto compare = [&](const FilterNode& node) {
        return CompareNumber(node, actual[node.path.front()[0] - 'a']);
      };
      ASSERT_EQ(EvaluateFilter(filter.root().get(), compare), EvaluateFilter(again.root().get(), compare)) << text;
    }
  }
}

}  // namespace
}  // namespace throughline
