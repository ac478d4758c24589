#include "services/events/xes_reader.h"

#include <expat.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "services/base/text.h"
#include "services/events/import_limits.h"
#include "services/events/time_text.h"
#include "services/events/value_text.h"

namespace throughline {
namespace {

enum class AttributeType { kText, kNumber, kBoolean, kDate };

struct Attribute {
  std::string key;
  std::string value;
  AttributeType type;
};

// `xes:event` → `event`; logs may use a namespace prefix.
absl::string_view LocalName(absl::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == absl::string_view::npos ? name : name.substr(colon + 1);
}

// The key of the property that an attribute becomes.
std::string PropertyKey(absl::string_view prefix, absl::string_view attribute_key) {
  std::string key = absl::StrCat(prefix, attribute_key);
  std::replace(key.begin(), key.end(), ':', '_');
  return key;
}

// Values that do not fit their type are kept as the text they are.
void SetProperty(const std::string& key, const Attribute& attribute, v1::CustomerEvent& event) {
  google::protobuf::Value& value = (*event.mutable_properties())[key];
  double number = 0;
  if (attribute.type == AttributeType::kNumber && ParseFinite(attribute.value, number)) {
    value.set_number_value(number);
  } else if (attribute.type == AttributeType::kBoolean && (attribute.value == "true" || attribute.value == "false")) {
    value.set_bool_value(attribute.value == "true");
  } else {
    value.set_string_value(attribute.value);
  }
}

class XesEventReader : public EventReader {
 public:
  XesEventReader(std::unique_ptr<ByteSource> source, const XesOptions& options)
      : source_(std::move(source)), options_(options), parser_(XML_ParserCreate(nullptr)) {
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(
        parser_, [](void* self, const char* name, const char** attributes) { Self(self).Begin(name, attributes); },
        [](void* self, const char* name) { Self(self).End(name); });
    // XES needs no entities of its own; refusing them also refuses their abuse.
    XML_SetEntityDeclHandler(parser_, [](void* self, const char*, int, const char*, int, const char*, const char*,
                                         const char*, const char*) { Self(self).RefuseEntities(); });
  }
  ~XesEventReader() override { XML_ParserFree(parser_); }

  Outcome Next(v1::CustomerEvent& event, RowProblem& problem) override {
    while (ready_.empty() && !ended_) Feed();
    if (ready_.empty()) return Outcome::kEnd;
    Item item = std::move(ready_.front());
    ready_.pop_front();
    if (item.is_problem) {
      problem = std::move(item.problem);
      return Outcome::kProblem;
    }
    line_ = item.problem.line;
    event = std::move(item.event);
    return Outcome::kEvent;
  }

  int64_t line() const override { return line_; }
  int64_t rows_read() const override { return rows_; }
  int64_t bytes_read() const override { return source_->position(); }
  std::vector<std::string> Notes() const override {
    std::vector<std::string> notes = {absl::StrCat(traces_, " traces, each a customer")};
    if (empty_traces_ > 0) notes.push_back(absl::StrCat(empty_traces_, " traces have no event"));
    if (nested_ > 0) notes.push_back(absl::StrCat(nested_, " attributes within attributes were left out"));
    if (repeated_traces_ > 0) {
      notes.push_back(absl::StrCat(repeated_traces_, " traces have the name of an earlier one and continue it"));
    }
    return notes;
  }

 private:
  struct Item {
    bool is_problem = false;
    v1::CustomerEvent event;
    RowProblem problem;  // of an event: only the line
  };
  enum class Where { kOutside, kTrace, kEvent };

  static XesEventReader& Self(void* self) { return *static_cast<XesEventReader*>(self); }

  void Feed() {
    if (buffer_.empty()) buffer_.resize(kImportChunkBytes);
    absl::StatusOr<size_t> count = source_->Read(buffer_.data(), buffer_.size());
    if (!count.ok()) {
      EndWith(absl::IsDataLoss(count.status()) ? "FILE_TRUNCATED" : "FILE_UNREADABLE", count.status().message());
      return;
    }
    fed_ += static_cast<int64_t>(*count);
    const bool last = *count == 0;
    if (XML_Parse(parser_, buffer_.data(), static_cast<int>(*count), last) == XML_STATUS_ERROR) {
      if (!ended_) {
        EndWith("MALFORMED_XML", absl::StrCat(XML_ErrorString(XML_GetErrorCode(parser_)),
                                              "; what came before was read; correct the file and import it again"));
      }
      return;
    }
    if (last) {
      ended_ = true;
      if (traces_ == 0) {
        Report("", "NO_TRACES", "the file has no <trace>; is it an XES log?");
      }
      return;
    }
    const int64_t parsed = XML_GetCurrentByteIndex(parser_);
    if (parsed >= 0 && fed_ - parsed > static_cast<int64_t>(kImportXmlTokenBytesMax)) {
      EndWith("XML_TOKEN_TOO_LARGE", absl::StrCat("a tag or text has more than ", kImportXmlTokenBytesMax,
                                                  " bytes; what came before was read"));
    }
  }

  int64_t Line() const { return static_cast<int64_t>(XML_GetCurrentLineNumber(parser_)); }

  void Report(std::string field, std::string kind, std::string message, int64_t line = 0) {
    Item& item = ready_.emplace_back();
    item.is_problem = true;
    item.problem = {"", line == 0 ? Line() : line, std::move(field), std::move(kind), std::move(message), false};
  }

  void EndWith(absl::string_view kind, absl::string_view message) {
    FinishTrace();
    Report("", std::string(kind), std::string(message));
    ready_.back().problem.ends_file = true;
    ended_ = true;
  }

  void RefuseEntities() {
    EndWith("XML_ENTITIES", "the file declares entities of its own, which are not read; expand them first");
    XML_StopParser(parser_, XML_FALSE);
  }

  void Begin(absl::string_view qualified, const char** attributes) {
    if (ended_) return;
    ++depth_;
    const absl::string_view name = LocalName(qualified);
    if (name == "trace" && where_ == Where::kOutside) {
      BeginTrace();
    } else if (name == "event" && where_ == Where::kTrace && depth_ == trace_depth_ + 1) {
      where_ = Where::kEvent;
      event_depth_ = depth_;
      event_line_ = Line();
      attributes_.clear();
    } else if (name == "event" && where_ == Where::kOutside && depth_ == 2) {
      ++rows_;
      Report("", "EVENT_WITHOUT_TRACE", "the event stands outside of a trace, so it has no customer; it was left out");
    } else if (where_ != Where::kOutside) {
      TakeAttribute(name, attributes);
    }
  }

  void TakeAttribute(absl::string_view name, const char** attributes) {
    const int owner = where_ == Where::kEvent ? event_depth_ : trace_depth_;
    if (depth_ != owner + 1) {
      ++nested_;
      return;
    }
    AttributeType type = AttributeType::kText;
    if (name == "int" || name == "float") type = AttributeType::kNumber;
    if (name == "boolean") type = AttributeType::kBoolean;
    if (name == "date") type = AttributeType::kDate;
    if (name == "list" || name == "container") return;  // what is in it is counted as nested
    absl::string_view key, value;
    for (; attributes[0] != nullptr; attributes += 2) {
      if (absl::string_view(attributes[0]) == "key") key = attributes[1];
      if (absl::string_view(attributes[0]) == "value") value = attributes[1];
    }
    if (key.empty()) return;
    Attribute attribute{std::string(key), std::string(value), type};
    if (where_ == Where::kEvent) {
      attributes_.push_back(std::move(attribute));
      return;
    }
    if (key == options_.customer_attribute) {
      NameTrace(attribute.value);
      return;
    }
    if (!options_.trace_properties) return;
    attribute.key = PropertyKey("trace_", attribute.key);
    trace_attributes_.push_back(std::move(attribute));
  }

  void End(absl::string_view qualified) {
    if (ended_) return;
    const absl::string_view name = LocalName(qualified);
    if (where_ == Where::kEvent && depth_ == event_depth_ && name == "event") {
      where_ = Where::kTrace;
      EndEvent();
    } else if (where_ == Where::kTrace && depth_ == trace_depth_ && name == "trace") {
      where_ = Where::kOutside;
      FinishTrace();
      if (trace_events_ == 0) ++empty_traces_;
    }
    --depth_;
  }

  void BeginTrace() {
    where_ = Where::kTrace;
    trace_depth_ = depth_;
    trace_line_ = Line();
    trace_name_.clear();
    trace_attributes_.clear();
    trace_index_ = 0;
    trace_events_ = 0;
    waiting_.clear();
    ++traces_;
  }

  void NameTrace(const std::string& name) {
    if (!trace_name_.empty() || name.empty()) return;
    trace_name_ = name;
    // A name and a number per trace are kept, so that traces of one name continue each other's ids.
    const auto [index, added] = next_index_.try_emplace(name, 0);
    if (!added) ++repeated_traces_;
    trace_index_ = index->second;
    for (auto& [line, attributes] : waiting_) Deliver(line, attributes);
    waiting_.clear();
  }

  void EndEvent() {
    ++rows_;
    ++trace_events_;
    if (trace_name_.empty()) {
      // The name may stand behind the events.
      if (waiting_.size() >= kImportTraceBacklogMax) {
        Report(options_.customer_attribute, "TRACE_WITHOUT_NAME",
               "the trace has no name so far, and too many events to wait for it; the event was left out", event_line_);
        return;
      }
      waiting_.push_back({event_line_, std::move(attributes_)});
      attributes_ = {};
      return;
    }
    Deliver(event_line_, attributes_);
  }

  void FinishTrace() {
    if (!trace_name_.empty()) {
      next_index_[trace_name_] = trace_index_;
    } else if (!waiting_.empty()) {
      Report(options_.customer_attribute, "TRACE_WITHOUT_NAME",
             absl::StrCat("the trace has no attribute '", options_.customer_attribute, "', so its ", waiting_.size(),
                          " events have no customer and were left out; choose another with --customer-attribute"),
             trace_line_);
    }
    waiting_.clear();
  }

  void Deliver(int64_t line, const std::vector<Attribute>& attributes) {
    const int64_t index = trace_index_++;
    Item item;
    item.problem.line = line;
    v1::CustomerEvent& event = item.event;
    std::string department;
    bool has_time = false;
    for (const Attribute& attribute : attributes) {
      if (attribute.key == options_.event_name_attribute) {
        event.set_event_name(attribute.value);
      } else if (attribute.key == "time:timestamp") {
        const TimeTextResult time = ParseIsoTime(attribute.value, absl::UTCTimeZone());
        if (time.kind != TimeTextKind::kOk) {
          Report(attribute.key, "BAD_TIME",
                 absl::StrCat("'", Excerpt(attribute.value), "' is not a time; the event was left out"), line);
          return;
        }
        has_time = true;
        SetTimestamp(time.time, *event.mutable_event_time());
      } else if (!options_.department_attribute.empty() && attribute.key == options_.department_attribute) {
        department = attribute.value;
      } else {
        SetProperty(PropertyKey("", attribute.key), attribute, event);
      }
    }
    if (!has_time) {
      Report("time:timestamp", "NO_TIME",
             "the event has no time, so it has no place on the customer's line; it was left out", line);
      return;
    }
    if (event.event_name().empty()) {
      Report(options_.event_name_attribute, "NO_EVENT_NAME",
             absl::StrCat("the event has no attribute '", options_.event_name_attribute,
                          "'; it was left out; choose another with --event-name-attribute"),
             line);
      return;
    }
    for (const Attribute& attribute : trace_attributes_) SetProperty(attribute.key, attribute, event);
    event.set_id(absl::StrCat(trace_name_, ":", index));
    event.set_source(options_.source);
    event.set_customer_id(trace_name_);
    event.set_sequence(index);
    event.set_channel(options_.channel);
    event.set_department(department.empty() ? options_.department : department);
    ready_.push_back(std::move(item));
  }

  const std::unique_ptr<ByteSource> source_;
  const XesOptions options_;
  const XML_Parser parser_;
  std::string buffer_;
  int64_t fed_ = 0;
  bool ended_ = false;
  std::deque<Item> ready_;
  int64_t line_ = 0;
  int64_t rows_ = 0;

  Where where_ = Where::kOutside;
  int depth_ = 0, trace_depth_ = 0, event_depth_ = 0;
  std::vector<Attribute> attributes_, trace_attributes_;
  std::vector<std::pair<int64_t, std::vector<Attribute>>> waiting_;
  std::string trace_name_;
  int64_t trace_index_ = 0, trace_events_ = 0, trace_line_ = 0, event_line_ = 0;
  absl::flat_hash_map<std::string, int64_t> next_index_;
  int64_t traces_ = 0, empty_traces_ = 0, nested_ = 0, repeated_traces_ = 0;
};

}  // namespace

std::unique_ptr<EventReader> MakeXesEventReader(std::unique_ptr<ByteSource> source, const XesOptions& options) {
  return std::make_unique<XesEventReader>(std::move(source), options);
}

}  // namespace throughline
