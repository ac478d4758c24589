// A mapping of CSV rows to events, made ready for the columns of one file. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/events/event_reader.h"
#include "services/events/time_text.h"
#include "throughline/v1/import_mapping.pb.h"

namespace throughline {

// Reads a mapping from JSON. INVALID_ARGUMENT naming what is wrong and where.
absl::StatusOr<v1::ImportMapping> ParseImportMapping(const std::string& json);

// A CSV file that says one value for another.
struct LookupTable {
  std::string id;
  std::string path;
  std::string key_column;
  absl::flat_hash_map<std::string, std::string> answers;
};

// Reads a lookup table. Rows that cannot be read, and keys with two answers (the first holds), are added to `problems`.
// Fails as OpenByteSource does, and with INVALID_ARGUMENT if a column is missing or the table is too large.
absl::StatusOr<LookupTable> ReadLookupTable(const v1::LookupTable& table, const std::string& folder,
                                            std::vector<RowProblem>& problems);

// What is wrong with one value of a row.
struct ValueProblem {
  std::string field;
  std::string kind;
  std::string message;
};

// A text with places for the values of columns.
class RowTemplate {
 public:
  // INVALID_ARGUMENT naming the unknown column or table; `field` says where in the mapping the text stands.
  static absl::StatusOr<RowTemplate> Make(absl::string_view field, absl::string_view text,
                                          const std::vector<std::string>& columns,
                                          const std::vector<LookupTable>& tables);
  // Sets `value`. False, with `problem`, if a table has no answer. A place without a value is empty.
  bool Fill(const std::vector<absl::string_view>& row, std::string& value, ValueProblem& problem) const;
  bool empty() const { return parts_.empty(); }
  // The columns that it reads, for messages.
  const std::string& columns() const { return columns_; }

 private:
  struct Part {
    std::string literal;
    int column = -1;  // -1: the literal
    std::string column_name;
    std::vector<const LookupTable*> tables;
  };
  std::vector<Part> parts_;
  std::string columns_;
};

// One EventTemplate, ready.
struct CompiledEvent {
  RowTemplate event_name, id, customer_id, event_time, source, channel, department, sequence;
  std::optional<TimeFormat> time_format;
  std::string time_zone;
  bool required = false;
  int condition_column = -1;
  std::vector<std::string> condition_values;
  struct Property {
    enum class Type { kText, kNumber, kBoolean } type;
    std::string name;
    RowTemplate value;
  };
  std::vector<Property> properties;
  bool has_survey = false;
  RowTemplate score, survey, comment;
  bool has_money = false;
  bool money_is_minor = false;
  RowTemplate amount, currency_code;
  std::string label;  // for notes: the event name as the mapping writes it
};

// Makes the events of a mapping ready for a file with these columns; `tables` must outlive them. INVALID_ARGUMENT
// naming the field of the mapping, and the columns that there are.
absl::StatusOr<std::vector<CompiledEvent>> CompileEvents(const v1::ImportMapping& mapping,
                                                         const std::vector<std::string>& columns,
                                                         const std::vector<LookupTable>& tables);

// The delimiter of a mapping or table; 0: to be found. INVALID_ARGUMENT if it is not one of the four.
absl::StatusOr<char> DelimiterOf(absl::string_view field, const std::string& text);

}  // namespace throughline
