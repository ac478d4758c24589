// Events from a CSV file by a mapping. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/events/byte_source.h"
#include "services/events/event_reader.h"
#include "throughline/v1/import_mapping.pb.h"

namespace throughline {

// Reads the lookup tables and the header line, so that a mapping that does not fit fails before anything is recorded.
// `folder` is where relative lookup files start from. INVALID_ARGUMENT naming the mapping's field; errors of opening
// the lookup files.
absl::StatusOr<std::unique_ptr<EventReader>> MakeCsvEventReader(std::unique_ptr<ByteSource> source,
                                                                const v1::ImportMapping& mapping,
                                                                const std::string& folder);

}  // namespace throughline
