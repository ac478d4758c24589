// Which customers are one person, in the plainest way: everyone walks along the links that hold. Pure functions; any
// thread.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "throughline/v1/event.pb.h"

namespace throughline::testing {

// For everyone whom a link names, what the person is called.
inline std::map<std::string, std::string> ReferencePeople(const std::vector<v1::CustomerEvent>& events) {
  std::set<std::pair<std::string, std::string>> revoked;
  for (const v1::CustomerEvent& event : events) {
    if (!event.has_identity_unlink()) continue;
    revoked.emplace(event.identity_unlink().event_source(), event.identity_unlink().event_id());
  }
  std::map<std::string, std::set<std::string>> neighbours;
  std::set<std::string> links_on, linked_to;
  for (const v1::CustomerEvent& event : events) {
    if (!event.has_identity_link()) continue;
    const std::string& from = event.customer_id();
    const std::string& to = event.identity_link().customer_id();
    neighbours[from];
    neighbours[to];
    if (revoked.contains({event.source(), event.id()})) continue;
    neighbours[from].insert(to);
    neighbours[to].insert(from);
    links_on.insert(from);
    linked_to.insert(to);
  }
  std::map<std::string, std::string> out;
  for (const auto& [start, unused] : neighbours) {
    std::set<std::string> person = {start};
    for (size_t before = 0; before != person.size();) {
      before = person.size();
      const std::set<std::string> known = person;
      for (const std::string& one : known) person.insert(neighbours[one].begin(), neighbours[one].end());
    }
    out[start] = *person.begin();
    for (auto one = person.rbegin(); one != person.rend(); ++one) {
      if (linked_to.contains(*one) && !links_on.contains(*one)) out[start] = *one;
    }
  }
  return out;
}

// The same events as if all customers of a person had been one from the beginning.
inline std::vector<v1::CustomerEvent> ByPerson(std::vector<v1::CustomerEvent> events) {
  const std::map<std::string, std::string> people = ReferencePeople(events);
  for (v1::CustomerEvent& event : events) {
    if (const auto person = people.find(event.customer_id()); person != people.end()) {
      event.set_customer_id(person->second);
    }
    event.clear_identity_link();
    event.clear_identity_unlink();
  }
  return events;
}

}  // namespace throughline::testing
