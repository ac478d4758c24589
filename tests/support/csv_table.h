// CSV files of the data sets as tables of text, gzipped or not. For tests only: no limits, and a quoted cell may not
// hold a line break. Users link ZLIB::ZLIB. Not thread-safe.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace throughline::testing {

class CsvTable {
 public:
  // The first line names the columns.
  explicit CsvTable(const std::string& path) {
    gzFile file = gzopen(path.c_str(), "rb");  // also reads files that are not gzipped
    if (file == nullptr) throw std::runtime_error("cannot open " + path);
    std::string content;
    char buffer[65536];
    for (int size = 0; (size = gzread(file, buffer, sizeof(buffer))) > 0;) content.append(buffer, size);
    gzclose(file);
    size_t begin = 0;
    while (begin < content.size()) {
      const size_t end = std::min(content.find('\n', begin), content.size());
      std::vector<std::string> cells = Split(content.substr(begin, end - begin));
      if (names_.empty()) {
        names_ = std::move(cells);
      } else {
        rows_.push_back(std::move(cells));
      }
      begin = end + 1;
    }
  }

  size_t size() const { return rows_.size(); }
  const std::string& Text(size_t row, const std::string& column) const {
    const auto found = std::find(names_.begin(), names_.end(), column);
    if (found == names_.end()) throw std::runtime_error("there is no column " + column);
    return rows_.at(row).at(static_cast<size_t>(found - names_.begin()));
  }
  // Absent for an empty cell, and for one that is no number (NA).
  std::optional<double> Number(size_t row, const std::string& column) const {
    const std::string& text = Text(row, column);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
    return value;
  }

 private:
  static std::vector<std::string> Split(const std::string& line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else if (c != '\r') {
        cells.back() += c;
      }
    }
    return cells;
  }

  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace throughline::testing
