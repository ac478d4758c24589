#include "services/events/native/dictionaries.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace throughline {
namespace {

constexpr char kString = 's';
constexpr char kNumber = 'n';
constexpr char kBool = 'b';
constexpr char kNull = '0';

// Before the keys of columns of traits, and before those of properties that begin with one of the two.
constexpr char kTraitMark = '\x01';
constexpr char kPropertyMark = '\x02';

}  // namespace

std::string PropertyColumnKey(absl::string_view property) {
  const bool marked = !property.empty() && (property[0] == kTraitMark || property[0] == kPropertyMark);
  return marked ? absl::StrCat(absl::string_view(&kPropertyMark, 1), property) : std::string(property);
}

std::string TraitColumnKey(absl::string_view trait) { return absl::StrCat(absl::string_view(&kTraitMark, 1), trait); }

bool PropertyColumn::is_trait() const { return !key.empty() && key[0] == kTraitMark; }

bool PropertyColumn::IsNull(uint32_t code) const { return code != kMissingCode && values[code][0] == kNull; }

void PropertyColumn::AppendOf(const StatedValues& stated) {
  const absl::string_view name = absl::string_view(key).substr(is_trait() ? 1 : 0);
  const std::vector<PropertyField>& fields = is_trait() ? stated.traits : stated.properties;
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const PropertyField& field) { return field.key == name; });
  Append(found == fields.end() ? nullptr : &*found);
}

absl::string_view PropertyColumn::Encoded(const PropertyField& field) {
  scratch_.clear();
  switch (field.kind) {
    case PropertyField::Kind::kString:
      scratch_ += kString;
      scratch_.append(field.text.data(), field.text.size());
      break;
    case PropertyField::Kind::kNumber: {
      const double number = field.number == 0 ? 0.0 : field.number;  // -0 is 0
      scratch_ += kNumber;
      scratch_.resize(1 + sizeof(number));
      std::memcpy(scratch_.data() + 1, &number, sizeof(number));
      break;
    }
    case PropertyField::Kind::kBool:
      scratch_ += kBool;
      scratch_ += field.boolean ? '1' : '0';
      break;
    case PropertyField::Kind::kNull:
      scratch_ += kNull;
      break;
  }
  return scratch_;
}

PropertyField PropertyColumn::Decoded(const std::string& encoded) {
  PropertyField field;
  switch (encoded[0]) {
    case kString:
      field.kind = PropertyField::Kind::kString;
      field.text = absl::string_view(encoded).substr(1);
      break;
    case kNumber:
      field.kind = PropertyField::Kind::kNumber;
      std::memcpy(&field.number, encoded.data() + 1, sizeof(field.number));
      break;
    case kBool:
      field.kind = PropertyField::Kind::kBool;
      field.boolean = encoded[1] == '1';
      break;
    case kNull:
      field.kind = PropertyField::Kind::kNull;
      break;
  }
  return field;
}

}  // namespace throughline
