// One line on standard error that says how far a long job is: rewritten in place on a terminal, and a line for each
// tenth of the way elsewhere. Used by one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace throughline {

class ProgressLine {
 public:
  explicit ProgressLine(absl::string_view title);
  // Ends the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `total` 0: the step is not counted.
  void Show(absl::string_view step, int64_t done, int64_t total);

 private:
  const std::string title_;
  const bool terminal_;
  std::string shown_;
};

}  // namespace throughline
