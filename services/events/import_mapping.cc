#include "services/events/import_mapping.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "services/base/text.h"
#include "services/events/csv_records.h"
#include "services/events/import_errors.h"
#include "services/events/import_limits.h"

namespace throughline {
namespace {

constexpr int kLookupsMax = 20;
constexpr int kEventsMax = 100;

int FindColumn(const std::vector<std::string>& columns, absl::string_view name) {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

// FindColumn, or an error that shows what there is.
absl::StatusOr<int> ColumnOf(absl::string_view field, const std::vector<std::string>& columns, absl::string_view name) {
  const int column = FindColumn(columns, name);
  if (column < 0) {
    return MappingError(
        field, absl::StrCat("the file has no column '", name, "'; its columns are: ", absl::StrJoin(columns, ", ")));
  }
  if (std::count(columns.begin(), columns.end(), name) > 1) {
    return MappingError(field, absl::StrCat("the file has several columns '", name,
                                            "'; rename them, or name all columns in the mapping's `columns`"));
  }
  return column;
}

absl::string_view Trimmed(absl::string_view text) { return absl::StripAsciiWhitespace(text); }

// Makes templates for one event; remembers the first failure.
class TemplateMaker {
 public:
  TemplateMaker(std::string event_field, const std::vector<std::string>& columns,
                const std::vector<LookupTable>& tables)
      : event_field_(std::move(event_field)), columns_(columns), tables_(tables) {}

  RowTemplate Make(absl::string_view field, const std::string& text) {
    absl::StatusOr<RowTemplate> made =
        RowTemplate::Make(absl::StrCat(event_field_, ".", field), text, columns_, tables_);
    if (made.ok()) return *std::move(made);
    Fail(made.status());
    return {};
  }
  RowTemplate MakeRequired(absl::string_view field, const std::string& text) {
    if (text.empty()) Fail(MappingError(absl::StrCat(event_field_, ".", field), "is required"));
    return Make(field, text);
  }
  void Fail(absl::Status status) { status_.Update(std::move(status)); }
  const absl::Status& status() const { return status_; }
  std::string Path(absl::string_view field) const { return absl::StrCat(event_field_, ".", field); }

 private:
  const std::string event_field_;
  const std::vector<std::string>& columns_;
  const std::vector<LookupTable>& tables_;
  absl::Status status_;
};

void CompilePayload(const v1::EventTemplate& event, TemplateMaker& maker, CompiledEvent& compiled) {
  compiled.has_survey = event.has_survey_response();
  compiled.has_money = event.has_money_movement();
  if (compiled.has_survey && compiled.has_money) {
    maker.Fail(MappingError(maker.Path("moneyMovement"),
                            "an event is a survey answer or a movement of money, not both; make two events"));
  }
  if (compiled.has_survey) {
    compiled.score = maker.MakeRequired("surveyResponse.score", event.survey_response().score());
    compiled.survey = maker.Make("surveyResponse.survey", event.survey_response().survey());
    compiled.comment = maker.Make("surveyResponse.comment", event.survey_response().comment());
  }
  if (compiled.has_money) {
    const v1::MoneyTemplate& money = event.money_movement();
    if (money.amount().empty() == money.amount_minor().empty()) {
      maker.Fail(MappingError(maker.Path("moneyMovement"), "give either `amount` or `amountMinor`"));
    }
    compiled.money_is_minor = !money.amount_minor().empty();
    compiled.amount = maker.Make(compiled.money_is_minor ? "moneyMovement.amountMinor" : "moneyMovement.amount",
                                 compiled.money_is_minor ? money.amount_minor() : money.amount());
    compiled.currency_code = maker.MakeRequired("moneyMovement.currencyCode", money.currency_code());
  }
}

void CompileProperties(const v1::EventTemplate& event, TemplateMaker& maker, CompiledEvent& compiled) {
  using Type = CompiledEvent::Property::Type;
  for (int i = 0; i < event.properties_size(); ++i) {
    const v1::PropertyTemplate& property = event.properties(i);
    const std::string field = absl::StrCat("properties[", i, "]");
    if (property.name().empty()) maker.Fail(MappingError(maker.Path(field + ".name"), "is required"));
    switch (property.value_case()) {
      case v1::PropertyTemplate::kText:
        compiled.properties.push_back({Type::kText, property.name(), maker.Make(field + ".text", property.text())});
        break;
      case v1::PropertyTemplate::kNumber:
        compiled.properties.push_back(
            {Type::kNumber, property.name(), maker.Make(field + ".number", property.number())});
        break;
      case v1::PropertyTemplate::kBoolean:
        compiled.properties.push_back(
            {Type::kBoolean, property.name(), maker.Make(field + ".boolean", property.boolean())});
        break;
      case v1::PropertyTemplate::VALUE_NOT_SET:
        maker.Fail(MappingError(maker.Path(field), "needs `text`, `number` or `boolean`"));
    }
  }
}

absl::StatusOr<CompiledEvent> CompileEvent(const v1::ImportMapping& mapping, int index, absl::TimeZone zone,
                                           const std::vector<std::string>& columns,
                                           const std::vector<LookupTable>& tables) {
  const v1::EventTemplate& event = mapping.events(index);
  TemplateMaker maker(absl::StrCat("events[", index, "]"), columns, tables);
  CompiledEvent compiled;
  compiled.label = event.event_name();
  compiled.required = event.required();
  compiled.event_name = maker.MakeRequired("eventName", event.event_name());
  compiled.id = maker.MakeRequired("id", event.id());
  compiled.customer_id = maker.MakeRequired("customerId", event.customer_id());
  compiled.event_time = maker.MakeRequired("eventTime", event.event_time());
  compiled.source = maker.MakeRequired("source", event.source().empty() ? mapping.source() : event.source());
  compiled.channel = maker.Make("channel", event.channel());
  compiled.department = maker.Make("department", event.department());
  compiled.sequence = maker.Make("sequence", event.sequence());
  CompileProperties(event, maker, compiled);
  CompilePayload(event, maker, compiled);

  absl::StatusOr<TimeFormat> format =
      TimeFormat::Make(event.time_format().empty() ? mapping.time_format() : event.time_format(), zone);
  if (!format.ok()) {
    maker.Fail(MappingError(maker.Path("timeFormat"), format.status().message()));
  } else {
    compiled.time_format = *std::move(format);
  }
  compiled.time_zone = zone.name();
  if (event.has_only_if()) {
    absl::StatusOr<int> column = ColumnOf(maker.Path("onlyIf.column"), columns, event.only_if().column());
    if (!column.ok()) maker.Fail(column.status());
    compiled.condition_column = column.value_or(-1);
    compiled.condition_values.assign(event.only_if().values().begin(), event.only_if().values().end());
    if (compiled.condition_values.empty()) maker.Fail(MappingError(maker.Path("onlyIf.values"), "is required"));
  }
  if (!maker.status().ok()) return maker.status();
  return compiled;
}

}  // namespace

absl::StatusOr<v1::ImportMapping> ParseImportMapping(const std::string& json) {
  v1::ImportMapping mapping;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &mapping);
  if (!status.ok()) {
    return MappingError(
        "", absl::StrCat("not a mapping: ", std::string(status.message()), "; see throughline import csv --help"));
  }
  if (mapping.events().empty()) return MappingError("events", "is required: what shall a row become?");
  if (mapping.events_size() > kEventsMax) {
    return MappingError("events", absl::StrCat("at most ", kEventsMax, " kinds of event"));
  }
  if (mapping.lookups_size() > kLookupsMax) {
    return MappingError("lookups", absl::StrCat("at most ", kLookupsMax, " tables"));
  }
  return mapping;
}

absl::StatusOr<char> DelimiterOf(absl::string_view field, const std::string& text) {
  if (text.empty()) return '\0';
  if (text.size() == 1 && absl::StrContains(",;\t|", text)) return text[0];
  return MappingError(field, absl::StrCat("'", text, "' is no delimiter; use `,`, `;`, `|` or a tab"));
}

absl::StatusOr<LookupTable> ReadLookupTable(const v1::LookupTable& table, const std::string& folder,
                                            std::vector<RowProblem>& problems) {
  const std::string field = absl::StrCat("lookups['", table.id(), "']");
  if (table.id().empty() || table.file().empty()) return MappingError("lookups", "each needs an `id` and a `file`");
  absl::StatusOr<char> delimiter = DelimiterOf(field + ".delimiter", table.delimiter());
  if (!delimiter.ok()) return delimiter.status();
  LookupTable result;
  result.id = table.id();
  result.path = (std::filesystem::path(folder) / table.file()).string();
  result.key_column = table.key_column();
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenByteSource(result.path);
  if (!source.ok()) return source.status();

  CsvRecordReader reader(*std::move(source), *delimiter);
  CsvRecord record;
  int key = -1, value = -1;
  size_t width = 0;
  const auto report = [&](RowProblem problem) {
    problem.file = result.path;
    problem.ends_file = false;  // it ends the table, not the import
    problems.push_back(std::move(problem));
  };
  for (RowProblem problem;;) {
    const CsvRecordReader::Outcome outcome = reader.Next(record, problem);
    if (outcome == CsvRecordReader::Outcome::kEnd) break;
    if (outcome == CsvRecordReader::Outcome::kProblem) {
      report(problem);
      continue;
    }
    if (width == 0) {
      const std::vector<std::string> columns(record.fields.begin(), record.fields.end());
      absl::StatusOr<int> key_column = ColumnOf(field + ".keyColumn", columns, table.key_column());
      if (!key_column.ok()) return key_column.status();
      absl::StatusOr<int> value_column = ColumnOf(field + ".valueColumn", columns, table.value_column());
      if (!value_column.ok()) return value_column.status();
      key = *key_column, value = *value_column, width = columns.size();
      continue;
    }
    if (record.fields.size() != width) {
      report({"", record.line, "", "WRONG_COLUMN_COUNT",
              absl::StrCat("the row has ", record.fields.size(), " columns, the header ", width), false});
      continue;
    }
    const absl::string_view answer = Trimmed(record.fields[value]);
    const auto [entry, added] = result.answers.try_emplace(Trimmed(record.fields[key]), answer);
    if (!added && entry->second != answer) {
      report({"", record.line, table.value_column(), "LOOKUP_AMBIGUOUS",
              absl::StrCat("'", Excerpt(entry->first), "' has two answers, '", Excerpt(entry->second), "' and '",
                           Excerpt(answer), "'; the first holds"),
              false});
    }
    if (result.answers.size() > kImportLookupRowsMax) {
      return MappingError(field, absl::StrCat("the table has more than ", kImportLookupRowsMax,
                                              " rows; join it into the file before the import"));
    }
  }
  if (width == 0) return FileFormatError(result.path, "the file has no header line");
  return result;
}

absl::StatusOr<RowTemplate> RowTemplate::Make(absl::string_view field, absl::string_view text,
                                              const std::vector<std::string>& columns,
                                              const std::vector<LookupTable>& tables) {
  RowTemplate result;
  std::string literal;
  std::vector<std::string> names;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == '{' || text[i] == '}') && i + 1 < text.size() && text[i + 1] == text[i]) {
      literal.push_back(text[i++]);
      continue;
    }
    if (text[i] == '}') return MappingError(field, "a '}' closes nothing; a brace itself is written '}}'");
    if (text[i] != '{') {
      literal.push_back(text[i]);
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == absl::string_view::npos) {
      return MappingError(field, "a '{' is not closed; a brace itself is written '{{'");
    }
    const std::vector<std::string> pieces = absl::StrSplit(text.substr(i + 1, end - i - 1), '|');
    Part part;
    absl::StatusOr<int> column = ColumnOf(field, columns, pieces[0]);
    if (!column.ok()) return column.status();
    part.column = *column;
    part.column_name = pieces[0];
    for (size_t t = 1; t < pieces.size(); ++t) {
      const auto table = std::find_if(tables.begin(), tables.end(), [&](const auto& x) { return x.id == pieces[t]; });
      if (table == tables.end()) {
        return MappingError(field, absl::StrCat("there is no lookup table '", pieces[t], "'; add it to `lookups`"));
      }
      part.tables.push_back(&*table);
    }
    if (!literal.empty()) result.parts_.push_back({std::exchange(literal, ""), -1, "", {}});
    result.parts_.push_back(std::move(part));
    names.push_back(pieces[0]);
    i = end;
  }
  if (!literal.empty()) result.parts_.push_back({literal, -1, "", {}});
  result.columns_ = absl::StrJoin(names, ", ");
  return result;
}

bool RowTemplate::Fill(const std::vector<absl::string_view>& row, std::string& value, ValueProblem& problem) const {
  value.clear();
  for (const Part& part : parts_) {
    if (part.column < 0) {
      value += part.literal;
      continue;
    }
    absl::string_view piece = Trimmed(row[part.column]);
    for (const LookupTable* table : part.tables) {
      if (piece.empty()) break;
      const auto answer = table->answers.find(piece);
      if (answer == table->answers.end()) {
        problem = {part.column_name, "LOOKUP_FAILED",
                   absl::StrCat("the table '", table->id, "' (", table->path, ") has no row with ", table->key_column,
                                " '", Excerpt(piece), "'; the event was left out")};
        return false;
      }
      piece = answer->second;
    }
    value.append(piece.data(), piece.size());
  }
  return true;
}

absl::StatusOr<std::vector<CompiledEvent>> CompileEvents(const v1::ImportMapping& mapping,
                                                         const std::vector<std::string>& columns,
                                                         const std::vector<LookupTable>& tables) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!mapping.time_zone().empty() && !absl::LoadTimeZone(mapping.time_zone(), &zone)) {
    return MappingError("timeZone", absl::StrCat("'", mapping.time_zone(),
                                                 "' is no time zone; use an IANA name such as Europe/Lisbon"));
  }
  std::vector<CompiledEvent> events;
  for (int i = 0; i < mapping.events_size(); ++i) {
    absl::StatusOr<CompiledEvent> event = CompileEvent(mapping, i, zone, columns, tables);
    if (!event.ok()) return event.status();
    events.push_back(*std::move(event));
  }
  return events;
}

}  // namespace throughline
