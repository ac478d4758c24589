#include "services/events/native/breakdown.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kAlphabetMax = 30'000;

// Above it, not every whole number is a double.
constexpr double kDigitsMax = 1e15;

// Whole numbers in digits alone, every other one in the shortest text that reads as the same number: different numbers
// must not become one value.
std::string NumberText(double number) {
  if (number == std::trunc(number) && std::abs(number) < kDigitsMax) return absl::StrCat(static_cast<int64_t>(number));
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
}

std::string PropertyText(const PropertyField& field) {
  switch (field.kind) {
    case PropertyField::Kind::kString:
      return std::string(field.text);
    case PropertyField::Kind::kNumber:
      return NumberText(field.number);
    case PropertyField::Kind::kBool:
      return field.boolean ? "true" : "false";
    case PropertyField::Kind::kNull:
      break;
  }
  return "";
}

std::string DayText(absl::CivilDay day) {
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

}  // namespace

namespace {

// Whether partitions have events that the snapshot does not.
bool IsPast(const Snapshot& snapshot) {
  return std::any_of(snapshot.partitions.begin(), snapshot.partitions.end(), [&](const auto& partition) {
    return partition->size() > 0 && partition->row_max() >= snapshot.watermark;
  });
}

}  // namespace

namespace {

// What customers were said to be in their past must not count towards any limit either.
absl::StatusOr<std::vector<bool>> HeldCodes(const FieldValues& field, const Snapshot& snapshot) {
  std::vector<bool> held(field.codes);
  for (size_t i = 0; i < snapshot.partitions.size(); ++i) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, snapshot.At(i));
    field.In(*partition)->Visit([&](auto codes) {
      for (uint32_t place = 0; place < partition->size(); ++place) held[static_cast<size_t>(codes[place])] = true;
    });
  }
  return held;
}

}  // namespace

bool FieldValues::IsMissing(uint32_t code) const {
  if (property != nullptr) return code == kMissingCode || property->IsNull(code);
  return code == kMissingCode && column != kNameColumn && column != kSourceColumn;
}

std::string FieldValues::Text(uint32_t code) const {
  if (property == nullptr) return dictionaries->codes[static_cast<size_t>(column)][code];
  return PropertyText(PropertyColumn::Decoded(property->values[code]));
}

absl::StatusOr<FieldValues> FindField(absl::string_view path, absl::string_view name, const Scope& scope,
                                      Projection& projection, const Snapshot& snapshot) {
  FieldValues out;
  out.dictionaries = &projection.dictionaries();
  absl::string_view name_below = path;
  const bool is_trait = absl::ConsumePrefix(&name_below, "traits.");
  if ((is_trait || absl::ConsumePrefix(&name_below, "properties.")) && !name_below.empty()) {
    const std::string key = is_trait ? TraitColumnKey(name_below) : PropertyColumnKey(name_below);
    ASSIGN_OR_RETURN(const auto properties, projection.Properties({&key, 1}, scope));
    out.column = kCodeColumnCount;
    out.property = properties[0].column;
    out.codes = properties[0].value_codes;
    if (IsPast(snapshot)) {
      // Values that came later must not count towards any limit.
      out.codes = kMissingCode + 1;
      const auto reading = out.property->codes.Reading();
      for (int64_t row = 0; row < snapshot.watermark; ++row) {
        out.codes = std::max(out.codes, out.property->codes[static_cast<size_t>(row)] + 1);
      }
    }
    if (is_trait && out.codes > kBreakdownValueCountMax) {
      ASSIGN_OR_RETURN(out.held, HeldCodes(out, snapshot));
    }
    return out;
  }
  const std::optional<CodeColumn> column = FieldColumn(path);
  if (!column.has_value()) {
    return InvalidField(name, absl::StrCat("\"", path,
                                           "\" is none of event_name, source, channel, department, survey, "
                                           "properties.<key> and traits.<key>"));
  }
  out.column = *column;
  out.codes = snapshot.code_counts[*column];
  return out;
}

namespace {

absl::StatusOr<CompiledAlphabet> FieldAlphabet(const EventField& field, const Scope& scope, Projection& projection,
                                               const Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const FieldValues values, FindField(field.path, "alphabet", scope, projection, snapshot));
  CompiledAlphabet out;
  std::map<std::string, int32_t> numbers;
  for (const std::string& value : field.values) numbers.try_emplace(value, static_cast<int32_t>(numbers.size()));
  out.names.resize(numbers.size());
  for (const auto& [value, number] : numbers) out.names[static_cast<size_t>(number)] = value;
  Selectors::Field lead{values.column, values.property, std::vector<int32_t>(values.codes, -1), 0};
  for (uint32_t code = 0; code < values.codes; ++code) {
    if (values.IsMissing(code) || !values.IsHeld(code)) continue;
    std::string text = values.Text(code);
    const auto found = numbers.find(text);
    if (found != numbers.end()) {
      lead.value_numbers[code] = found->second;
    } else if (field.values.empty()) {
      if (numbers.size() >= kAlphabetMax) {
        return LimitExceeded(absl::StrCat("the values of ", field.path), kAlphabetMax, "values; name those that count");
      }
      lead.value_numbers[code] = static_cast<int32_t>(numbers.size());
      out.names.push_back(text);
      numbers.emplace(std::move(text), lead.value_numbers[code]);
    }
  }
  lead.count = static_cast<int>(out.names.size());
  ASSIGN_OR_RETURN(out.selectors, Selectors::CompileField(lead, scope, projection, snapshot));
  return out;
}

}  // namespace

absl::StatusOr<CompiledAlphabet> CompileAlphabet(const Alphabet& alphabet, const Scope& scope, Projection& projection,
                                                 const Snapshot& snapshot) {
  if (const auto* field = std::get_if<EventField>(&alphabet)) return FieldAlphabet(*field, scope, projection, snapshot);
  CompiledAlphabet out;
  std::vector<EventSelector> selectors;
  std::set<std::string> names;
  for (const Symbol& symbol : std::get<EventSymbols>(alphabet).symbols) {
    if (!names.insert(symbol.name).second) {
      return InvalidField("symbols", absl::StrCat("two are called \"", symbol.name, "\""));
    }
    out.names.push_back(symbol.name);
    selectors.push_back(symbol.selector);
  }
  if (selectors.size() > kBreakdownValueCountMax) {
    return LimitExceeded("the alphabet", kBreakdownValueCountMax, "symbols");
  }
  ASSIGN_OR_RETURN(out.selectors, Selectors::Compile(selectors, scope, projection, snapshot));
  return out;
}

absl::StatusOr<Breakdown::Part> Breakdown::CompilePart(const EventField& dimension, const std::string& name,
                                                       const Scope& scope, Projection& projection,
                                                       const Snapshot& snapshot) {
  Part part;
  ASSIGN_OR_RETURN(part.field, FindField(dimension.path, absl::StrCat(name, ".path"), scope, projection, snapshot));
  std::map<std::string, int32_t> numbers;
  const auto number_of = [&](GroupValue value, const std::string& key) {
    const auto [found, is_new] = numbers.try_emplace(key, static_cast<int32_t>(part.values.size()));
    if (is_new) part.values.push_back(std::move(value));
    return found->second;
  };
  const auto named = [](const std::string& text) { return absl::StrCat("=", text); };
  for (const std::string& value : dimension.values) number_of({GroupValue::Kind::kValue, value}, named(value));
  for (uint32_t code = 0; code < part.field->codes; ++code) {
    if (!part.field->IsHeld(code)) {
      part.numbers.push_back(-1);
      continue;
    }
    if (part.field->IsMissing(code)) {
      part.numbers.push_back(number_of({GroupValue::Kind::kMissing, ""}, "missing"));
      continue;
    }
    const std::string text = part.field->Text(code);
    if (dimension.values.empty() || numbers.contains(named(text))) {
      part.numbers.push_back(number_of({GroupValue::Kind::kValue, text}, named(text)));
    } else {
      part.numbers.push_back(number_of({GroupValue::Kind::kOther, ""}, "other"));
    }
    if (part.values.size() > kBreakdownValueCountMax) {
      return LimitExceeded(absl::StrCat("the values of ", dimension.path), kBreakdownValueCountMax,
                           "values; name those that get a group");
    }
  }
  return part;
}

absl::StatusOr<Breakdown::Part> Breakdown::CompilePart(const EventSymbols& dimension, const std::string&,
                                                       const Scope& scope, Projection& projection,
                                                       const Snapshot& snapshot) {
  Part part;
  // Which touchpoint an event is does not depend on what else is asked for.
  Scope all = scope;
  all.filter = Filter();
  ASSIGN_OR_RETURN(CompiledAlphabet alphabet, CompileAlphabet(dimension, all, projection, snapshot));
  for (std::string& symbol : alphabet.names) part.values.push_back({GroupValue::Kind::kValue, std::move(symbol)});
  part.symbols = std::make_shared<const Selectors>(std::move(alphabet.selectors));
  return part;
}

absl::StatusOr<Breakdown::Part> Breakdown::CompilePart(const EventCalendar& dimension, const std::string&, const Scope&,
                                                       Projection&, const Snapshot& snapshot) {
  Part part;
  part.periods = Periods(dimension.unit, dimension.zone, snapshot.first_time_micros, snapshot.last_time_micros,
                         kBreakdownValueCountMax);
  if (!part.periods->complete()) {
    return LimitExceeded("the calendar periods of all events", kBreakdownValueCountMax, "periods; ask for longer ones");
  }
  for (int i = 0; i < part.periods->count(); ++i) {
    part.values.push_back({GroupValue::Kind::kValue, DayText(part.periods->day(i))});
  }
  return part;
}

absl::StatusOr<Breakdown::Part> Breakdown::CompilePart(const EventCustomer& dimension, const std::string& name,
                                                       const Scope&, Projection& projection, const Snapshot& snapshot) {
  if (dimension.first < 0) return InvalidField(absl::StrCat(name, ".first"), "must not be negative");
  if (dimension.count < 1 || dimension.count > kBreakdownCustomerCountMax) {
    return InvalidField(absl::StrCat(name, ".count"), absl::StrCat("1 to ", kBreakdownCustomerCountMax));
  }
  const int64_t known = snapshot.customer_codes;
  const auto first = static_cast<uint32_t>(std::min(dimension.first, known));
  const auto end = static_cast<uint32_t>(std::min(first + int64_t{dimension.count}, known));
  Part part;
  part.first_customer = first;
  for (uint32_t customer = first; customer < end; ++customer) {
    // One whose events are another's has no group, as its name may be that one's too.
    const bool home = snapshot.HomeOf(customer) == customer;
    part.values.push_back(
        {GroupValue::Kind::kValue, home ? snapshot.NameOf(customer, projection.dictionaries()) : std::string()});
  }
  return part;
}

// Few customers are one thread's work, and others would only double the groups.
void Breakdown::LimitTo(uint32_t first_customer, uint32_t count) {
  auto limited = std::make_shared<CustomerSet>();
  limited->AddRange(first_customer, first_customer + count);
  if (scope_.customers != nullptr) *limited &= *scope_.customers;
  scope_.customers = std::move(limited);
  scope_.threads = 1;
}

absl::StatusOr<Breakdown> Breakdown::Compile(const Scope& scope, Projection& projection, const Snapshot& snapshot) {
  const std::vector<Dimension>& dimensions = scope.breakdown;
  const auto customer_dimensions = std::count_if(dimensions.begin(), dimensions.end(), [](const Dimension& dimension) {
    return std::holds_alternative<EventCustomer>(dimension);
  });
  if (customer_dimensions > 1) return InvalidField("breakdown", "customers only once");
  if (dimensions.size() > static_cast<size_t>(kBreakdownDimensionCountMax + customer_dimensions)) {
    return InvalidField("breakdown", absl::StrCat("at most ", kBreakdownDimensionCountMax, " dimensions"));
  }
  Breakdown out;
  out.scope_ = scope;
  int64_t groups = 1;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const std::string name = absl::StrCat("breakdown[", i, "]");
    ASSIGN_OR_RETURN(
        Part part,
        std::visit([&](const auto& dimension) { return CompilePart(dimension, name, scope, projection, snapshot); },
                   dimensions[i]));
    groups *= static_cast<int64_t>(part.values.size());
    if (part.first_customer.has_value()) {
      out.LimitTo(*part.first_customer, static_cast<uint32_t>(part.values.size()));
    }
    out.parts_.push_back(std::move(part));
  }
  if (groups > kBreakdownGroupCountMax) {
    return LimitExceeded("the breakdown", kBreakdownGroupCountMax, "groups; ask for fewer values");
  }
  out.group_count_ = static_cast<int>(groups);
  return out;
}

GroupKey Breakdown::KeyOf(int group) const {
  GroupKey key(parts_.size());
  for (size_t i = parts_.size(); i-- > 0;) {
    const auto count = static_cast<int>(parts_[i].values.size());
    key[i] = parts_[i].values[static_cast<size_t>(group % count)];
    group /= count;
  }
  return key;
}

Breakdown::Reader::Reader(const Breakdown& breakdown, const Partition& partition) : partition_(partition) {
  for (const Breakdown::Part& compiled : breakdown.parts_) {
    Part& part = parts_.emplace_back();
    part.value_count = static_cast<int32_t>(compiled.values.size());
    if (compiled.field.has_value()) {
      part.kept = compiled.field->In(partition);
      part.codes = part.kept.get();
      part.numbers = compiled.numbers.data();
    } else if (compiled.symbols != nullptr) {
      part.symbols = std::make_unique<Selectors::Reader>(*compiled.symbols, partition);
    } else if (compiled.first_customer.has_value()) {
      part.first_customer = compiled.first_customer;
    } else if (partition.times().in_seconds) {
      part.seconds = std::make_unique<PeriodTable<uint32_t>>(*compiled.periods, partition.times());
    } else {
      part.micros = std::make_unique<PeriodTable<int64_t>>(*compiled.periods, partition.times());
    }
  }
}

void Breakdown::Reader::Of(const uint32_t* places, size_t count, int32_t* groups) {
  std::fill_n(groups, count, 0);
  for (Part& part : parts_) Add(part, places, count, groups);
}

// The groups so far times the number of values, plus the value. Every group that does not exist stays negative.
void Breakdown::Reader::Add(Part& part, const uint32_t* places, size_t count, int32_t* groups) {
  const auto add = [&](const auto& value_of) {
    for (size_t i = 0; i < count; ++i) {
      const int32_t value = value_of(i);
      groups[i] = (groups[i] | value) < 0 ? -1 : groups[i] * part.value_count + value;
    }
  };
  if (part.codes != nullptr) {
    part.codes->Visit(
        [&](auto codes) { add([&](size_t i) { return part.numbers[static_cast<size_t>(codes[places[i]])]; }); });
  } else if (part.symbols != nullptr) {
    if (symbols_.size() < count) symbols_.resize(count);
    part.symbols->First(places, count, symbols_.data());
    add([&](size_t i) { return symbols_[i] == kNoSelector<uint16_t> ? -1 : static_cast<int32_t>(symbols_[i]); });
  } else if (part.first_customer.has_value()) {
    const int64_t first = int64_t{*part.first_customer} - partition_.first_customer();
    add([&](size_t i) {
      const int64_t value = CustomerOf(places[i]) - first;
      return value >= 0 && value < part.value_count ? static_cast<int32_t>(value) : -1;
    });
  } else if (part.seconds != nullptr) {
    add([&](size_t i) { return part.seconds->Of(partition_.times().seconds[places[i]]); });
  } else {
    add([&](size_t i) { return part.micros->Of(partition_.times().micros[places[i]]); });
  }
}

uint32_t Breakdown::Reader::CustomerOf(uint32_t place) {
  if (place < partition_.offset(customer_) || place >= partition_.offset(customer_ + 1)) {
    const uint32_t* const offsets = partition_.offsets();
    customer_ =
        static_cast<uint32_t>(std::upper_bound(offsets, offsets + partition_.customer_count(), place) - offsets) - 1;
  }
  return customer_;
}

}  // namespace throughline
