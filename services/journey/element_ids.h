// Ids of phases, touchpoints and transitions. Pure functions, and a class for one thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace throughline {

// An id that reads like the text: "Größe & Preis" becomes "grosse-preis". `fallback`, itself an id, stands in where
// nothing of the text can be kept.
std::string MakeElementId(absl::string_view text, absl::string_view fallback);

// Gives ids of one map, each once.
class ElementIds {
 public:
  // MakeElementId, with -2, -3, … appended where it is taken.
  std::string Take(absl::string_view text, absl::string_view fallback);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> last_number_;  // by what the number is appended to
};

}  // namespace throughline
