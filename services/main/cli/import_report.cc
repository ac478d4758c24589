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
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "services/base/text.h"
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
  std::vector<std::string> fields, descriptions;
  for (const FieldViolation& violation : GetFieldViolations(rejected.status)) {
    // The server counts the events of a request; the user knows lines and ids.
    absl::string_view field = violation.field;
    if (absl::StartsWith(field, "events[")) field.remove_prefix(std::min(field.size(), field.find(']') + 1));
    absl::ConsumePrefix(&field, ".");
    fields.emplace_back(field);
    descriptions.push_back(violation.description);
  }
  const std::string message =
      descriptions.empty() ? std::string(rejected.status.message()) : absl::StrJoin(descriptions, "; ");
  const std::string field = absl::StrJoin(fields, " ");
  std::string place = absl::StrCat("line ", rejected.tag, ", event '", Excerpt(rejected.event.id()), "'");
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

// The same fields in the same order each time, for people and for diff.
class JsonObject {
 public:
  void Raw(absl::string_view name, absl::string_view json) {
    absl::StrAppend(&text_, text_.empty() ? "{" : ", ", Quoted(name), ": ", json);
  }
  void Text(absl::string_view name, absl::string_view value) { Raw(name, Quoted(value)); }
  void Number(absl::string_view name, int64_t value) { Raw(name, absl::StrCat(value)); }
  void Texts(absl::string_view name, const std::vector<std::string>& values) {
    const auto quote = [](std::string* out, const std::string& value) { *out += Quoted(value); };
    Raw(name, absl::StrCat("[", absl::StrJoin(values, ", ", quote), "]"));
  }
  std::string text() const { return text_.empty() ? "{}" : absl::StrCat(text_, "}"); }

 private:
  static std::string Quoted(absl::string_view text) {
    google::protobuf::Value value;
    value.set_string_value(std::string(text));
    std::string json;
    // A string value is always printable as JSON.
    (void)google::protobuf::util::MessageToJsonString(value, &json);
    return json;
  }
  std::string text_;
};

std::string JsonSummary(const ImportSummary& summary, const ProblemLog& problems) {
  JsonObject json;
  json.Text("file", summary.file);
  json.Text("workspace", summary.workspace);
  json.Number("rowsRead", summary.rows);
  json.Number("eventsSent", summary.totals.written);
  json.Number("recorded", summary.totals.recorded);
  json.Number("duplicates", summary.totals.duplicates);
  json.Number("rejected", summary.totals.rejected);
  json.Number("problems", problems.total());
  json.Raw("fileIncomplete", problems.file_incomplete() ? "true" : "false");
  json.Raw("seconds", absl::StrFormat("%.3f", absl::ToDoubleSeconds(summary.elapsed)));
  json.Texts("notes", summary.notes);
  JsonObject kinds;
  for (const auto& [kind, entry] : problems.kinds()) {
    JsonObject one;
    one.Number("count", entry.count);
    one.Texts("examples", entry.examples);
    kinds.Raw(kind, one.text());
  }
  json.Raw("problemKinds", kinds.text());
  return json.text();
}

}  // namespace

void PrintImportSummary(const Session& session, const ImportSummary& summary, const ProblemLog& problems) {
  if (session.json()) {
    std::cout << JsonSummary(summary, problems) << '\n';
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
