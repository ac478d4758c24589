// What an import tells the user: progress while it runs, a summary at its end, every problem in a file. One thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/events/event_reader.h"
#include "services/main/cli/session.h"
#include "throughline/client.h"

namespace throughline::cli {

// Problems, counted by kind with the first few of each kept; all of them go to a CSV file if the user wants that.
class ProblemLog {
 public:
  // `path` empty: no file.
  static absl::StatusOr<ProblemLog> Make(const std::string& path);

  void Add(const RowProblem& problem);
  // An event that the server refused; its tag is the line.
  void Add(const RejectedEvent& rejected);
  // Fails if the file could not be written.
  absl::Status Close();

  struct Kind {
    int64_t count = 0;
    std::vector<std::string> examples;
  };
  const std::map<std::string, Kind>& kinds() const { return kinds_; }
  int64_t total() const { return total_; }
  bool file_incomplete() const { return file_incomplete_; }

 private:
  void Add(const std::string& kind, const std::string& place, const std::string& message,
           const std::vector<std::string>& columns);

  std::map<std::string, Kind> kinds_;
  int64_t total_ = 0;
  bool file_incomplete_ = false;
  std::string path_;
  std::unique_ptr<std::ofstream> file_;
};

// One line on the standard error, from the third second on: rows, rate, and how long it will still take.
class Progress {
 public:
  // `size_bytes` 0: not known.
  explicit Progress(int64_t size_bytes);
  // Cheap enough to be called for every event.
  void Update(const EventReader& reader);
  // Removes the line.
  void Finish();

 private:
  const int64_t size_bytes_;
  const bool terminal_;
  const absl::Time start_;
  int64_t calls_ = 0;
  absl::Time last_;
  bool shown_ = false;
};

struct ImportSummary {
  std::string file;
  std::string workspace;
  int64_t rows = 0;
  EventWriterTotals totals;
  absl::Duration elapsed;
  std::vector<std::string> notes;
};

void PrintImportSummary(const Session& session, const ImportSummary& summary, const ProblemLog& problems);

}  // namespace throughline::cli
