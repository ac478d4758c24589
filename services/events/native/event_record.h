// An event as bytes: the canonical form that the log keeps, and a reader that takes from it what columns need.
// Pure functions; any thread.
//
// The canonical form is the protobuf encoding with fields in order and map keys sorted, times cut to the microsecond
// and null properties left out (null traits say something): two events have the same content exactly if they have the
// same bytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

// Appends the canonical form of a valid event.
void AppendCanonicalEvent(const v1::CustomerEvent& event, std::string& out);

struct PropertyField {
  enum class Kind { kString, kNumber, kBool, kNull };  // kNull: of traits only
  absl::string_view key;
  Kind kind = Kind::kString;
  absl::string_view text;
  double number = 0;
  bool boolean = false;
};

// Which of the payloads with a number the event has.
enum class ValueKind : uint8_t { kNone, kScore, kAmount };

// The columns of one event. The strings point into the bytes that were read.
struct EventFields {
  absl::string_view id;
  absl::string_view source;
  absl::string_view customer_id;
  absl::string_view event_name;
  absl::string_view channel;
  absl::string_view department;
  absl::string_view survey;
  int64_t time_micros = 0;
  int64_t sequence = 0;
  absl::string_view currency;  // of the amount
  ValueKind value_kind = ValueKind::kNone;
  double score = 0;
  int64_t amount_minor = 0;
  absl::string_view linked_customer_id;  // of the identity_link; empty: there is none
  absl::string_view unlinked_source;     // of the identity_unlink; empty: there is none
  absl::string_view unlinked_id;
};

// Reads a canonical event without building a message. With `properties`: also those, in the order of their keys, and
// with `traits` those. False if the bytes are no event.
bool ReadEventFields(absl::string_view bytes, EventFields& fields, std::vector<PropertyField>* properties = nullptr,
                     std::vector<PropertyField>* traits = nullptr);
// Only that; empty if the bytes are no event.
absl::string_view ReadCustomerId(absl::string_view bytes);

// What stands in the log in the place of an event: begins with a zero byte, which is no protobuf tag. Then a byte for
// the kind, then eight little-endian bytes.
struct LogMark {
  enum class Kind : uint8_t {
    kTombstone =
        1,  // an event was here and was erased; the hash of its identity, so that it is known when it comes again
    kErasure = 2,  // has a sequence of its own, so that the watermark moves; how many events were erased
  };
  Kind kind = Kind::kTombstone;
  uint64_t identity_hash = 0;  // of a tombstone
  int64_t erased_events = 0;   // of an erasure
};

inline bool IsLogMark(absl::string_view record) { return !record.empty() && record[0] == '\0'; }
std::string EncodeLogMark(const LogMark& mark);
// False if the bytes are none.
bool ReadLogMark(absl::string_view bytes, LogMark& mark);

// The hash under which a sequence of the log stands in the index of identities; an erasure has one that no event of a
// client has, as it has no source.
uint64_t IdentityOfMark(const LogMark& mark, int64_t sequence, uint64_t seed);

}  // namespace throughline
