#include "services/events/native/event_record.h"

#include <bit>
#include <cstring>

#include "absl/base/internal/endian.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/events/native/stable_hash.h"

namespace throughline {
namespace {

using google::protobuf::Value;

constexpr size_t kLogMarkBytes = 2 + sizeof(uint64_t);

bool HasNullProperty(const v1::CustomerEvent& event) {
  for (const auto& [key, value] : event.properties()) {
    if (value.kind_case() == Value::kNullValue) return true;
  }
  return false;
}

void AppendDeterministic(const v1::CustomerEvent& event, std::string& out) {
  const size_t size = event.ByteSizeLong();
  const size_t start = out.size();
  out.resize(start + size);
  google::protobuf::io::ArrayOutputStream array(out.data() + start, static_cast<int>(size));
  google::protobuf::io::CodedOutputStream stream(&array);
  stream.SetSerializationDeterministic(true);
  event.SerializeWithCachedSizes(&stream);
}

// Walks the fields of one message in protobuf's wire format.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Moves to the next field; false at the end or where the bytes are no message (then failed()).
  bool Next() {
    if (p_ == end_ || failed_) return false;
    const uint64_t tag = Varint();
    field_ = static_cast<int>(tag >> 3);
    switch (tag & 7) {
      case 0:
        number_ = Varint();
        break;
      case 1:
        failed_ = failed_ || end_ - p_ < 8;
        if (failed_) return false;
        std::memcpy(&number_, p_, 8);
        p_ += 8;
        break;
      case 2: {
        const uint64_t length = Varint();
        failed_ = failed_ || length > static_cast<uint64_t>(end_ - p_);
        if (failed_) return false;
        text_ = absl::string_view(p_, length);
        p_ += length;
        break;
      }
      case 5:
        failed_ = failed_ || end_ - p_ < 4;
        if (failed_) return false;
        p_ += 4;
        break;
      default:
        failed_ = true;
    }
    return !failed_;
  }

  int field() const { return field_; }
  absl::string_view text() const { return text_; }
  int64_t integer() const { return static_cast<int64_t>(number_); }
  double real() const { return std::bit_cast<double>(number_); }
  bool failed() const { return failed_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && p_ < end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*p_++);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }

  const char* p_;
  const char* const end_;
  int field_ = 0;
  uint64_t number_ = 0;
  absl::string_view text_;
  bool failed_ = false;
};

bool ReadTime(absl::string_view bytes, int64_t& micros) {
  // What a Timestamp can be: the years 1 to 9999.
  constexpr int64_t kSecondsMin = -62'135'596'800, kSecondsMax = 253'402'300'799, kNanosMax = 999'999'999;
  int64_t seconds = 0, nanos = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == google::protobuf::Timestamp::kSecondsFieldNumber) seconds = reader.integer();
    if (reader.field() == google::protobuf::Timestamp::kNanosFieldNumber) nanos = reader.integer();
  }
  if (reader.failed() || seconds < kSecondsMin || seconds > kSecondsMax || nanos < 0 || nanos > kNanosMax) return false;
  micros = seconds * 1'000'000 + nanos / 1000;
  return true;
}

bool ReadValue(absl::string_view bytes, PropertyField& property) {
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case Value::kNumberValueFieldNumber:
        property.kind = PropertyField::Kind::kNumber;
        property.number = reader.real();
        break;
      case Value::kStringValueFieldNumber:
        property.kind = PropertyField::Kind::kString;
        property.text = reader.text();
        break;
      case Value::kBoolValueFieldNumber:
        property.kind = PropertyField::Kind::kBool;
        property.boolean = reader.integer() != 0;
        break;
      case Value::kNullValueFieldNumber:
        property.kind = PropertyField::Kind::kNull;
        break;
    }
  }
  return !reader.failed();
}

bool ReadProperty(absl::string_view bytes, PropertyField& property) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) property.key = reader.text();
    if (reader.field() == 2 && !ReadValue(reader.text(), property)) return false;
  }
  return !reader.failed();
}

bool ReadSurveyResponse(absl::string_view bytes, EventFields& fields) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == v1::SurveyResponse::kScoreFieldNumber) {
      fields.value_kind = ValueKind::kScore;
      fields.score = reader.real();
    }
    if (reader.field() == v1::SurveyResponse::kSurveyFieldNumber) fields.survey = reader.text();
  }
  return !reader.failed();
}

bool ReadMoneyMovement(absl::string_view bytes, EventFields& fields) {
  fields.value_kind = ValueKind::kAmount;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == v1::MoneyMovement::kAmountMinorFieldNumber) {
      fields.amount_minor = reader.integer();
    }
    if (reader.field() == v1::MoneyMovement::kCurrencyCodeFieldNumber) fields.currency = reader.text();
  }
  return !reader.failed();
}

bool ReadIdentityLink(absl::string_view bytes, EventFields& fields) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == v1::IdentityLink::kCustomerIdFieldNumber) fields.linked_customer_id = reader.text();
  }
  return !reader.failed();
}

bool ReadIdentityUnlink(absl::string_view bytes, EventFields& fields) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == v1::IdentityUnlink::kEventSourceFieldNumber) fields.unlinked_source = reader.text();
    if (reader.field() == v1::IdentityUnlink::kEventIdFieldNumber) fields.unlinked_id = reader.text();
  }
  return !reader.failed();
}

}  // namespace

void AppendCanonicalEvent(const v1::CustomerEvent& event, std::string& out) {
  const int32_t nanos = event.event_time().nanos();
  if (nanos % 1000 == 0 && !HasNullProperty(event)) return AppendDeterministic(event, out);
  v1::CustomerEvent copy = event;
  copy.mutable_event_time()->set_nanos(nanos - nanos % 1000);
  auto& properties = *copy.mutable_properties();
  for (const auto& [key, value] : event.properties()) {
    if (value.kind_case() == Value::kNullValue) properties.erase(key);
  }
  AppendDeterministic(copy, out);
}

bool ReadEventFields(absl::string_view bytes, EventFields& fields, std::vector<PropertyField>* properties,
                     std::vector<PropertyField>* traits) {
  using Event = v1::CustomerEvent;
  fields = EventFields();
  if (properties != nullptr) properties->clear();
  if (traits != nullptr) traits->clear();
  WireReader reader(bytes);
  bool fine = true;
  while (fine && reader.Next()) {
    switch (reader.field()) {
      case Event::kIdFieldNumber:
        fields.id = reader.text();
        break;
      case Event::kSourceFieldNumber:
        fields.source = reader.text();
        break;
      case Event::kCustomerIdFieldNumber:
        fields.customer_id = reader.text();
        break;
      case Event::kEventTimeFieldNumber:
        fine = ReadTime(reader.text(), fields.time_micros);
        break;
      case Event::kSequenceFieldNumber:
        fields.sequence = reader.integer();
        break;
      case Event::kEventNameFieldNumber:
        fields.event_name = reader.text();
        break;
      case Event::kChannelFieldNumber:
        fields.channel = reader.text();
        break;
      case Event::kDepartmentFieldNumber:
        fields.department = reader.text();
        break;
      case Event::kPropertiesFieldNumber:
        if (properties != nullptr) fine = ReadProperty(reader.text(), properties->emplace_back());
        break;
      case Event::kSurveyResponseFieldNumber:
        fine = ReadSurveyResponse(reader.text(), fields);
        break;
      case Event::kMoneyMovementFieldNumber:
        fine = ReadMoneyMovement(reader.text(), fields);
        break;
      case Event::kTraitsFieldNumber:
        if (traits != nullptr) fine = ReadProperty(reader.text(), traits->emplace_back());
        break;
      case Event::kIdentityLinkFieldNumber:
        fine = ReadIdentityLink(reader.text(), fields);
        break;
      case Event::kIdentityUnlinkFieldNumber:
        fine = ReadIdentityUnlink(reader.text(), fields);
        break;
    }
  }
  return fine && !reader.failed();
}

absl::string_view ReadCustomerId(absl::string_view bytes) {
  WireReader reader(bytes);
  while (reader.Next() && reader.field() <= v1::CustomerEvent::kCustomerIdFieldNumber) {
    if (reader.field() == v1::CustomerEvent::kCustomerIdFieldNumber) return reader.text();
  }
  return {};
}

std::string EncodeLogMark(const LogMark& mark) {
  const bool erasure = mark.kind == LogMark::Kind::kErasure;
  std::string out(kLogMarkBytes, '\0');
  out[1] = static_cast<char>(mark.kind);
  absl::little_endian::Store64(&out[2], erasure ? static_cast<uint64_t>(mark.erased_events) : mark.identity_hash);
  return out;
}

bool ReadLogMark(absl::string_view bytes, LogMark& mark) {
  mark = LogMark();
  if (bytes.size() != kLogMarkBytes || bytes[0] != '\0') return false;
  const uint64_t number = absl::little_endian::Load64(bytes.data() + 2);
  switch (bytes[1]) {
    case static_cast<char>(LogMark::Kind::kTombstone):
      mark.identity_hash = number;
      return true;
    case static_cast<char>(LogMark::Kind::kErasure):
      mark.kind = LogMark::Kind::kErasure;
      mark.erased_events = static_cast<int64_t>(number);
      return mark.erased_events > 0;
    default:
      return false;
  }
}

uint64_t IdentityOfMark(const LogMark& mark, int64_t sequence, uint64_t seed) {
  if (mark.kind == LogMark::Kind::kTombstone) return mark.identity_hash;
  return IdentityHash("", absl::StrCat(sequence), seed);
}

}  // namespace throughline
