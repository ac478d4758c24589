// A google.api.http path template such as `/v1/{name=workspaces/*/journeyMaps/*}:publish`.
// Immutable value; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace throughline {

class PathTemplate {
 public:
  struct Variable {
    std::string field_path;  // "journey_map.name"
    size_t first = 0;        // segment where it begins
    size_t count = 0;        // number of segments
  };

  // INTERNAL for a template outside this part of the language: literals, `*`, `{field}`, `{field=segments}` and a verb.
  static absl::StatusOr<PathTemplate> Parse(absl::string_view text);

  // Whether an encoded path matches; then the variables' decoded values, in the order of variables(). In a value of
  // several segments an encoded slash stays encoded, so that the segments can still be told apart.
  bool Match(absl::string_view path, std::vector<std::string>& values) const;

  const std::vector<Variable>& variables() const { return variables_; }
  bool has_verb() const { return !verb_.empty(); }

 private:
  std::vector<std::string> segments_;  // "*" stands for any one segment
  std::vector<Variable> variables_;
  std::string verb_;
};

}  // namespace throughline
