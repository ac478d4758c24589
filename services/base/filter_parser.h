// Reads the text of a filter into its tree; what Filter::Parse is made of.
// Pure functions; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "throughline/filter.h"

namespace throughline {

// Null for an empty text. `fields`: check against these and read values by their types; null: no check.
// INVALID_ARGUMENT (INVALID_FILTER).
absl::StatusOr<std::shared_ptr<const FilterNode>> ParseFilterText(absl::string_view text,
                                                                  const std::vector<FilterField>* fields);

// AND or OR of the parts; parts of the same kind become its children themselves. One part is returned as it is.
std::shared_ptr<const FilterNode> MakeFilterGroup(FilterNode::Kind kind,
                                                  std::vector<std::shared_ptr<const FilterNode>> parts);

// The canonical text of a part of a filter; read again it is the same.
std::string FilterNodeText(const FilterNode& node);

// Whether a segment of a field's path may hold this byte without quotes (`-` may too, but not first).
bool IsFilterWordByte(char c);

}  // namespace throughline
