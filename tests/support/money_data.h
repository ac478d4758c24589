// Public data on purchases and on channels, as the models take them. Users link ZLIB::ZLIB. Any thread.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "tests/support/csv_table.h"
#include "throughline/models/attribution.h"
#include "throughline/models/lifetime_value.h"

namespace throughline::testing {

// The customers of CDNOW_sample.txt in its calibration half, to 1997-09-30; purchases of one day are one.
inline std::vector<PurchaseHistory> CdnowCalibration(const std::string& path) {
  constexpr absl::CivilDay kEnd(1997, 9, 30);
  std::map<std::string, std::map<absl::CivilDay, double>> customers;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string master, sample;
    int date = 0, discs = 0;
    double dollars = 0;
    if (!(words >> master >> sample >> date >> discs >> dollars)) continue;
    const absl::CivilDay day(date / 10000, date / 100 % 100, date % 100);
    if (day <= kEnd) customers[sample][day] += dollars;
  }
  std::vector<PurchaseHistory> rows;
  for (const auto& [customer, days] : customers) {
    const absl::CivilDay first = days.begin()->first;
    PurchaseHistory& row = rows.emplace_back();
    row.frequency = static_cast<int64_t>(days.size()) - 1;
    row.recency_days = static_cast<double>(days.rbegin()->first - first);
    row.age_days = static_cast<double>(kEnd - first);
    for (const auto& [day, dollars] : days) {
      if (day != first) row.mean_value += dollars / static_cast<double>(row.frequency);
    }
  }
  return rows;
}

// path_data.csv.gz: "eta > iota > alpha", conversions, their value, nulls.
inline std::vector<AttributionPath> ChannelPaths(const std::string& file) {
  const CsvTable table(file);
  std::vector<AttributionPath> paths;
  for (size_t row = 0; row < table.size(); ++row) {
    AttributionPath& path = paths.emplace_back();
    std::istringstream words(table.Text(row, "path"));
    for (std::string word; words >> word;) {
      if (word != ">") path.channels.push_back(word);
    }
    path.conversions = static_cast<int64_t>(*table.Number(row, "total_conversions"));
    path.value = *table.Number(row, "total_conversion_value");
    path.nulls = static_cast<int64_t>(*table.Number(row, "total_null"));
  }
  return paths;
}

}  // namespace throughline::testing
