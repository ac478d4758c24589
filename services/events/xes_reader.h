// Events from an XES log (IEEE 1849). Not thread-safe.
//
// A trace is a customer, `concept:name` of an event is its event name, `time:timestamp` its time (offsets are kept
// account of), its index in the trace is its sequence and, behind the trace's name and a colon, its id: importing the
// log again changes nothing. Every other attribute becomes a property, `:` in its key written `_`
// (`lifecycle:transition` → `lifecycle_transition`); those of the trace with `trace_` before. Attributes within
// attributes are left out and counted in the notes.
#pragma once

#include <memory>
#include <string>

#include "services/events/byte_source.h"
#include "services/events/event_reader.h"

namespace throughline {

struct XesOptions {
  // CustomerEvent.source. Required.
  std::string source;
  // The event attribute whose value is the event name.
  std::string event_name_attribute = "concept:name";
  // The trace attribute whose value is the customer.
  std::string customer_attribute = "concept:name";
  // The event attribute that names the department, for example `org:group`; empty: none does.
  std::string department_attribute;
  // The department of all events whose attribute does not name one.
  std::string department;
  // The channel of all events.
  std::string channel;
  // Whether the attributes of the trace become properties of each of its events.
  bool trace_properties = true;
};

std::unique_ptr<EventReader> MakeXesEventReader(std::unique_ptr<ByteSource> source, const XesOptions& options);

}  // namespace throughline
