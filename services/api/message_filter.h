// AIP-160 filters over protobuf messages, by reflection: what the `filter` field of a list request means.
// Immutable values; any thread.
//
// Fields are paths through the message: `display_name`, `instance_rule.correlation_property`. Enum values are written
// by name, timestamps as RFC 3339 strings, durations as seconds (`"90s"`). On a list `:` holds if one element matches,
// also inside its messages (`touchpoints.channel:"web"`); `field:*` holds if the field is set.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace throughline::api {

class MessageFilter {
 public:
  // INVALID_ARGUMENT (INVALID_FILTER) if the text does not parse, names a field that the message does not have, or
  // compares it with a value of another type or by an operator that its type does not know.
  static absl::StatusOr<MessageFilter> Make(absl::string_view text, const google::protobuf::Descriptor& descriptor);

  bool Matches(const google::protobuf::Message& message) const;
  bool empty() const { return root_ == nullptr; }

  struct Node;

 private:
  explicit MessageFilter(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const Node> root_;  // null: everything matches
};

}  // namespace throughline::api
