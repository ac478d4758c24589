// Events for tests, written in one line: Event("e1").Customer("c").Name("visit").At(60).Property("plan", "pro").
// Plain values.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "throughline/events.h"
#include "throughline/filter.h"
#include "throughline/v1/event.pb.h"

namespace throughline::testing {

// Times of built events count from here: 2026-01-01T00:00:00Z.
inline absl::Time BaseTime() { return absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone()); }

class Event {
 public:
  explicit Event(const std::string& id) {
    event_.set_id(id);
    event_.set_source("shop");
    event_.set_customer_id("c");
    event_.set_event_name("visit");
    At(0);
  }
  Event& Source(const std::string& source) { return event_.set_source(source), *this; }
  Event& Customer(const std::string& customer) { return event_.set_customer_id(customer), *this; }
  Event& Name(const std::string& name) { return event_.set_event_name(name), *this; }
  Event& Channel(const std::string& channel) { return event_.set_channel(channel), *this; }
  Event& Department(const std::string& department) { return event_.set_department(department), *this; }
  Event& Sequence(int64_t sequence) { return event_.set_sequence(sequence), *this; }
  // Seconds and nanoseconds after BaseTime().
  Event& At(int64_t seconds, int nanos = 0) {
    event_.mutable_event_time()->set_seconds(absl::ToUnixSeconds(BaseTime()) + seconds);
    event_.mutable_event_time()->set_nanos(nanos);
    return *this;
  }
  Event& Score(double score, const std::string& survey = "") {
    event_.mutable_survey_response()->set_score(score);
    event_.mutable_survey_response()->set_survey(survey);
    return *this;
  }
  Event& Amount(int64_t minor) {
    event_.mutable_money_movement()->set_amount_minor(minor);
    event_.mutable_money_movement()->set_currency_code("EUR");
    return *this;
  }
  Event& Property(const std::string& key, const std::string& value) {
    return (*event_.mutable_properties())[key].set_string_value(value), *this;
  }
  Event& Property(const std::string& key, double value) {
    return (*event_.mutable_properties())[key].set_number_value(value), *this;
  }
  Event& Flag(const std::string& key, bool value) {
    return (*event_.mutable_properties())[key].set_bool_value(value), *this;
  }
  Event& Trait(const std::string& key, const std::string& value) {
    return (*event_.mutable_traits())[key].set_string_value(value), *this;
  }
  Event& Trait(const std::string& key, double value) {
    return (*event_.mutable_traits())[key].set_number_value(value), *this;
  }
  Event& TraitFlag(const std::string& key, bool value) {
    return (*event_.mutable_traits())[key].set_bool_value(value), *this;
  }
  Event& ForgetTrait(const std::string& key) {
    return (*event_.mutable_traits())[key].set_null_value(google::protobuf::NULL_VALUE), *this;
  }

  // The customer and another are one person.
  Event& Link(const std::string& customer) {
    event_.mutable_identity_link()->set_customer_id(customer);
    return *this;
  }
  // Takes back what that event of the same source said.
  Event& Unlink(const std::string& id) {
    event_.mutable_identity_unlink()->set_event_source(event_.source());
    event_.mutable_identity_unlink()->set_event_id(id);
    return *this;
  }

  operator v1::CustomerEvent() const { return event_; }  // NOLINT: reads better in lists of events

 private:
  v1::CustomerEvent event_;
};

inline absl::Time At(int64_t seconds) { return BaseTime() + absl::Seconds(seconds); }
inline TimeRange Between(int64_t from_seconds, int64_t to_seconds) { return {At(from_seconds), At(to_seconds)}; }
inline TimeRange Always() { return TimeRange(); }

// Names and a filter; the filter must parse.
inline EventSelector Select(std::vector<std::string> names, absl::string_view filter = "") {
  EventSelector selector;
  selector.event_names = std::move(names);
  if (!filter.empty()) selector.filter = Filter::Parse(filter).value();
  return selector;
}

}  // namespace throughline::testing
