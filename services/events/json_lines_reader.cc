#include "services/events/json_lines_reader.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/json_util.h"
#include "services/base/text.h"
#include "services/events/import_limits.h"
#include "services/events/value_text.h"

namespace throughline {
namespace {

// `(survey_response.score): …` is taken apart into the field's path and the rest.
std::string TakePath(absl::string_view& message) {
  if (!absl::StartsWith(message, "(")) return "";
  const size_t end = message.find(')');
  if (end == absl::string_view::npos) return "";
  std::string path(message.substr(1, end - 1));
  message.remove_prefix(end + 1);
  absl::ConsumePrefix(&message, ":");
  message = absl::StripLeadingAsciiWhitespace(message);
  return path;
}

// Says in our words what protobuf's JSON reader said.
void Explain(absl::string_view message, RowProblem& problem) {
  problem.field = TakePath(message);
  constexpr absl::string_view kUnknown = ": Cannot find field.";
  if (absl::EndsWith(message, kUnknown)) {
    const absl::string_view name = message.substr(0, message.size() - kUnknown.size());
    absl::StrAppend(&problem.field, problem.field.empty() ? "" : ".", name);
    problem.kind = "UNKNOWN_FIELD";
    problem.message = absl::StrCat("an event has no field '", problem.field,
                                   "'; correct its spelling, or put it under `properties`; the line was left out");
    return;
  }
  if (!problem.field.empty()) {
    problem.kind = "BAD_VALUE";
    problem.message = absl::StrCat(message.substr(0, message.rfind(" for type ")), "; the line was left out");
    return;
  }
  problem.kind = "MALFORMED_JSON";
  absl::ConsumePrefix(&message, ": ");
  problem.message =
      absl::StrCat("not one JSON object: ", message.substr(0, message.find('\n')), " The line was left out");
}

class JsonLinesEventReader : public EventReader {
 public:
  JsonLinesEventReader(std::unique_ptr<ByteSource> source, std::string default_source)
      : source_(std::move(source)), default_source_(std::move(default_source)) {}

  Outcome Next(v1::CustomerEvent& event, RowProblem& problem) override {
    std::string text;
    while (true) {
      switch (NextLine(text)) {
        case Line::kEnd:
          return End(problem);
        case Line::kTooLong:
          ++rows_;
          problem = {"",
                     line_,
                     "",
                     "LINE_TOO_LONG",
                     absl::StrCat("the line has more than ", kImportRecordBytesMax, " bytes; it was left out"),
                     false};
          return Outcome::kProblem;
        case Line::kText:
          break;
      }
      if (absl::StripAsciiWhitespace(text).empty()) continue;
      ++rows_;
      event.Clear();
      problem = {};
      problem.line = line_;
      if (!IsValidUtf8(text)) {
        problem.kind = "NOT_UTF8";
        problem.message = "the line is not UTF-8; convert the file (iconv -f WINDOWS-1252 -t UTF-8)";
        return Outcome::kProblem;
      }
      const auto status = google::protobuf::util::JsonStringToMessage(text, &event);
      if (!status.ok()) {
        Explain(std::string(status.message()), problem);
        return Outcome::kProblem;
      }
      if (event.source().empty()) event.set_source(default_source_);
      return Outcome::kEvent;
    }
  }

  int64_t line() const override { return line_; }
  int64_t rows_read() const override { return rows_; }
  int64_t bytes_read() const override { return source_->position(); }

 private:
  enum class Line { kText, kTooLong, kEnd };

  bool Fill() {
    if (at_end_) return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t old_size = buffer_.size();
    buffer_.resize(old_size + kImportChunkBytes);
    absl::StatusOr<size_t> count = source_->Read(buffer_.data() + old_size, kImportChunkBytes);
    buffer_.resize(old_size + (count.ok() ? *count : 0));
    if (!count.ok()) end_status_ = count.status();
    at_end_ = !count.ok() || *count == 0;
    return !at_end_;
  }

  Line NextLine(std::string& text) {
    ++line_;
    bool too_long = false;
    while (true) {
      const size_t newline = buffer_.find('\n', begin_ + scanned_);
      if (newline != std::string::npos) {
        text.assign(buffer_, begin_, newline - begin_);
        begin_ = newline + 1;
        scanned_ = 0;
        if (line_ == 1 && absl::StartsWith(text, "\xEF\xBB\xBF")) text.erase(0, 3);
        return too_long || text.size() > kImportRecordBytesMax ? Line::kTooLong : Line::kText;
      }
      if (buffer_.size() - begin_ > kImportRecordBytesMax) {
        too_long = true;
        begin_ = buffer_.size();
      }
      scanned_ = buffer_.size() - begin_;
      if (Fill()) continue;
      // A last line without an end; behind a truncation it is cut, and the truncation is reported instead.
      text.assign(buffer_, begin_, std::string::npos);
      begin_ = buffer_.size();
      scanned_ = 0;
      if (!end_status_.ok() || (text.empty() && !too_long)) return Line::kEnd;
      if (line_ == 1 && absl::StartsWith(text, "\xEF\xBB\xBF")) text.erase(0, 3);
      return too_long ? Line::kTooLong : Line::kText;
    }
  }

  Outcome End(RowProblem& problem) {
    if (end_status_.ok() || end_reported_) return Outcome::kEnd;
    end_reported_ = true;
    problem = {"",
               line_,
               "",
               absl::IsDataLoss(end_status_) ? "FILE_TRUNCATED" : "FILE_UNREADABLE",
               std::string(end_status_.message()),
               true};
    return Outcome::kProblem;
  }

  const std::unique_ptr<ByteSource> source_;
  const std::string default_source_;
  std::string buffer_;
  size_t begin_ = 0;
  size_t scanned_ = 0;  // bytes behind begin_ that hold no line end
  bool at_end_ = false;
  bool end_reported_ = false;
  absl::Status end_status_;
  int64_t line_ = 0;
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<EventReader> MakeJsonLinesEventReader(std::unique_ptr<ByteSource> source, std::string default_source) {
  return std::make_unique<JsonLinesEventReader>(std::move(source), std::move(default_source));
}

}  // namespace throughline
