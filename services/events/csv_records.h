// Records of a CSV file (RFC 4180), one after the other. Not thread-safe.
//
// Understands quoted fields with delimiters, quotes and line ends in them, a byte order mark, LF and CRLF, and finds
// the delimiter if it is not told. A quote that is never closed, or is followed by text, breaks only the line it stands
// on: reading goes on behind that line.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/events/byte_source.h"
#include "services/events/event_reader.h"

namespace throughline {

struct CsvRecord {
  int64_t line = 0;                       // where it begins, from 1
  std::vector<absl::string_view> fields;  // valid until the next call
};

class CsvRecordReader {
 public:
  enum class Outcome { kRecord, kProblem, kEnd };

  // `delimiter` 0: the most frequent of `,` `;` tab `|` in the first line.
  CsvRecordReader(std::unique_ptr<ByteSource> source, char delimiter);

  // Reads the next record that is not an empty line.
  Outcome Next(CsvRecord& record, RowProblem& problem);

  char delimiter() const { return delimiter_; }
  int64_t bytes_read() const { return source_->position(); }

 private:
  enum class Parse { kComplete, kNeedsMore, kTextAfterQuote };
  struct Span {
    size_t begin, end;
    bool has_quotes;  // doubled quotes inside
  };

  bool Fill();
  void Start();
  Parse ParseAt(size_t begin, size_t& end);
  bool ParseQuoted(size_t& at, Parse& failure);
  Outcome Broken(absl::string_view kind, absl::string_view message, RowProblem& problem);
  Outcome Ended(RowProblem& problem);
  bool SkipLine();
  void Consume(size_t end);
  void MakeFields(CsvRecord& record);

  const std::unique_ptr<ByteSource> source_;
  char delimiter_;
  std::string buffer_;
  size_t begin_ = 0;  // start of what is not consumed
  int64_t line_ = 1;  // line of begin_
  bool started_ = false;
  bool at_end_ = false;
  bool end_reported_ = false;
  absl::Status end_status_;
  std::vector<Span> spans_;
  std::deque<std::string> unescaped_;
};

}  // namespace throughline
