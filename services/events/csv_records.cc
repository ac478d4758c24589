#include "services/events/csv_records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/events/import_limits.h"

namespace throughline {
namespace {

constexpr char kQuote = '"';

char FindDelimiter(absl::string_view text) {
  constexpr absl::string_view kCandidates = ",;\t|";
  int64_t counts[4] = {};
  bool quoted = false;
  for (const char c : text) {
    if (c == kQuote) quoted = !quoted;
    if (c == '\n' && !quoted) break;
    const size_t candidate = kCandidates.find(c);
    if (!quoted && candidate != absl::string_view::npos) ++counts[candidate];
  }
  return kCandidates[std::max_element(std::begin(counts), std::end(counts)) - std::begin(counts)];
}

}  // namespace

CsvRecordReader::CsvRecordReader(std::unique_ptr<ByteSource> source, char delimiter)
    : source_(std::move(source)), delimiter_(delimiter) {}

// Reads another chunk behind what is not consumed. False at the end.
bool CsvRecordReader::Fill() {
  if (at_end_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  // Doubling keeps the work linear when one record needs many chunks.
  const size_t old_size = buffer_.size();
  const size_t chunk = std::max(kImportChunkBytes, old_size);
  buffer_.resize(old_size + chunk);
  absl::StatusOr<size_t> count = source_->Read(buffer_.data() + old_size, chunk);
  buffer_.resize(old_size + (count.ok() ? *count : 0));
  if (!count.ok()) end_status_ = count.status();
  at_end_ = !count.ok() || *count == 0;
  return !at_end_;
}

void CsvRecordReader::Start() {
  started_ = true;
  while (buffer_.size() < kImportChunkBytes && buffer_.find('\n') == std::string::npos && Fill()) {
  }
  if (buffer_.compare(0, 3, "\xEF\xBB\xBF") == 0) begin_ = 3;
  if (delimiter_ == '\0') delimiter_ = FindDelimiter(absl::string_view(buffer_).substr(begin_));
}

// Reads on behind an opening quote; `at` ends behind the closing one.
bool CsvRecordReader::ParseQuoted(size_t& at, Parse& failure) {
  const size_t begin = at + 1;
  bool has_quotes = false;
  for (size_t i = begin;;) {
    i = buffer_.find(kQuote, i);
    if (i == std::string::npos || (i + 1 == buffer_.size() && !at_end_)) {
      failure = Parse::kNeedsMore;
      return false;
    }
    const char next = i + 1 < buffer_.size() ? buffer_[i + 1] : '\n';
    if (next == kQuote) {
      has_quotes = true;
      i += 2;
      continue;
    }
    if (next != delimiter_ && next != '\n' && next != '\r') {
      failure = Parse::kTextAfterQuote;
      return false;
    }
    spans_.push_back({begin, i, has_quotes});
    at = i + 1;
    return true;
  }
}

// Finds the fields of the record that begins at `begin`; `end` is behind its line end.
CsvRecordReader::Parse CsvRecordReader::ParseAt(size_t begin, size_t& end) {
  spans_.clear();
  const char stops[] = {delimiter_, '\n'};
  size_t at = begin;
  while (true) {
    if (at < buffer_.size() && buffer_[at] == kQuote) {
      Parse failure;
      if (!ParseQuoted(at, failure)) return failure;
      if (at < buffer_.size() && buffer_[at] == '\r') ++at;
      if (at == buffer_.size() && !at_end_) return Parse::kNeedsMore;
      if (at < buffer_.size() && buffer_[at] != delimiter_ && buffer_[at] != '\n') return Parse::kTextAfterQuote;
    } else {
      const size_t stop = buffer_.find_first_of(stops, at, 2);
      if (stop == std::string::npos && !at_end_) return Parse::kNeedsMore;
      const size_t field_end = std::min(stop, buffer_.size());
      const bool ends_line = field_end == buffer_.size() || buffer_[field_end] == '\n';
      const bool has_return = ends_line && field_end > at && buffer_[field_end - 1] == '\r';
      spans_.push_back({at, has_return ? field_end - 1 : field_end, false});
      at = field_end;
    }
    if (at >= buffer_.size() || buffer_[at] == '\n') {
      end = std::min(at + 1, buffer_.size());
      return Parse::kComplete;
    }
    ++at;  // the delimiter
  }
}

void CsvRecordReader::Consume(size_t end) {
  line_ +=
      std::count(buffer_.begin() + static_cast<ptrdiff_t>(begin_), buffer_.begin() + static_cast<ptrdiff_t>(end), '\n');
  begin_ = end;
}

// Consumes the rest of the line. False at the end of the file.
bool CsvRecordReader::SkipLine() {
  while (true) {
    const size_t newline = buffer_.find('\n', begin_);
    if (newline != std::string::npos) {
      Consume(newline + 1);
      return true;
    }
    Consume(buffer_.size());
    if (!Fill()) return false;
  }
}

CsvRecordReader::Outcome CsvRecordReader::Broken(absl::string_view kind, absl::string_view message,
                                                 RowProblem& problem) {
  problem = {};
  problem.line = line_;
  problem.kind = std::string(kind);
  problem.message = std::string(message);
  SkipLine();
  return Outcome::kProblem;
}

CsvRecordReader::Outcome CsvRecordReader::Ended(RowProblem& problem) {
  if (end_status_.ok() || end_reported_) return Outcome::kEnd;
  end_reported_ = true;
  problem = {};
  problem.line = line_;
  problem.kind = absl::IsDataLoss(end_status_) ? "FILE_TRUNCATED" : "FILE_UNREADABLE";
  problem.message = std::string(end_status_.message());
  problem.ends_file = true;
  return Outcome::kProblem;
}

void CsvRecordReader::MakeFields(CsvRecord& record) {
  record.line = line_;
  record.fields.clear();
  unescaped_.clear();
  for (const Span& span : spans_) {
    const absl::string_view text = absl::string_view(buffer_).substr(span.begin, span.end - span.begin);
    if (!span.has_quotes) {
      record.fields.push_back(text);
      continue;
    }
    std::string& plain = unescaped_.emplace_back();
    plain.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
      plain.push_back(text[i]);
      if (text[i] == kQuote) ++i;
    }
    record.fields.push_back(plain);
  }
}

CsvRecordReader::Outcome CsvRecordReader::Next(CsvRecord& record, RowProblem& problem) {
  if (!started_) Start();
  while (true) {
    if (begin_ == buffer_.size() && !Fill()) return Ended(problem);
    size_t end = 0;
    const Parse parse = ParseAt(begin_, end);
    if (parse == Parse::kTextAfterQuote) {
      return Broken("BAD_QUOTING",
                    "a closing quote is followed by text, or a quote was never closed; write quotes inside a quoted "
                    "field twice",
                    problem);
    }
    if (parse == Parse::kNeedsMore) {
      if (buffer_.size() - begin_ > kImportRecordBytesMax) {
        return Broken(
            "RECORD_TOO_LARGE",
            absl::StrCat("a row has more than ", kImportRecordBytesMax, " bytes; probably a quote was never closed"),
            problem);
      }
      if (Fill()) continue;
      // Only an open quote still needs more at the end; a record that a truncated file cut is the truncation's fault.
      if (!end_status_.ok()) {
        begin_ = buffer_.size();
        return Ended(problem);
      }
      if (ParseAt(begin_, end) == Parse::kComplete) continue;
      return Broken("BAD_QUOTING", "a quote was never closed; close it, or write it twice inside a quoted field",
                    problem);
    }
    // What a truncated file has behind its last line end may be cut.
    if (at_end_ && !end_status_.ok() && buffer_[end - 1] != '\n') {
      begin_ = buffer_.size();
      return Ended(problem);
    }
    if (spans_.size() == 1 && spans_[0].begin == spans_[0].end) {
      Consume(end);
      continue;
    }
    MakeFields(record);
    // The fields stay where they are until the next Fill.
    Consume(end);
    return Outcome::kRecord;
  }
}

}  // namespace throughline
