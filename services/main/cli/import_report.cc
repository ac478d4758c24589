#include "services/main/cli/import_report.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "google/protobuf/struct.pb.h"
#include "services/events/import_errors.h"
#include "throughline/errors.h"

namespace throughline::cli {
namespace {

constexpr size_t kExamplesMax = 3;
constexpr absl::Duration kSilence = absl::Seconds(2);
constexpr int kCallsPerLook = 64;

std::string CsvField(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

absl::StatusOr<ProblemLog> ProblemLog::Make(const std::string& path) {
  ProblemLog log;
  log.path_ = path;
  if (path.empty()) return log;
  log.file_ = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
  if (!*log.file_) return FileUnwritableError(path, errno);
  *log.file_ << "file,line,field,event_id,kind,message\n";
  return log;
}

void ProblemLog::Add(const std::string& kind, const std::string& place, const std::string& message,
                     const std::vector<std::string>& columns) {
  ++total_;
  Kind& entry = kinds_[kind];
  ++entry.count;
  if (entry.examples.size() < kExamplesMax) entry.examples.push_back(absl::StrCat(place, ": ", message));
  if (file_ == nullptr) return;
  *file_ << absl::StrJoin(columns, ",", [](std::string* out, const std::string& text) { *out += CsvField(text); })
         << '\n';
}

void ProblemLog::Add(const RowProblem& problem) {
  file_incomplete_ = file_incomplete_ || problem.ends_file;
  std::string place = absl::StrCat("line ", problem.line);
  if (!problem.file.empty()) place = absl::StrCat(problem.file, ", ", place);
  if (!problem.field.empty()) absl::StrAppend(&place, ", ", problem.field);
  Add(problem.kind, place, problem.message,
      {problem.file, absl::StrCat(problem.line), problem.field, "", problem.kind, problem.message});
}

void ProblemLog::Add(const RejectedEvent& rejected) {
  std::string kind = GetErrorReason(rejected.status);
  if (kind.empty()) kind = absl::StatusCodeToString(rejected.status.code());
  std::vector<std::string> fields;
  std::string message(rejected.status.message());
  for (const FieldViolation& violation : GetFieldViolations(rejected.status)) {
    fields.push_back(violation.field);
    if (!absl::StrContains(message, violation.description)) {
      absl::StrAppend(&message, "; ", violation.field, ": ", violation.description);
    }
  }
  const std::string field = absl::StrJoin(fields, " ");
  std::string place = absl::StrCat("line ", rejected.tag, ", event '", rejected.event.id(), "'");
  if (!field.empty()) absl::StrAppend(&place, ", ", field);
  Add(kind, place, message, {"", absl::StrCat(rejected.tag), field, rejected.event.id(), kind, message});
}

absl::Status ProblemLog::Close() {
  if (file_ == nullptr) return absl::OkStatus();
  file_->close();
  return *file_ ? absl::OkStatus() : FileUnwritableError(path_, errno);
}

Progress::Progress(int64_t size_bytes)
    : size_bytes_(size_bytes),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      last_(absl::InfinitePast()) {}

void Progress::Update(const EventReader& reader) {
  if (++calls_ % kCallsPerLook != 0) return;
  const absl::Time now = absl::Now();
  // A terminal line is renewed; in a log file each line stays, so they come seldom.
  if (now - start_ < kSilence || now - last_ < (terminal_ ? absl::Milliseconds(200) : absl::Seconds(5))) return;
  last_ = now;
  const double seconds = absl::ToDoubleSeconds(now - start_);
  std::string line =
      absl::StrCat(FormatCount(reader.rows_read()), " rows, ",
                   FormatCount(static_cast<int64_t>(static_cast<double>(reader.rows_read()) / seconds)), " rows/s");
  if (size_bytes_ > 0 && reader.bytes_read() > 0) {
    const double share = std::min(1.0, static_cast<double>(reader.bytes_read()) / static_cast<double>(size_bytes_));
    absl::StrAppend(&line, absl::StrFormat(", %.0f %%, ", share * 100),
                    DurationText(absl::Seconds(seconds * (1 - share) / share)), " left");
  }
  std::cerr << (terminal_ ? "\r\x1b[K" : "") << line << (terminal_ ? "" : "\n") << std::flush;
  shown_ = true;
}

void Progress::Finish() {
  if (shown_ && terminal_) std::cerr << "\r\x1b[K" << std::flush;
  shown_ = false;
}

namespace {

void PrintJsonSummary(const Session& session, const ImportSummary& summary, const ProblemLog& problems) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  const auto number = [&](const char* name, int64_t value) {
    fields[name].set_number_value(static_cast<double>(value));
  };
  fields["file"].set_string_value(summary.file);
  fields["workspace"].set_string_value(summary.workspace);
  number("rowsRead", summary.rows);
  number("eventsSent", summary.totals.written);
  number("recorded", summary.totals.recorded);
  number("duplicates", summary.totals.duplicates);
  number("rejected", summary.totals.rejected);
  number("problems", problems.total());
  fields["fileIncomplete"].set_bool_value(problems.file_incomplete());
  fields["seconds"].set_number_value(absl::ToDoubleSeconds(summary.elapsed));
  auto& notes = *fields["notes"].mutable_list_value();
  for (const std::string& note : summary.notes) notes.add_values()->set_string_value(note);
  auto& kinds = *fields["problemKinds"].mutable_struct_value()->mutable_fields();
  for (const auto& [kind, entry] : problems.kinds()) {
    auto& one = *kinds[kind].mutable_struct_value()->mutable_fields();
    one["count"].set_number_value(static_cast<double>(entry.count));
    auto& examples = *one["examples"].mutable_list_value();
    for (const std::string& example : entry.examples) examples.add_values()->set_string_value(example);
  }
  session.PrintJson(json);
}

}  // namespace

void PrintImportSummary(const Session& session, const ImportSummary& summary, const ProblemLog& problems) {
  if (session.json()) {
    PrintJsonSummary(session, summary, problems);
    return;
  }
  const Paint& paint = session.paint();
  const EventWriterTotals& totals = summary.totals;
  const double seconds = std::max(absl::ToDoubleSeconds(summary.elapsed), 1e-3);
  std::cout << paint(Color::kBold, summary.file) << " → " << summary.workspace << ", "
            << DurationText(absl::Milliseconds(absl::ToInt64Milliseconds(summary.elapsed))) << " ("
            << FormatCount(static_cast<int64_t>(static_cast<double>(totals.written) / seconds)) << " events/s)\n";
  Table table({{"", Table::Align::kRight}, {""}});
  const auto row = [&](int64_t count, const std::string& what, Color color) {
    table.AddRow({paint(count > 0 ? color : Color::kNone, FormatCount(count)), what});
  };
  row(summary.rows, "rows read", Color::kNone);
  row(totals.recorded, "events recorded", Color::kGreen);
  row(totals.duplicates, "events that were there already", Color::kNone);
  row(totals.rejected, "events refused by the server", Color::kRed);
  row(problems.total() - totals.rejected, "problems in the file", Color::kRed);
  table.Print(std::cout, paint, "");
  for (const std::string& note : summary.notes)
    std::cout << "  " << paint(Color::kDim, absl::StrCat("note: ", note)) << '\n';
  if (totals.lost_streams > 0) {
    std::cout << "  "
              << paint(Color::kDim, absl::StrCat("note: the connection was lost and taken up again ",
                                                 FormatCount(totals.lost_streams, "time", "times")))
              << '\n';
  }
  for (const auto& [kind, entry] : problems.kinds()) {
    std::cout << '\n' << paint(Color::kYellow, absl::StrCat(FormatCount(entry.count), " × ", kind)) << '\n';
    for (const std::string& example : entry.examples) std::cout << "  " << example << '\n';
    const int64_t more = entry.count - static_cast<int64_t>(entry.examples.size());
    if (more > 0) std::cout << paint(Color::kDim, absl::StrCat("  … and ", FormatCount(more), " more")) << '\n';
  }
}

}  // namespace throughline::cli
