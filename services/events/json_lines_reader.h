// Events from a file with one CustomerEvent as JSON on each line. Not thread-safe.
//
// Field names as in proto JSON (`customerId`) or as in the proto (`customer_id`). Unknown fields, and lines that are
// not JSON, are reported with the line and the field's name. Empty lines are passed over.
#pragma once

#include <memory>
#include <string>

#include "services/events/byte_source.h"
#include "services/events/event_reader.h"

namespace throughline {

// `default_source` is the source of events that do not name one.
std::unique_ptr<EventReader> MakeJsonLinesEventReader(std::unique_ptr<ByteSource> source, std::string default_source);

}  // namespace throughline
