// The dictionaries of one workspace, and the columns that stand for its properties.
// As StringDictionary: one thread at a time adds; any thread reads what it was told of under a lock.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "services/events/native/code_sequence.h"
#include "services/events/native/event_record.h"
#include "services/events/native/string_dictionary.h"

namespace throughline {

// Code of "no value" in the columns of channels, departments, surveys, currencies, links and properties.
inline constexpr uint32_t kMissingCode = 0;

// The columns of dictionary codes that every event has.
enum CodeColumn {
  kNameColumn,
  kSourceColumn,
  kChannelColumn,
  kDepartmentColumn,
  kSurveyColumn,
  kCurrencyColumn,
  kLinkColumn,  // what the event says about links (identity_graph.h)
};
inline constexpr int kCodeColumnCount = kLinkColumn + 1;
// Those in which kMissingCode stands for no value.
inline constexpr std::array<CodeColumn, 5> kOptionalColumns = {kChannelColumn, kDepartmentColumn, kSurveyColumn,
                                                               kCurrencyColumn, kLinkColumn};

struct Dictionaries {
  Dictionaries() {
    for (const CodeColumn column : kOptionalColumns) codes[column].Encode("");
  }
  const StringDictionary& names() const { return codes[kNameColumn]; }
  const StringDictionary& sources() const { return codes[kSourceColumn]; }

  StringDictionary customers;
  // By CodeColumn. Except for names and sources, code 0 is the empty string, which stands for no value.
  std::array<StringDictionary, kCodeColumnCount> codes;
};

// One property of all events of a workspace: a code per event, by sequence - 1.
struct PropertyColumn {
  explicit PropertyColumn(absl::string_view property_key) : key(property_key) { values.Encode(""); }

  // Adds the next event's value; null: it has none.
  void Append(const PropertyField* field) {
    codes.push_back(field == nullptr ? kMissingCode : values.Encode(Encoded(*field)));
  }

  // What a code of `values` stands for: a first byte for the kind, then the text, the number's eight bytes, or a byte.
  static PropertyField Decoded(const std::string& encoded);

  const std::string key;
  StringDictionary values;
  CodeSequence codes;

 private:
  absl::string_view Encoded(const PropertyField& field);
  std::string scratch_;
};

}  // namespace throughline
