// Every limit of the server, with the reason for its number and the error that exceeding it gives. The proto comments
// state the same numbers for users; a change here is a change there.
// Constants; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace throughline::limits {

// ---- Names and texts: INVALID_ARGUMENT with the field's path --------------------------------------------------------

// One DNS label, so that an id can become part of a host name, a file name or a database identifier.
inline constexpr size_t kResourceIdLengthMax = 63;
// Longer than any name that can be formed (a customer id of 256 bytes, each percent-encoded, is the longest part).
inline constexpr size_t kResourceNameLengthMax = 1024;
// A line on a card; longer names cannot be shown anywhere. Characters.
inline constexpr size_t kDisplayNameLengthMax = 200;
// A few pages of text; what is longer belongs in a document that evidence links to. Characters.
inline constexpr size_t kDescriptionLengthMax = 10'000;
// Texts in the lists of a persona or touchpoint: one thought each. Characters, and entries per list.
inline constexpr size_t kListTextLengthMax = 1000;
inline constexpr size_t kListTextCountMax = 50;
inline constexpr size_t kBackstageSystemLengthMax = 200;
// IANA's longest zone name has 32 characters; twice that leaves room.
inline constexpr size_t kTimeZoneLengthMax = 64;
// An etag is a decimal int64: at most 19 digits.
inline constexpr size_t kEtagLengthMax = 20;

// ---- Journey maps: INVALID_ARGUMENT with the field's path -----------------------------------------------------------

inline constexpr int kMapPersonaCountMax = 20;
// Two orders of magnitude above what one wall holds, and a map at all its limits still fits a 4 MB message when its
// texts are of ordinary length.
inline constexpr int kPhaseCountMax = 100;
inline constexpr int kTouchpointCountMax = 500;
inline constexpr int kTransitionCountMax = 2000;
inline constexpr int kTouchpointChannelLengthMax = 128;  // as an event's channel
inline constexpr int kImportanceMax = 7;                 // the seven-point scale of expectation research
inline constexpr double kEmotionLevelMax = 2.0;
inline constexpr int kLifecyclePositionMax = 1000;
// One revision is one document: what is larger would not fit the default message limit of clients.
inline constexpr size_t kDocumentBytesMax = 3 * 1024 * 1024;
inline constexpr size_t kImportTextBytesMax = 1024 * 1024;
inline constexpr int kDiscoverTouchpointCountDefault = 40;  // more cannot be taken in at one glance
inline constexpr int kDiscoverTouchpointCountMax = 200;
inline constexpr double kDiscoverTransitionShareMinDefault = 0.05;
inline constexpr int kPublishedMapsPerWorkspaceMax = 1000;  // each is held against every event

// ---- Events: INVALID_ARGUMENT per event, the rest of the batch is recorded
// -------------------------------------------

inline constexpr size_t kEventIdBytesMax = 256;
inline constexpr size_t kEventSourceBytesMax = 128;
inline constexpr size_t kCustomerIdBytesMax = 256;
inline constexpr size_t kEventNameBytesMax = 256;
inline constexpr size_t kEventChannelBytesMax = 128;
inline constexpr size_t kEventDepartmentBytesMax = 128;
inline constexpr int kEventPropertyCountMax = 64;
inline constexpr size_t kEventPropertyKeyBytesMax = 128;
inline constexpr size_t kEventPropertyValueBytesMax = 4096;
inline constexpr size_t kSurveyBytesMax = 128;
inline constexpr size_t kSurveyCommentBytesMax = 16'384;
inline constexpr size_t kHandOffReasonBytesMax = 1024;
inline constexpr size_t kCaseIdBytesMax = 256;
inline constexpr size_t kCaseStatusBytesMax = 128;
// Clocks of sources run ahead by time-zone mistakes of up to a day; what is later is a mistake.
inline constexpr absl::Duration kEventFutureMax = absl::Hours(24);
// A batch of 5000 ordinary events is a few hundred kilobytes: well below the message limit, and one disk sync is
// already shared by enough events that larger batches gain nothing.
inline constexpr int kEventBatchCountMax = 5000;

// Properties that filters and run rules of one workspace name; each costs four bytes per event. RESOURCE_EXHAUSTED.
inline constexpr int kPropertyColumnCountMax = 256;

// ---- Questions: INVALID_ARGUMENT with the field's path --------------------------------------------------------------

inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 1000;
inline constexpr size_t kPageTokenBytesMax = 2048;
inline constexpr size_t kFilterBytesMax = 4096;
// Deeper than people write; bounds the recursion of parser, checker and evaluators.
inline constexpr int kFilterDepthMax = 32;
// Comparisons of one filter; each is evaluated per event.
inline constexpr int kFilterComparisonCountMax = 200;
inline constexpr int kFieldMaskPathCountMax = 100;
inline constexpr int kBindingEventNameCountMax = 100;
inline constexpr int kFunnelStepCountMax = 32;  // as engines have it (throughline/event_queries.h)
// Bindings of one question that asks for any of them; each is evaluated per event.
inline constexpr int kQuestionBindingCountMax = 100;
inline constexpr int kBreakdownValueLimitDefault = 20;  // more cannot be told apart in a chart
inline constexpr int kBreakdownValueLimitMax = 100;
inline constexpr int kVariantLengthDefault = 12;
inline constexpr int kVariantLengthMax = 1000;
inline constexpr int kVariantLimitDefault = 20;
inline constexpr int kVariantLimitMax = 10'000;
inline constexpr int kCohortPeriodCountDefault = 12;
inline constexpr int kCohortPeriodCountMax = 120;
inline constexpr int kStageCountMax = 64;
inline constexpr int kRevenueMonthCountDefault = 12;
inline constexpr int kRevenueMonthCountMax = 600;
inline constexpr int kPurchaseRowLimitDefault = 100;
inline constexpr int kPurchaseRowLimitMax = 10'000;
inline constexpr int kFieldValueLimitDefault = 100;
inline constexpr int kFieldValueLimitMax = 1000;
// Of one answer: below the default message limit of clients, 4 MiB. RESOURCE_EXHAUSTED.
inline constexpr size_t kAnswerBytesMax = 4'000'000;
inline constexpr int kEventNameListCountMax = 1000;           // EventStatistics.event_names
inline constexpr int kObservedTransitionListCountMax = 1000;  // JourneyMapPositions.transitions

// ---- Customers ------------------------------------------------------------------------------------------------------

// Events of one customer that a timeline or the runs of a customer are computed from; more belong to a robot, not to a
// person. RESOURCE_EXHAUSTED.
inline constexpr int64_t kCustomerEventsMax = 200'000;
// Customers that one page of ListCustomers looks at for matches of its filter; what follows is on the next page.
inline constexpr int kCustomersScannedMax = 20'000;

// ---- Published maps: caches -----------------------------------------------------------------------------------------

// Workspaces whose published maps are kept compiled; more are compiled again when they are asked for.
inline constexpr size_t kPublishedMapsWorkspacesMax = 256;
// Changes that are read to see whether a map is among them, before the maps are read instead.
inline constexpr int kPublishedMapsChangesMax = 1000;

// ---- Metrics: INVALID_ARGUMENT with the field's path ----------------------------------------------------------------

inline constexpr int kMetricMinNDefault = 30;  // below it the normal approximations of the intervals are poor
inline constexpr int kMetricMinNMax = 1'000'000;
inline constexpr double kConfidenceLevelDefault = 0.95;
inline constexpr double kConfidenceLevelMin = 0.5;
inline constexpr double kConfidenceLevelMax = 0.999;
inline constexpr absl::Duration kRollingWindowMin = absl::Minutes(1);
// Of rolling and conversion windows: longer than any customer's life, short enough that now − window is a valid time.
inline constexpr absl::Duration kWindowMax = absl::Hours(24 * 36525);
inline constexpr int kMetricAttachmentsPerMapMax = 1000;

// ---- Catalog --------------------------------------------------------------------------------------------------------

// A document at its own limit still fits inside another that quotes it, as a published version quotes its map.
// RESOURCE_EXHAUSTED.
inline constexpr size_t kCatalogPayloadBytesMax = 4 * 1024 * 1024;
// Writes that may wait: at a few thousand commits a second that is well below a second of waiting. RESOURCE_EXHAUSTED.
inline constexpr size_t kCatalogQueueMax = 1024;
// Writes of one commit: bounds how long the first of them waits for the rest.
inline constexpr size_t kCatalogGroupMax = 256;
// Open readers, each with a connection of about 2 MB of cache. Whoever finds none free waits this long and is then told
// RESOURCE_EXHAUSTED.
inline constexpr int kCatalogReaderCountMax = 32;
inline constexpr absl::Duration kCatalogReaderWaitMax = absl::Seconds(5);
// Latest documents in memory: all resources of ordinary workspaces, and some thousand maps.
inline constexpr size_t kCatalogCacheBytesMax = 64 * 1024 * 1024;
// Change-log rows that compaction works off in one transaction, so that writers get their turn within milliseconds.
inline constexpr int kCatalogCompactionBatch = 500;
// How far back revisions, and what was deleted, can be read (docs/decisions/catalog-history.md). At least an hour: a
// listing reads all its pages as of its first.
inline constexpr absl::Duration kCatalogHistoryDefault = absl::Hours(24 * 30);
inline constexpr absl::Duration kCatalogHistoryMin = absl::Hours(1);
// How often what has left that window is removed: seldom enough to cost nothing, often enough for short passes.
inline constexpr absl::Duration kCatalogCompactionInterval = absl::Minutes(10);

// ---- Errors ---------------------------------------------------------------------------------------------------------

// Of a value quoted in a message: enough to recognise it. Status messages travel in HTTP/2 headers of at most 8 KB.
inline constexpr size_t kMessageExcerptBytesMax = 80;
// Violations reported at once, and the bytes of all of them: the details travel in the same headers.
inline constexpr int kFieldViolationCountMax = 20;
inline constexpr size_t kFieldViolationBytesMax = 4096;
inline constexpr size_t kFieldPathBytesMax = 200;
inline constexpr size_t kFieldDescriptionBytesMax = 400;

// ---- Messages and connections ---------------------------------------------------------------------------------------

// gRPC's default limit for received messages: RESOURCE_EXHAUSTED.
inline constexpr size_t kRequestBytesMax = 4 * 1024 * 1024;
// Batches of events: 5000 events of 3 KB. Also the limit of the transport, beyond which nothing is read.
inline constexpr size_t kEventBatchBytesMax = 16 * 1024 * 1024;
// A page ends before it outgrows a client's default message limit of 4 MB, with room for one document more.
inline constexpr size_t kListBytesMax = 1024 * 1024;
// Documents that one list call looks at: a filter that matches nothing costs at most this much; the page is then short
// and has a next one.
inline constexpr int kListScanCountMax = 10'000;
// Documents read from the catalog at once: bounds the memory of a list to this many of the largest documents.
inline constexpr int kListChunkCount = 32;
// Nodes and edges of a transition graph that one answer holds: RESOURCE_EXHAUSTED.
inline constexpr int kTransitionGraphEdgeCountMax = 20'000;
// StreamEvents: batches of one stream that are parsed and not yet durable. Enough to keep disk and parser busy at once;
// the bytes bound what one client can make the server hold.
inline constexpr int kStreamBatchCountMax = 8;
inline constexpr size_t kStreamBytesMax = 32 * 1024 * 1024;
// Calls that one connection may have under way; more wait at the client. Ten times what one screen of the app asks for.
inline constexpr int kStreamsPerConnectionMax = 1000;
// Threads of the executor: they mostly wait for the disk. Group commit shares an fsync among those that wait, so there
// are enough for dozens of writers to share each.
inline constexpr int kExecutorThreadCount = 48;

// ---- Gateway --------------------------------------------------------------------------------------------------------

inline constexpr size_t kHttpHeaderBytesMax = 16 * 1024;  // 431; twice what browsers with large cookies send
inline constexpr size_t kHttpTargetBytesMax = 8 * 1024;   // 414; a filter of 4096 bytes, percent-encoded in part
// Each connection holds about 20 KB; browsers open six each. RESOURCE_EXHAUSTED, 503.
inline constexpr int kHttpConnectionCountMax = 1024;
// Time for a whole request to arrive, counted from its first byte; then the connection is closed.
inline constexpr absl::Duration kHttpReadTimeout = absl::Seconds(30);
// Time that a connection may wait between requests; above the 60 s after which common proxies let go first.
inline constexpr absl::Duration kHttpIdleTimeout = absl::Seconds(75);
inline constexpr absl::Duration kHttpWriteTimeout = absl::Seconds(30);
// Deadline of a call that names none.
inline constexpr absl::Duration kHttpCallTimeoutDefault = absl::Seconds(30);
inline constexpr absl::Duration kHttpCallTimeoutMax = absl::Minutes(5);
// Files of the app are read whole.
inline constexpr size_t kStaticFileBytesMax = 32 * 1024 * 1024;
// Nesting of JSON; the deepest message of ours nests eight levels, and property values are flat.
inline constexpr size_t kJsonDepthMax = 64;
// Query parameters of one request.
inline constexpr int kHttpQueryParameterCountMax = 200;

// ---- Executor -------------------------------------------------------------------------------------------------------

// Tasks that may wait: at a millisecond each, a queue of 1000 is one second of waiting, and whoever comes later is
// better told to retry. RESOURCE_EXHAUSTED.
inline constexpr int kExecutorQueueMax = 1000;
inline constexpr absl::Duration kRetryAfterDefault = absl::Seconds(1);

// ---- Request ids ----------------------------------------------------------------------------------------------------

inline constexpr size_t kRequestIdBytesMax = 128;

}  // namespace throughline::limits
