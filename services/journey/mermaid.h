// Mermaid `journey` diagrams (https://mermaid.js.org/syntax/userJourney.html), as text and as a plain structure.
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace throughline {

struct MermaidTask {
  std::string name;
  double score = 0;  // 1 to 5
  std::vector<std::string> actors;
};

struct MermaidSection {
  std::string name;  // empty: tasks before the first section
  std::vector<MermaidTask> tasks;
};

struct MermaidJourney {
  std::string title;        // empty: none
  std::string description;  // of accDescr; empty: none
  std::vector<MermaidSection> sections;
};

// Characters that Mermaid's grammar gives a meaning become its entity codes: `Pay: card` is written `Pay#58; card`.
std::string WriteMermaid(const MermaidJourney& journey);

// Reads what Mermaid reads: comments (`%%`, and `#` that begins no entity code), directives, front matter (its title),
// accessible title and description. Also what people write and Mermaid refuses: semicolons between statements, keywords
// in any case, a Markdown code fence around it all. Scores must be from 1 to 5.
// INVALID_ARGUMENT: INVALID_MERMAID; also for more than kPhaseCountMax sections or kTouchpointCountMax tasks.
absl::StatusOr<MermaidJourney> ParseMermaid(absl::string_view text);

}  // namespace throughline
