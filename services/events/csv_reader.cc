#include "services/events/csv_reader.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/base/text.h"
#include "services/events/csv_records.h"
#include "services/events/import_errors.h"
#include "services/events/import_mapping.h"
#include "services/events/value_text.h"

namespace throughline {
namespace {

// Decimals of a currency's minor unit (ISO 4217); 2 for all that are not listed.
int MinorDigits(absl::string_view currency) {
  constexpr absl::string_view kNone = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
  constexpr absl::string_view kThree = "BHD IQD JOD KWD LYD OMR TND";
  if (currency.size() != 3) return 2;
  if (absl::StrContains(kNone, currency)) return 0;
  return absl::StrContains(kThree, currency) ? 3 : 2;
}

enum class AmountKind { kOk, kNotANumber, kTooPrecise };

// `19.9` with two digits is 1990; exact, never by way of a double.
AmountKind ParseAmount(absl::string_view text, int digits, int64_t& minor) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  absl::string_view fraction = point == absl::string_view::npos ? "" : text.substr(point + 1);
  while (absl::EndsWith(fraction, "0")) fraction.remove_suffix(1);
  const auto all_digits = [](absl::string_view t) { return std::all_of(t.begin(), t.end(), absl::ascii_isdigit); };
  // 14 digits and 3 decimals fit into 64 bits.
  if (whole.empty() || whole.size() > 14 || !all_digits(whole) || !all_digits(fraction)) return AmountKind::kNotANumber;
  if (static_cast<int>(fraction.size()) > digits) return AmountKind::kTooPrecise;
  minor = 0;
  for (const char c : whole) minor = minor * 10 + (c - '0');
  for (int i = 0; i < digits; ++i) {
    minor = minor * 10 + (i < static_cast<int>(fraction.size()) ? fraction[i] - '0' : 0);
  }
  if (negative) minor = -minor;
  return AmountKind::kOk;
}

class CsvEventReader : public EventReader {
 public:
  CsvEventReader(std::unique_ptr<CsvRecordReader> records, std::vector<LookupTable> tables,
                 std::vector<RowProblem> table_problems)
      : records_(std::move(records)), tables_(std::move(tables)), table_problems_(std::move(table_problems)) {}

  absl::Status Start(const v1::ImportMapping& mapping) {
    columns_.assign(mapping.columns().begin(), mapping.columns().end());
    if (columns_.empty()) {
      RowProblem problem;
      const CsvRecordReader::Outcome outcome = records_->Next(record_, problem);
      if (outcome == CsvRecordReader::Outcome::kProblem) return FileFormatError("header line", problem.message);
      if (outcome == CsvRecordReader::Outcome::kEnd) {
        return FileFormatError("the file", "is empty; its first line must name the columns");
      }
      if (absl::StartsWith(record_.fields[0], "\xFF\xFE") || absl::StartsWith(record_.fields[0], "\xFE\xFF")) {
        return FileFormatError("the file", "is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
      }
      for (const absl::string_view name : record_.fields) columns_.emplace_back(absl::StripAsciiWhitespace(name));
    }
    absl::StatusOr<std::vector<CompiledEvent>> events = CompileEvents(mapping, columns_, tables_);
    if (!events.ok()) return events.status();
    events_ = *std::move(events);
    absent_.assign(events_.size(), 0);
    next_event_ = events_.size();
    return absl::OkStatus();
  }

  Outcome Next(v1::CustomerEvent& event, RowProblem& problem) override {
    if (table_problems_given_ < table_problems_.size()) {
      problem = table_problems_[table_problems_given_++];
      return Outcome::kProblem;
    }
    while (true) {
      while (next_event_ < events_.size()) {
        const size_t index = next_event_++;
        event.Clear();
        ValueProblem wrong;
        switch (Make(events_[index], event, wrong)) {
          case Made::kEvent:
            return Outcome::kEvent;
          case Made::kAbsent:
            ++absent_[index];
            break;
          case Made::kOther:
            break;
          case Made::kProblem:
            problem = {"",
                       record_.line,
                       wrong.field,
                       wrong.kind,
                       events_.size() == 1 ? wrong.message : absl::StrCat(events_[index].label, ": ", wrong.message),
                       false};
            return Outcome::kProblem;
        }
      }
      const CsvRecordReader::Outcome outcome = records_->Next(record_, problem);
      if (outcome == CsvRecordReader::Outcome::kEnd) return Outcome::kEnd;
      if (outcome == CsvRecordReader::Outcome::kProblem) {
        rows_ += problem.ends_file ? 0 : 1;
        return Outcome::kProblem;
      }
      ++rows_;
      if (record_.fields.size() != columns_.size()) {
        problem = {"",
                   record_.line,
                   "",
                   "WRONG_COLUMN_COUNT",
                   absl::StrCat("the row has ", record_.fields.size(), " columns, the header ", columns_.size(),
                                "; the row was left out"),
                   false};
        return Outcome::kProblem;
      }
      next_event_ = 0;
    }
  }

  int64_t line() const override { return record_.line; }
  int64_t rows_read() const override { return rows_; }
  int64_t bytes_read() const override { return records_->bytes_read(); }

  std::vector<std::string> Notes() const override {
    std::vector<std::string> notes;
    for (size_t i = 0; i < events_.size(); ++i) {
      if (absent_[i] > 0) {
        notes.push_back(absl::StrCat(absent_[i], " rows have no ", events_[i].label, " (",
                                     events_[i].event_time.columns(), " is empty)"));
      }
    }
    return notes;
  }

 private:
  enum class Made { kEvent, kAbsent, kOther, kProblem };

  // Fills a template into a field; the text must be UTF-8, as every text of the API is.
  bool Text(const RowTemplate& text, std::string& value, ValueProblem& wrong) const {
    if (!text.Fill(record_.fields, value, wrong)) return false;
    if (IsValidUtf8(value)) return true;
    wrong = {text.columns(), "NOT_UTF8", "the value is not UTF-8; convert the file (iconv -f WINDOWS-1252 -t UTF-8)"};
    return false;
  }

  bool RequiredText(const RowTemplate& text, absl::string_view what, std::string& value, ValueProblem& wrong) const {
    if (!Text(text, value, wrong)) return false;
    if (!value.empty()) return true;
    wrong = {text.columns(), "VALUE_MISSING", absl::StrCat("there is no ", what, "; the event was left out")};
    return false;
  }

  bool SetTime(const CompiledEvent& compiled, const std::string& text, v1::CustomerEvent& event,
               ValueProblem& wrong) const {
    const TimeTextResult result = compiled.time_format->Parse(text);
    const std::string& column = compiled.event_time.columns();
    if (result.kind == TimeTextKind::kSkippedByClocks) {
      wrong = {column, "TIME_SKIPPED_BY_CLOCKS",
               absl::StrCat("'", Excerpt(text), "' does not exist in ", compiled.time_zone,
                            ": the clocks were put forward over it; correct the time or the mapping's time zone")};
      return false;
    }
    if (result.kind != TimeTextKind::kOk) {
      wrong = {column, "BAD_TIME",
               absl::StrCat("'", Excerpt(text),
                            "' is not a time as the mapping expects it; correct it, or set `timeFormat`")};
      return false;
    }
    SetTimestamp(result.time, *event.mutable_event_time());
    return true;
  }

  bool SetProperties(const CompiledEvent& compiled, v1::CustomerEvent& event, ValueProblem& wrong) const {
    using Type = CompiledEvent::Property::Type;
    std::string text;
    for (const CompiledEvent::Property& property : compiled.properties) {
      if (!Text(property.value, text, wrong)) return false;
      if (text.empty()) continue;
      google::protobuf::Value& value = (*event.mutable_properties())[property.name];
      if (property.type == Type::kText) {
        value.set_string_value(text);
      } else if (property.type == Type::kNumber) {
        double number = 0;
        if (!ParseFinite(text, number)) {
          wrong = NotANumber(property.value.columns(), text);
          return false;
        }
        value.set_number_value(number);
      } else {
        bool flag = false;
        if (!absl::SimpleAtob(text, &flag)) {
          wrong = {property.value.columns(), "NOT_A_BOOLEAN",
                   absl::StrCat("'", Excerpt(text), "' is neither true nor false; the event was left out")};
          return false;
        }
        value.set_bool_value(flag);
      }
    }
    return true;
  }

  static ValueProblem NotANumber(const std::string& column, absl::string_view text) {
    return {
        column, "NOT_A_NUMBER",
        absl::StrCat("'", Excerpt(text), "' is not a number (digits with a decimal point); the event was left out")};
  }

  bool SetPayload(const CompiledEvent& compiled, v1::CustomerEvent& event, ValueProblem& wrong) const {
    std::string text;
    if (compiled.has_survey) {
      v1::SurveyResponse& response = *event.mutable_survey_response();
      double score = 0;
      if (!RequiredText(compiled.score, "score", text, wrong)) return false;
      if (!ParseFinite(text, score)) {
        wrong = NotANumber(compiled.score.columns(), text);
        return false;
      }
      response.set_score(score);
      if (!Text(compiled.survey, *response.mutable_survey(), wrong)) return false;
      if (!Text(compiled.comment, *response.mutable_comment(), wrong)) return false;
    }
    if (compiled.has_money) {
      v1::MoneyMovement& money = *event.mutable_money_movement();
      if (!RequiredText(compiled.currency_code, "currency", *money.mutable_currency_code(), wrong)) return false;
      if (!RequiredText(compiled.amount, "amount", text, wrong)) return false;
      const int digits = compiled.money_is_minor ? 0 : MinorDigits(money.currency_code());
      int64_t minor = 0;
      const AmountKind kind = ParseAmount(text, digits, minor);
      if (kind == AmountKind::kNotANumber) {
        wrong = NotANumber(compiled.amount.columns(), text);
        return false;
      }
      if (kind == AmountKind::kTooPrecise) {
        wrong = {compiled.amount.columns(), "AMOUNT_TOO_PRECISE",
                 absl::StrCat("'", Excerpt(text), "' has more than ", digits, " decimals; the event was left out")};
        return false;
      }
      money.set_amount_minor(minor);
    }
    return true;
  }

  bool SetSequence(const CompiledEvent& compiled, v1::CustomerEvent& event, ValueProblem& wrong) const {
    std::string text;
    if (!Text(compiled.sequence, text, wrong)) return false;
    int64_t sequence = 0;
    if (!text.empty() && !absl::SimpleAtoi(text, &sequence)) {
      wrong = {compiled.sequence.columns(), "NOT_A_WHOLE_NUMBER",
               absl::StrCat("'", Excerpt(text), "' is not a whole number; the event was left out")};
      return false;
    }
    event.set_sequence(sequence);
    return true;
  }

  Made Make(const CompiledEvent& compiled, v1::CustomerEvent& event, ValueProblem& wrong) const {
    if (compiled.condition_column >= 0) {
      const absl::string_view value = absl::StripAsciiWhitespace(record_.fields[compiled.condition_column]);
      if (std::find(compiled.condition_values.begin(), compiled.condition_values.end(), value) ==
          compiled.condition_values.end()) {
        return Made::kOther;
      }
    }
    std::string time;
    if (!compiled.event_time.Fill(record_.fields, time, wrong)) return Made::kProblem;
    if (time.empty()) {
      if (!compiled.required) return Made::kAbsent;
      wrong = {compiled.event_time.columns(), "VALUE_MISSING", "there is no time; the event was left out"};
      return Made::kProblem;
    }
    const bool good = SetTime(compiled, time, event, wrong) &&
                      RequiredText(compiled.event_name, "event name", *event.mutable_event_name(), wrong) &&
                      RequiredText(compiled.id, "id", *event.mutable_id(), wrong) &&
                      RequiredText(compiled.customer_id, "customer id", *event.mutable_customer_id(), wrong) &&
                      RequiredText(compiled.source, "source", *event.mutable_source(), wrong) &&
                      Text(compiled.channel, *event.mutable_channel(), wrong) &&
                      Text(compiled.department, *event.mutable_department(), wrong) &&
                      SetSequence(compiled, event, wrong) && SetProperties(compiled, event, wrong) &&
                      SetPayload(compiled, event, wrong);
    return good ? Made::kEvent : Made::kProblem;
  }

  const std::unique_ptr<CsvRecordReader> records_;
  const std::vector<LookupTable> tables_;
  const std::vector<RowProblem> table_problems_;
  size_t table_problems_given_ = 0;
  std::vector<std::string> columns_;
  std::vector<CompiledEvent> events_;
  std::vector<int64_t> absent_;
  size_t next_event_ = 0;
  CsvRecord record_;
  int64_t rows_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EventReader>> MakeCsvEventReader(std::unique_ptr<ByteSource> source,
                                                                const v1::ImportMapping& mapping,
                                                                const std::string& folder) {
  absl::StatusOr<char> delimiter = DelimiterOf("delimiter", mapping.delimiter());
  if (!delimiter.ok()) return delimiter.status();
  std::vector<LookupTable> tables;
  std::vector<RowProblem> problems;
  for (const v1::LookupTable& table : mapping.lookups()) {
    absl::StatusOr<LookupTable> read = ReadLookupTable(table, folder, problems);
    if (!read.ok()) return read.status();
    tables.push_back(*std::move(read));
  }
  auto reader = std::make_unique<CsvEventReader>(std::make_unique<CsvRecordReader>(std::move(source), *delimiter),
                                                 std::move(tables), std::move(problems));
  if (absl::Status status = reader->Start(mapping); !status.ok()) return status;
  return reader;
}

}  // namespace throughline
