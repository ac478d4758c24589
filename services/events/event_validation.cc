#include "services/events/event_validation.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/base/limits.h"
#include "services/base/text.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using google::protobuf::Value;

enum class Controls { kForbidden, kAllowed };
enum class Presence { kRequired, kOptional };

// True if all bytes are printable ASCII, eight at a time: nearly every string of nearly every event.
bool IsPrintableAscii(const char* data, size_t size) {
  constexpr uint64_t kHigh = 0x8080808080808080, kOnes = 0x0101010101010101;
  uint64_t bad = 0;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    // The high bit of a byte is set by: the byte itself, byte < 0x20 (borrow), byte == 0x7F (carry of + 1). A borrow
    // may run into the next byte; that only sends a fine string to the slow check.
    bad |= word | (word - kOnes * 0x20) | (word + kOnes);
  }
  bad &= kHigh;
  for (; i < size; ++i) {
    const auto c = static_cast<unsigned char>(data[i]);
    bad |= static_cast<uint64_t>(c < 0x20 || c >= 0x7F);
  }
  return bad == 0;
}

// C0, DEL and C1, in valid UTF-8.
bool HasControlCharacter(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

// Null if the text is fine.
const char* TextMistake(const std::string& text, Controls controls) {
  if (IsPrintableAscii(text.data(), text.size())) return nullptr;
  if (!IsValidUtf8(text)) return "must be valid UTF-8";
  if (controls == Controls::kForbidden && HasControlCharacter(text)) return "must not contain control characters";
  return nullptr;
}

class EventValidator {
 public:
  EventValidator(const v1::CustomerEvent& event, absl::Time now) : event_(event), now_(now) {}

  absl::Status Validate() {
    Text("id", event_.id(), limits::kEventIdBytesMax, Presence::kRequired);
    Text("source", event_.source(), limits::kEventSourceBytesMax, Presence::kRequired);
    Text("customer_id", event_.customer_id(), limits::kCustomerIdBytesMax, Presence::kRequired);
    EventTime();
    Text("event_name", event_.event_name(), limits::kEventNameBytesMax, Presence::kRequired);
    Text("channel", event_.channel(), limits::kEventChannelBytesMax, Presence::kOptional);
    Text("department", event_.department(), limits::kEventDepartmentBytesMax, Presence::kOptional);
    Values("properties", event_.properties());
    Values("traits", event_.traits());
    Payload();
    Identity();
    return violations_.ToStatus();
  }

 private:
  void Add(absl::string_view field, absl::string_view description) { violations_.Add(field, description); }

  void Text(absl::string_view field, const std::string& text, size_t bytes_max, Presence presence,
            Controls controls = Controls::kForbidden) {
    if (text.empty()) {
      if (presence == Presence::kRequired) Add(field, "is required");
      return;
    }
    if (text.size() > bytes_max) {
      Add(field, absl::StrCat("must have at most ", bytes_max, " bytes, and has ", text.size()));
    } else if (const char* mistake = TextMistake(text, controls); mistake != nullptr) {
      Add(field, mistake);
    }
  }

  void EventTime() {
    if (!event_.has_event_time()) return Add("event_time", "is required");
    const int64_t seconds = event_.event_time().seconds();
    const int32_t nanos = event_.event_time().nanos();
    if (nanos < 0 || nanos > 999'999'999) {
      return Add("event_time", absl::StrCat("has ", nanos, " nanos; they must lie between 0 and 999999999"));
    }
    if (seconds < 0) return Add("event_time", "must not lie before 1970-01-01T00:00:00Z");
    // Compared as whole seconds first: absl::FromUnixSeconds saturates for no second that passes.
    const absl::Time latest = now_ + limits::kEventFutureMax;
    if (seconds > absl::ToUnixSeconds(latest) || absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos) > latest) {
      Add("event_time", absl::StrCat("must lie at most one day in the future, at or before ",
                                     absl::FormatTime(absl::RFC3339_sec, latest, absl::UTCTimeZone())));
    }
  }

  void Values(absl::string_view field, const google::protobuf::Map<std::string, Value>& values) {
    if (values.empty()) return;
    if (values.size() > limits::kEventPropertyCountMax) {
      Add(field,
          absl::StrCat("must have at most ", limits::kEventPropertyCountMax, " entries, and has ", values.size()));
      return;  // a list of thousands of further mistakes would help nobody
    }
    for (const auto& [key, value] : values) {
      if (key.empty()) {
        Add(field, "must not have an empty key");
      } else if (key.size() > limits::kEventPropertyKeyBytesMax) {
        Add(field, absl::StrCat("has the key \"", Excerpt(key), "\" of ", key.size(), " bytes; keys must have at most ",
                                limits::kEventPropertyKeyBytesMax, " bytes"));
      } else if (const char* mistake = TextMistake(key, Controls::kForbidden); mistake != nullptr) {
        Add(field, absl::StrCat("the key \"", Excerpt(key), "\" ", mistake));
      } else if (const std::string mistake = ValueMistake(value); !mistake.empty()) {
        Add(absl::StrCat(field, "[\"", key, "\"]"), mistake);
      }
    }
  }

  // Empty (no allocation) if the value is fine.
  static std::string ValueMistake(const Value& value) {
    switch (value.kind_case()) {
      case Value::kNullValue:
      case Value::kBoolValue:
        return {};
      case Value::kNumberValue:
        return std::isfinite(value.number_value()) ? std::string() : "must be a finite number";
      case Value::kStringValue: {
        if (value.string_value().size() > limits::kEventPropertyValueBytesMax) {
          return absl::StrCat("must have at most ", limits::kEventPropertyValueBytesMax, " bytes, and has ",
                              value.string_value().size());
        }
        const char* mistake = TextMistake(value.string_value(), Controls::kAllowed);
        return mistake == nullptr ? std::string() : mistake;
      }
      case Value::kStructValue:
      case Value::kListValue:
      case Value::KIND_NOT_SET:
        break;
    }
    return "must be a string, a number, a boolean or null";
  }

  void Payload() {
    switch (event_.payload_case()) {
      case v1::CustomerEvent::kSurveyResponse: {
        const v1::SurveyResponse& response = event_.survey_response();
        if (!response.has_score()) {
          Add("survey_response.score", "is required");
        } else if (!std::isfinite(response.score())) {
          Add("survey_response.score", "must be a finite number");
        }
        Text("survey_response.survey", response.survey(), limits::kSurveyBytesMax, Presence::kOptional);
        Text("survey_response.comment", response.comment(), limits::kSurveyCommentBytesMax, Presence::kOptional,
             Controls::kAllowed);
        return;
      }
      case v1::CustomerEvent::kMoneyMovement:
        return CurrencyCode(event_.money_movement().currency_code());
      case v1::CustomerEvent::kHandOff: {
        const v1::HandOff& hand_off = event_.hand_off();
        Text("hand_off.from_department", hand_off.from_department(), limits::kEventDepartmentBytesMax,
             Presence::kRequired);
        Text("hand_off.to_department", hand_off.to_department(), limits::kEventDepartmentBytesMax, Presence::kRequired);
        if (hand_off.state() == v1::HandOff::STATE_UNSPECIFIED) {
          Add("hand_off.state", "is required");
        } else if (!v1::HandOff::State_IsValid(hand_off.state())) {
          Add("hand_off.state", absl::StrCat("has no value ", static_cast<int>(hand_off.state())));
        }
        Text("hand_off.reason", hand_off.reason(), limits::kHandOffReasonBytesMax, Presence::kOptional,
             Controls::kAllowed);
        return;
      }
      case v1::CustomerEvent::kCaseChange:
        Text("case_change.case_id", event_.case_change().case_id(), limits::kCaseIdBytesMax, Presence::kRequired);
        Text("case_change.status", event_.case_change().status(), limits::kCaseStatusBytesMax, Presence::kOptional);
        return;
      case v1::CustomerEvent::PAYLOAD_NOT_SET:
        return;
    }
  }

  void Identity() {
    if (event_.has_identity_link()) {
      const std::string& other = event_.identity_link().customer_id();
      Text("identity_link.customer_id", other, limits::kCustomerIdBytesMax, Presence::kRequired);
      if (!other.empty() && other == event_.customer_id()) {
        Add("identity_link.customer_id", "must be another customer than the event's own");
      }
    }
    if (event_.has_identity_unlink()) {
      const v1::IdentityUnlink& unlink = event_.identity_unlink();
      Text("identity_unlink.event_source", unlink.event_source(), limits::kEventSourceBytesMax, Presence::kRequired);
      Text("identity_unlink.event_id", unlink.event_id(), limits::kEventIdBytesMax, Presence::kRequired);
    }
  }

  void CurrencyCode(const std::string& code) {
    if (code.empty()) return Add("money_movement.currency_code", "is required");
    bool fine = code.size() == 3;
    for (const char c : code) fine = fine && c >= 'A' && c <= 'Z';
    if (!fine) Add("money_movement.currency_code", "must be three upper-case letters, as in ISO 4217");
  }

  const v1::CustomerEvent& event_;
  const absl::Time now_;
  FieldViolations violations_;
};

}  // namespace

absl::Status ValidateEvent(const v1::CustomerEvent& event, absl::Time now) {
  return EventValidator(event, now).Validate();
}

}  // namespace throughline
