// Rules for metric definitions and attachments: defaults, checks, versions.
// Free functions without state; any thread.
//
// Violations are reported all at once, each with its field path (INVALID_ARGUMENT with a BadRequest payload).
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "throughline/catalog.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {

// Checks a complete definition (defaults filled in). INVALID_ARGUMENT.
absl::Status ValidateMetricDefinition(const v1::MetricDefinition& definition);

// Makes `definition` ready to be stored: fills in the defaults of its kind, sets unit and version, and validates.
// `previous`: the stored definition that it replaces; null when it is created. The version is 1 at creation and grows
// by one with every change of content; an update that changes nothing keeps it. INVALID_ARGUMENT, also if the kind
// differs from the previous one.
absl::Status PrepareMetricDefinition(const v1::MetricDefinition* previous, v1::MetricDefinition& definition);

// Checks an attachment of `map_name` (`workspaces/{workspace}/journeyMaps/{journey_map}`, which must live) as of the
// reader's revision: the definition lives in the same workspace; subject and target stand in the map's current or
// published content; the subject suits the definition's kind; filter and windows make sense. INVALID_ARGUMENT; the
// reader's errors.
absl::Status ValidateMetricAttachment(const v1::MetricAttachment& attachment, absl::string_view map_name,
                                      CatalogReader& catalog);

}  // namespace throughline
