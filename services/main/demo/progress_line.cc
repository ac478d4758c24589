#include "services/main/demo/progress_line.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace throughline {

ProgressLine::ProgressLine(absl::string_view title) : title_(title), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (terminal_ && !shown_.empty()) std::fputc('\n', stderr);
}

void ProgressLine::Show(absl::string_view step, int64_t done, int64_t total) {
  std::string text = absl::StrCat(title_, ": ", step);
  if (total > 0) {
    const int64_t percent = done * 100 / total;
    absl::StrAppend(&text, " ", terminal_ ? percent : percent / 10 * 10, " %");
  }
  if (text == shown_) return;
  // On a terminal the rest of a longer line before is cleared.
  std::fputs(absl::StrCat(terminal_ ? "\r\033[K" : "", text, terminal_ ? "" : "\n").c_str(), stderr);
  std::fflush(stderr);
  shown_ = std::move(text);
}

}  // namespace throughline
