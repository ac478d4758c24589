// Text for people: colours, tables, numbers and durations. Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace throughline::cli {

enum class Color { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

// Colours on a terminal, unless NO_COLOR is set (no-color.org) or TERM is `dumb`; nothing elsewhere.
class Paint {
 public:
  explicit Paint(bool enabled) : enabled_(enabled) {}
  static Paint ForDescriptor(int descriptor);
  std::string operator()(Color color, absl::string_view text) const;
  bool enabled() const { return enabled_; }

 private:
  bool enabled_;
};

// Columns that line up, also under colours and beyond ASCII.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out, const Paint& paint, absl::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns that a text takes on the screen; escape sequences take none.
size_t DisplayWidth(absl::string_view text);

// `13,087`
std::string FormatCount(int64_t count);
// `8,135 orders`; `1 order`.
std::string FormatCount(int64_t count, absl::string_view singular, absl::string_view plural);
// The two largest units: `2 d 4 h`, `3 min 20 s`, `1.5 s`. Negative ones keep their sign.
std::string DurationText(absl::Duration duration);
// `2018-01-31 13:45:10`, in UTC.
std::string TimeText(absl::Time time);
// A value in the unit of a metric: `55.17 %`, `3.27`, `2 d 4 h`, `8,135`.
std::string FormatMetricValue(double value, absl::string_view unit);

// `30d`, `1h30m`, `90s`, `2w`. False if it is none.
bool ParseDurationText(absl::string_view text, absl::Duration& duration);

}  // namespace throughline::cli
