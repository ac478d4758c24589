// Runs of events, selectors and windows in the plainest way, for the reference aggregates. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "services/events/event_match.h"
#include "throughline/events.h"

namespace throughline::testing {

using Events = std::vector<v1::CustomerEvent>;
using Sorted = std::vector<const v1::CustomerEvent*>;

inline absl::Time TimeOf(const v1::CustomerEvent& event) {
  return absl::FromUnixSeconds(event.event_time().seconds()) + absl::Microseconds(event.event_time().nanos() / 1000);
}

inline bool In(const TimeRange& window, absl::Time time) { return time >= window.start && time < window.end; }

inline bool IsBefore(const v1::CustomerEvent& a, const v1::CustomerEvent& b) {
  return std::make_tuple(TimeOf(a), a.sequence(), a.source(), a.id()) <
         std::make_tuple(TimeOf(b), b.sequence(), b.source(), b.id());
}

// The customers of all events, whatever a question leaves out, as filters see them.
class KnownCustomers {
 public:
  explicit KnownCustomers(const Events& all) {
    std::map<std::string, Sorted> events;
    for (const v1::CustomerEvent& event : all) events[event.customer_id()].push_back(&event);
    for (auto& [id, sorted] : events) {
      std::sort(sorted.begin(), sorted.end(),
                [](const v1::CustomerEvent* a, const v1::CustomerEvent* b) { return IsBefore(*a, *b); });
      CustomerFacts& facts = facts_[id];
      facts.customer_id = id;
      facts.event_count = static_cast<int64_t>(sorted.size());
      facts.first_event_time = TimeOf(*sorted.front());
      facts.last_event_time = TimeOf(*sorted.back());
      for (const v1::CustomerEvent* event : sorted) {
        for (const auto& [key, value] : event->traits()) facts.traits[key] = value;
      }
      std::erase_if(facts.traits, [](const auto& trait) { return trait.second.has_null_value(); });
    }
  }
  const CustomerFacts& Of(const v1::CustomerEvent& event) const { return facts_.at(event.customer_id()); }

  bool Matches(const EventSelector& selector, const v1::CustomerEvent& event) const {
    return MatchesSelector(selector, event, Of(event));
  }
  bool MatchesAny(const std::vector<EventSelector>& selectors, const v1::CustomerEvent& event) const {
    return std::any_of(selectors.begin(), selectors.end(),
                       [&](const EventSelector& selector) { return Matches(selector, event); });
  }

 private:
  std::map<std::string, CustomerFacts> facts_;
};

// The value of a property as text that tells kinds apart; absent if there is none.
inline std::optional<std::string> PropertyOf(const v1::CustomerEvent& event, const std::string& key) {
  const auto found = event.properties().find(key);
  if (found == event.properties().end() || found->second.has_null_value()) return std::nullopt;
  return found->second.ShortDebugString();
}

// Runs by (customer, correlation value), each in the order of the port.
inline std::map<std::pair<std::string, std::string>, Sorted> RunsOf(const Events& events, const RunRule& rule) {
  std::map<std::pair<std::string, std::string>, Sorted> out;
  for (const v1::CustomerEvent& event : events) {
    std::string value;
    if (!rule.correlation_property.empty()) {
      const std::optional<std::string> property = PropertyOf(event, rule.correlation_property);
      if (!property.has_value()) continue;
      value = *property;
    }
    out[{event.customer_id(), value}].push_back(&event);
  }
  for (auto& [key, run] : out) {
    std::sort(run.begin(), run.end(),
              [](const v1::CustomerEvent* a, const v1::CustomerEvent* b) { return IsBefore(*a, *b); });
  }
  return out;
}

inline int64_t Micros(absl::Duration duration) { return absl::ToInt64Microseconds(duration); }

// Whether someone who began at `entry` can still go on at `now`.
inline bool Immature(absl::Time entry, absl::Duration window, absl::Time now) {
  return window != absl::InfiniteDuration() && now != absl::InfiniteFuture() && now - entry <= window;
}

}  // namespace throughline::testing
