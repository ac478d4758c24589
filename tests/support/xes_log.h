// XES event logs of the data sets as RunLogs, gzipped or not: touchpoint concept:name, department org:group or, if so
// asked, org:resource; visits in order of (time, place in the file). For tests only: no limits. Users link EXPAT::EXPAT
// and ZLIB::ZLIB. Not thread-safe.
#pragma once

#include <expat.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "throughline/models/run.h"

namespace throughline::testing {

class XesLog {
 public:
  static RunLog Read(const std::string& path, const std::string& department = "org:group") {
    XesLog reader(department);
    gzFile file = gzopen(path.c_str(), "rb");  // also reads files that are not gzipped
    if (file == nullptr) throw std::runtime_error("cannot open " + path);
    XML_Parser parser = XML_ParserCreate(nullptr);
    XML_SetUserData(parser, &reader);
    XML_SetElementHandler(parser, &XesLog::Start, &XesLog::End);
    std::vector<char> buffer(1 << 18);
    for (int size = 1; size > 0;) {
      size = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()));
      if (size < 0 || XML_Parse(parser, buffer.data(), size, size == 0) == XML_STATUS_ERROR) {
        throw std::runtime_error("cannot read " + path);
      }
    }
    XML_ParserFree(parser);
    gzclose(file);
    return std::move(reader.log_);
  }

 private:
  explicit XesLog(std::string department) : department_(std::move(department)) {}

  static void Start(void* user, const XML_Char* name, const XML_Char** attributes) {
    auto& reader = *static_cast<XesLog*>(user);
    const std::string element = name;
    if (element == "trace") reader.log_.runs.emplace_back();
    if (element == "event") {
      reader.in_event_ = true;
      reader.visit_ = {};
    }
    if (!reader.in_event_) return;
    std::string key;
    std::string value;
    for (; *attributes != nullptr; attributes += 2) {
      if (std::string("key") == attributes[0]) key = attributes[1];
      if (std::string("value") == attributes[0]) value = attributes[1];
    }
    if (key == "concept:name") reader.visit_.touchpoint = Index(value, reader.touchpoint_ids_, reader.log_.touchpoints);
    if (key == reader.department_) {
      reader.visit_.department = Index(value, reader.department_ids_, reader.log_.departments);
    }
    if (key == "time:timestamp") {
      absl::Time time;
      if (!absl::ParseTime(absl::RFC3339_full, value, &time, nullptr)) throw std::runtime_error("no time: " + value);
      reader.visit_.time_micros = absl::ToUnixMicros(time);
    }
  }

  static void End(void* user, const XML_Char* name) {
    auto& reader = *static_cast<XesLog*>(user);
    if (std::string("event") == name) {
      reader.in_event_ = false;
      reader.log_.runs.back().visits.push_back(reader.visit_);
    }
    if (std::string("trace") == name) {
      std::vector<RunLog::Visit>& visits = reader.log_.runs.back().visits;
      std::stable_sort(visits.begin(), visits.end(),
                       [](const auto& a, const auto& b) { return a.time_micros < b.time_micros; });
    }
  }

  static int32_t Index(const std::string& name, std::map<std::string, int32_t>& ids, std::vector<std::string>& names) {
    const auto [found, is_new] = ids.try_emplace(name, static_cast<int32_t>(names.size()));
    if (is_new) names.push_back(name);
    return found->second;
  }

  std::string department_;
  RunLog log_;
  bool in_event_ = false;
  RunLog::Visit visit_;
  std::map<std::string, int32_t> touchpoint_ids_;
  std::map<std::string, int32_t> department_ids_;
};

}  // namespace throughline::testing
