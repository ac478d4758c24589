#include "services/events/native/dictionaries.h"

#include <cstring>

namespace throughline {
namespace {

constexpr char kString = 's';
constexpr char kNumber = 'n';
constexpr char kBool = 'b';
constexpr char kNull = '0';

}  // namespace

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
