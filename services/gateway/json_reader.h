// Reads JSON from outside into protobuf messages, by the protobuf JSON mapping, with errors that name the field.
// Pure functions; any thread.
//
// Stricter and kinder than the library's own reader: what does not fit is INVALID_ARGUMENT with the field's path in
// proto names (`journey_map.touchpoints[3].phase`), unknown fields are UNKNOWN_FIELD, a field given twice is refused,
// and a FieldMask may be written as a string (`"displayName,phases"`, `"display_name"`) or as an object
// (`{"paths": ["display_name"]}`). Nesting is limited.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace throughline {

// Fills the message from a JSON object; an empty text is an empty object. Fields that were set before and are not in
// the JSON stay. MALFORMED_REQUEST with the place if the text is not JSON.
absl::Status ReadJson(absl::string_view json, google::protobuf::Message& message);

// Fills the message field of `message` instead; paths in errors begin with it. `present`: the names of the fields that
// stand in the JSON object itself, whatever their values.
absl::Status ReadJsonField(absl::string_view json, google::protobuf::Message& message,
                           const google::protobuf::FieldDescriptor& field,
                           std::vector<const google::protobuf::FieldDescriptor*>& present);

// Sets (or appends to) the field at the end of a path from the text of a query parameter or path variable.
absl::Status SetFieldFromText(absl::string_view text, google::protobuf::Message& message,
                              const std::vector<const google::protobuf::FieldDescriptor*>& path);

}  // namespace throughline
