// Update masks (AIP-134) over any resource, by reflection.
// Pure functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"

namespace throughline::api {

// Copies from `update` to `target`, two messages of one type, the fields that the mask names.
//
//  - `mask` null or empty: every field of `update` that is set (scalars: not the default; lists: not empty).
//  - `*` alone: every field, so that what `update` leaves out is cleared.
//  - Otherwise paths of fields, in snake case or in JSON's camel case, through single messages:
//    `instance_rule.abandon_after`. Lists are replaced whole, and a path cannot reach into one.
//
// `name` and `etag` say which resource is meant and are never copied. Output-only fields are skipped by the first two
// forms and refused in a path. INVALID_ARGUMENT: INVALID_FIELD_MASK for a bad path; INVALID_FIELD, with the path below
// `resource_field` (the field of the request that holds `update`), where an immutable field would change.
absl::Status ApplyUpdate(const google::protobuf::FieldMask* mask, const google::protobuf::Message& update,
                         absl::string_view resource_field, google::protobuf::Message& target);

// Clears the fields that clients cannot set: name, etag and what is marked OUTPUT_ONLY, also inside nested messages.
void ClearServerFields(google::protobuf::Message& resource);

}  // namespace throughline::api
