#include "services/journey/mermaid.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr double kScoreMin = 1;
constexpr double kScoreMax = 5;

// ---- Writing --------------------------------------------------------------------------------------------------------

// A name of one line in which nothing has a meaning to Mermaid. `special`: what has one where the text will stand.
std::string Escape(absl::string_view text, absl::string_view special) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool comment = c == '%' && i + 1 < text.size() && text[i + 1] == '%';
    if (special.find(c) != absl::string_view::npos || comment) {
      absl::StrAppend(&out, "#", static_cast<int>(c), ";");
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\n') {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

constexpr char kSpecial[] = "#;:<>{}";
constexpr char kSpecialInActors[] = "#;:<>{},";

std::string OneLine(absl::string_view text, absl::string_view special) {
  std::string escaped = Escape(text, special);
  for (char& c : escaped) {
    if (c == '\n') c = ' ';
  }
  return std::string(absl::StripAsciiWhitespace(escaped));
}

// A task whose name begins like a statement would be read as one.
std::string TaskName(absl::string_view name) {
  std::string escaped = OneLine(name, kSpecial);
  for (const char* keyword : {"journey", "title", "section", "acctitle", "accdescr"}) {
    if (absl::StartsWithIgnoreCase(escaped, keyword)) {
      return absl::StrCat("#", static_cast<int>(escaped[0]), ";", escaped.substr(1));
    }
  }
  return escaped;
}

// ---- Reading --------------------------------------------------------------------------------------------------------

bool IsWordCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The length of the entity code (`#58;`, `#quot;`) that begins at `at`; 0: none does.
size_t EntityLength(absl::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && IsWordCharacter(text[end])) ++end;
  return end > at + 1 && end < text.size() && text[end] == ';' ? end + 1 - at : 0;
}

void AppendUtf8(uint32_t code, std::string& out) {
  const auto continuation = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    continuation(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

// The character that an entity's name or decimal number stands for.
std::optional<uint32_t> EntityCodePoint(absl::string_view name) {
  static const auto* const kNamed = new std::map<std::string, uint32_t>{
      {"quot", '"'},   {"amp", '&'},    {"apos", '\''},     {"lt", '<'},      {"gt", '>'},       {"colon", ':'},
      {"semi", ';'},   {"num", '#'},    {"comma", ','},     {"percnt", '%'},  {"nbsp", 0xA0},    {"hyphen", 0x2010},
      {"lbrace", '{'}, {"rbrace", '}'}, {"hearts", 0x2665}, {"euro", 0x20AC}, {"ndash", 0x2013}, {"mdash", 0x2014}};
  uint32_t code = 0;
  if (absl::SimpleAtoi(name, &code)) {
    const bool character = code >= 0x20 && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF) && code != 0x7F;
    return character ? std::optional<uint32_t>(code) : std::nullopt;
  }
  const auto found = kNamed->find(std::string(name));
  return found == kNamed->end() ? std::nullopt : std::optional<uint32_t>(found->second);
}

// Entity codes that we do not know stay as they are written.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = text[at] == '#' ? EntityLength(text, at) : 0;
    const std::optional<uint32_t> code = length == 0 ? std::nullopt : EntityCodePoint(text.substr(at + 1, length - 2));
    if (code.has_value()) {
      AppendUtf8(*code, out);
      at += length;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string Text(absl::string_view raw) { return Unescape(absl::StripAsciiWhitespace(raw)); }

// Cuts a line into its statements: at semicolons, up to a comment.
std::vector<absl::string_view> Statements(absl::string_view line) {
  std::vector<absl::string_view> statements;
  size_t begin = 0;
  size_t at = 0;
  while (at < line.size()) {
    if (line[at] == '#') {
      const size_t length = EntityLength(line, at);
      if (length == 0) break;
      at += length;
      continue;
    }
    if (line[at] == ';') {
      statements.push_back(line.substr(begin, at - begin));
      begin = at + 1;
    }
    ++at;
  }
  statements.push_back(line.substr(begin, at - begin));
  return statements;
}

// Whether the statement begins with the keyword, in any case, and then ends or goes on with one of `separators`; if so
// the keyword is taken off.
bool TakeKeyword(absl::string_view keyword, absl::string_view separators, absl::string_view& statement) {
  if (!absl::StartsWithIgnoreCase(statement, keyword)) return false;
  const absl::string_view rest = statement.substr(keyword.size());
  if (!rest.empty() && separators.find(rest[0]) == absl::string_view::npos) return false;
  statement = absl::StripAsciiWhitespace(rest);
  return true;
}

class Reader {
 public:
  explicit Reader(absl::string_view text) {
    absl::ConsumePrefix(&text, "\xEF\xBB\xBF");  // byte order mark
    lines_ = absl::StrSplit(text, '\n');
  }

  absl::StatusOr<MermaidJourney> Read();

 private:
  absl::string_view Line() const { return absl::StripAsciiWhitespace(lines_[at_]); }
  bool AtEnd() const { return at_ >= lines_.size(); }
  int number() const { return static_cast<int>(at_) + 1; }
  absl::Status Expected(absl::string_view expected, absl::string_view found) const {
    return InvalidMermaid(number(), found, expected);
  }

  void SkipEmpty();
  absl::Status ReadFrontMatter();
  absl::Status SkipDirective();
  absl::Status ReadDescription();
  absl::Status ReadStatement(absl::string_view statement);
  absl::Status ReadTask(absl::string_view statement);
  absl::Status AddSection(std::string name);

  std::vector<absl::string_view> lines_;
  size_t at_ = 0;
  bool fenced_ = false;
  bool begun_ = false;  // `journey` was read
  size_t tasks_ = 0;
  MermaidJourney journey_;
};

void Reader::SkipEmpty() {
  while (!AtEnd() && Line().empty()) ++at_;
}

// Only its title means something to us.
absl::Status Reader::ReadFrontMatter() {
  const size_t begin = at_++;
  for (; !AtEnd() && Line() != "---"; ++at_) {
    // Nested keys are indented, and belong to something else.
    absl::string_view line = lines_[at_];
    if (!absl::ConsumePrefix(&line, "title:")) continue;
    line = absl::StripAsciiWhitespace(line);
    const bool quoted = line.size() >= 2 && (line[0] == '"' || line[0] == '\'') && line.back() == line[0];
    journey_.title = Text(quoted ? line.substr(1, line.size() - 2) : line);
  }
  if (AtEnd()) {
    at_ = begin;
    return Expected("front matter that ends with another \"---\"", Line());
  }
  ++at_;
  return absl::OkStatus();
}

absl::Status Reader::SkipDirective() {
  const size_t begin = at_;
  while (!AtEnd() && !absl::StrContains(lines_[at_], "}%%")) ++at_;
  if (AtEnd()) {
    at_ = begin;
    return Expected("a directive that ends with \"}%%\"", Line());
  }
  return absl::OkStatus();
}

// accDescr { one or more lines }
absl::Status Reader::ReadDescription() {
  const size_t begin = at_;
  std::string text(lines_[at_].substr(lines_[at_].find('{') + 1));
  while (text.find('}') == std::string::npos) {
    if (++at_ >= lines_.size()) {
      at_ = begin;
      return Expected("a description that ends with \"}\"", Line());
    }
    absl::StrAppend(&text, "\n", absl::StripSuffix(lines_[at_], "\r"));
  }
  journey_.description = Text(absl::string_view(text).substr(0, text.find('}')));
  return absl::OkStatus();
}

absl::Status Reader::AddSection(std::string name) {
  if (journey_.sections.size() >= static_cast<size_t>(limits::kPhaseCountMax)) {
    return Expected(absl::StrCat("at most ", limits::kPhaseCountMax, " sections"), name);
  }
  journey_.sections.push_back({std::move(name), {}});
  return absl::OkStatus();
}

absl::Status Reader::ReadTask(absl::string_view statement) {
  const std::vector<absl::string_view> parts = absl::StrSplit(statement, ':');
  MermaidTask task;
  task.name = Text(parts[0]);
  if (task.name.empty()) return Expected("the name of a task before \":\"", statement);
  if (parts.size() < 2) return Expected("title, section, or a task as \"name: score: actor, actor\"", statement);
  const absl::string_view score = absl::StripAsciiWhitespace(parts[1]);
  if (!absl::SimpleAtod(score, &task.score) || !(task.score >= kScoreMin && task.score <= kScoreMax)) {
    return Expected("a score from 1 to 5 after the task's name", score);
  }
  if (parts.size() > 2) {  // Mermaid, too, leaves out what follows the actors
    for (const absl::string_view actor : absl::StrSplit(parts[2], ',')) {
      if (std::string text = Text(actor); !text.empty()) task.actors.push_back(std::move(text));
    }
  }
  if (++tasks_ > static_cast<size_t>(limits::kTouchpointCountMax)) {
    return Expected(absl::StrCat("at most ", limits::kTouchpointCountMax, " tasks"), task.name);
  }
  if (journey_.sections.empty()) RETURN_IF_ERROR(AddSection(""));
  journey_.sections.back().tasks.push_back(std::move(task));
  return absl::OkStatus();
}

absl::Status Reader::ReadStatement(absl::string_view statement) {
  constexpr char kSpace[] = " \t";
  const absl::string_view whole = statement;
  if (!begun_) {
    if (!TakeKeyword("journey", kSpace, statement)) return Expected("\"journey\" as the first word", whole);
    begun_ = true;
    if (statement.empty()) return absl::OkStatus();
  }
  if (TakeKeyword("title", kSpace, statement)) {
    if (statement.empty()) return Expected("a text after \"title\"", whole);
    journey_.title = Text(statement);
    return absl::OkStatus();
  }
  if (TakeKeyword("section", kSpace, statement)) {
    if (statement.empty()) return Expected("a name after \"section\"", whole);
    return AddSection(Text(statement));
  }
  if (TakeKeyword("accTitle", " \t:", statement)) {
    absl::ConsumePrefix(&statement, ":");
    if (journey_.title.empty()) journey_.title = Text(statement);
    return absl::OkStatus();
  }
  if (TakeKeyword("accDescr", " \t:", statement)) {
    absl::ConsumePrefix(&statement, ":");
    journey_.description = Text(statement);
    return absl::OkStatus();
  }
  return ReadTask(statement);
}

absl::StatusOr<MermaidJourney> Reader::Read() {
  SkipEmpty();
  if (!AtEnd() && absl::StartsWith(Line(), "```")) {
    fenced_ = true;
    ++at_;
    SkipEmpty();
  }
  if (!AtEnd() && Line() == "---") RETURN_IF_ERROR(ReadFrontMatter());
  for (; !AtEnd(); ++at_) {
    const absl::string_view line = Line();
    if (fenced_ && line == "```") break;
    if (absl::StartsWith(line, "%%{")) {
      RETURN_IF_ERROR(SkipDirective());
      continue;
    }
    if (absl::StartsWith(line, "%%")) continue;
    absl::string_view description = line;
    if (begun_ && TakeKeyword("accDescr", " \t{", description) && absl::StartsWith(description, "{")) {
      RETURN_IF_ERROR(ReadDescription());
      continue;
    }
    for (absl::string_view statement : Statements(line)) {
      statement = absl::StripAsciiWhitespace(statement);
      if (!statement.empty()) RETURN_IF_ERROR(ReadStatement(statement));
    }
  }
  if (!begun_) {
    at_ = lines_.size() - 1;
    return Expected("\"journey\" as the first word", "the end of the text");
  }
  return std::move(journey_);
}

}  // namespace

std::string WriteMermaid(const MermaidJourney& journey) {
  std::string out = "journey\n";
  if (const std::string title = OneLine(journey.title, kSpecial); !title.empty()) {
    absl::StrAppend(&out, "    title ", title, "\n");
  }
  const std::string description(absl::StripAsciiWhitespace(Escape(journey.description, kSpecial)));
  if (!description.empty()) absl::StrAppend(&out, "    accDescr {\n", description, "\n    }\n");
  for (const MermaidSection& section : journey.sections) {
    if (!section.name.empty()) absl::StrAppend(&out, "    section ", OneLine(section.name, kSpecial), "\n");
    for (const MermaidTask& task : section.tasks) {
      absl::StrAppend(&out, "      ", TaskName(task.name), ": ", absl::StrFormat("%.9g", task.score));
      std::vector<std::string> actors;
      for (const std::string& actor : task.actors) actors.push_back(OneLine(actor, kSpecialInActors));
      if (!actors.empty()) absl::StrAppend(&out, ": ", absl::StrJoin(actors, ", "));
      out += "\n";
    }
  }
  return out;
}

absl::StatusOr<MermaidJourney> ParseMermaid(absl::string_view text) { return Reader(text).Read(); }

}  // namespace throughline
