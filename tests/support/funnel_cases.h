// The cases of docs/funnel.md, read from its tables. Pure functions; any thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/support/files.h"
#include "throughline/event_queries.h"

namespace throughline::testing {

struct FunnelCase {
  struct Event {
    std::string letters;  // the steps that it may serve; x: an exclusion
    int64_t seconds;
  };
  std::string name;                  // with the heading above its table
  std::vector<std::string> letters;  // by step
  // Without selectors (funnel_cases.h knows letters only), but with as many exclusions as there are: 0 or 1.
  StepQuery query;
  std::vector<Event> run;
  // One of the two is there.
  std::vector<std::string> reached, seconds_to;  // by step
  std::string now_seconds, immature;
};

namespace funnel_cases_internal {

inline std::vector<std::string> Words(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text) == "-") return {};
  return absl::StrSplit(text, ' ', absl::SkipWhitespace());
}

inline int64_t Number(absl::string_view text) {
  int64_t out = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &out)) << text;
  return out;
}

inline absl::Duration Limit(absl::string_view text) {
  return text == "-" ? absl::InfiniteDuration() : absl::Seconds(Number(text));
}

inline StepOrder Order(absl::string_view text) {
  if (text == "Strict" || text == "strict") return StepOrder::kStrict;
  if (text == "Unordered" || text == "unordered") return StepOrder::kUnordered;
  return StepOrder::kOrdered;
}

inline void AddStep(absl::string_view text, FunnelCase& out) {
  StepQuery::Step& step = out.query.steps.emplace_back();
  out.letters.emplace_back(text.substr(0, 1));
  text.remove_prefix(1);
  step.optional = absl::ConsumePrefix(&text, "?");
  if (absl::ConsumePrefix(&text, "(") && absl::ConsumeSuffix(&text, ")")) step.within = Limit(text);
}

inline void AddEvent(absl::string_view text, FunnelCase& out) {
  const size_t digits = text.find_first_of("-0123456789");
  ASSERT_NE(digits, absl::string_view::npos) << text;
  FunnelCase::Event event{std::string(text.substr(0, digits)), Number(text.substr(digits))};
  if (event.letters.find('x') != std::string::npos) out.query.exclusions.resize(1);
  out.run.push_back(std::move(event));
}

inline FunnelCase Read(absl::string_view heading, const std::vector<std::string>& header,
                       const std::vector<std::string>& cells) {
  FunnelCase out;
  out.query.order = Order(heading);
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i] == "case") out.name = absl::StrCat(heading, ": ", cells[i]);
    if (header[i] == "order") out.query.order = Order(cells[i]);
    if (header[i] == "window") out.query.window = Limit(cells[i]);
    if (header[i] == "reached") out.reached = Words(cells[i]);
    if (header[i] == "time to") out.seconds_to = absl::StrSplit(cells[i], ' ', absl::SkipWhitespace());
    if (header[i] == "now") out.now_seconds = cells[i];
    if (header[i] == "immature") out.immature = cells[i];
    if (header[i] == "steps") {
      for (const std::string& word : Words(cells[i])) AddStep(word, out);
    }
    if (header[i] == "run") {
      for (const std::string& word : Words(cells[i])) AddEvent(word, out);
    }
  }
  return out;
}

}  // namespace funnel_cases_internal

inline std::vector<FunnelCase> FunnelCases() {
  std::vector<FunnelCase> out;
  std::string heading;
  std::vector<std::string> header;
  const std::string document = ReadFile((ProjectRoot() / "docs/funnel.md").string());
  for (absl::string_view line : absl::StrSplit(document, '\n')) {
    if (absl::ConsumePrefix(&line, "## ")) heading = std::string(line);
    if (!absl::ConsumePrefix(&line, "|") || !absl::ConsumeSuffix(&line, "|")) {
      header.clear();
      continue;
    }
    std::vector<std::string> cells;
    for (const absl::string_view cell : absl::StrSplit(line, '|')) {
      cells.emplace_back(absl::StripAsciiWhitespace(cell));
    }
    if (header.empty()) {
      header = cells;
    } else if (header[0] == "case" && !absl::StartsWith(cells[0], "---")) {
      EXPECT_EQ(cells.size(), header.size()) << line;
      out.push_back(funnel_cases_internal::Read(heading, header, cells));
    }
  }
  EXPECT_GT(out.size(), 100) << "docs/funnel.md has lost its cases";
  return out;
}

}  // namespace throughline::testing
