// Reading events from files: CSV, XES and JSON lines, plain or gzipped. Not thread-safe.
//
// Promises: one pass in constant memory (but for lookup tables and the name of each XES trace); what cannot be read is
// reported with its place and the rest goes on; nothing is dropped without a problem; the same file gives the same
// events with the same ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "throughline/v1/event.pb.h"

namespace throughline {

// One thing in a file that could not be read.
struct RowProblem {
  std::string file;        // empty: the imported file; else the lookup table's
  int64_t line = 0;        // from 1; where the row begins
  std::string field;       // column, attribute or field; empty: the whole row
  std::string kind;        // UPPER_SNAKE, stable: the same cause has the same kind
  std::string message;     // what is wrong, then what to do
  bool ends_file = false;  // nothing behind this place was read
};

class EventReader {
 public:
  enum class Outcome { kEvent, kProblem, kEnd };

  virtual ~EventReader() = default;

  // Reads on. kEvent: `event` holds the next event; kProblem: `problem` says what could not be read; kEnd: that was
  // all.
  virtual Outcome Next(v1::CustomerEvent& event, RowProblem& problem) = 0;

  // Where the row of the event returned last begins.
  virtual int64_t line() const = 0;
  // Rows (CSV), events (XES) or lines (JSON lines) read so far, good and bad.
  virtual int64_t rows_read() const = 0;
  // Bytes of the file read so far, as it lies on the disk.
  virtual int64_t bytes_read() const = 0;
  // What a reader of the summary should know and is no problem, one sentence each.
  virtual std::vector<std::string> Notes() const { return {}; }
};

}  // namespace throughline
