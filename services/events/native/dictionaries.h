// The dictionaries of one workspace, and the columns that stand for its properties.
// As StringDictionary: one thread at a time adds; any thread reads what it was told of under a lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/events/native/code_sequence.h"
#include "services/events/native/column_cache.h"
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

// The keys of the columns of a property and of a trait. No key of an event has a control character, so that what stands
// before a trait's is in none; a property that begins with one is no event's.
std::string PropertyColumnKey(absl::string_view property);
std::string TraitColumnKey(absl::string_view trait);

// The values that an event states, by name, sorted by key.
struct StatedValues {
  std::vector<PropertyField> properties;
  std::vector<PropertyField> traits;
};

// One property of all events of a workspace, or one trait: what each event states of it, as a code by sequence - 1.
// What a customer's trait is by then only a partition knows (Partition::property).
struct PropertyColumn {
  // Of PropertyColumnKey or TraitColumnKey.
  explicit PropertyColumn(absl::string_view column_key) : key(column_key) { values.Encode(""); }

  bool is_trait() const;
  // Whether the code is that of null, which only traits have.
  bool IsNull(uint32_t code) const;

  // Adds what the next event states.
  void AppendOf(const StatedValues& stated);

  // Adds the next event's value; null: it has none.
  void Append(const PropertyField* field) {
    codes.push_back(field == nullptr ? kMissingCode : values.Encode(Encoded(*field)));
  }

  // What a code of `values` stands for: a first byte for the kind, then the text, the number's eight bytes, or a byte.
  static PropertyField Decoded(const std::string& encoded);

  const std::string key;
  const uint64_t id = ColumnCache::NextId();
  std::shared_ptr<const ColumnCache> cache;  // of what partitions make of it; null: they make it each time
  StringDictionary values;
  CodeSequence codes;

 private:
  absl::string_view Encoded(const PropertyField& field);
  std::string scratch_;
};

}  // namespace throughline
