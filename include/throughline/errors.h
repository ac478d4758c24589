// The error catalogue: one named function per error that a user can see, fixing its code, message and reason.
// Pure functions (Internal also writes to the log); any thread.
//
// Every status made here carries google.rpc.ErrorInfo{reason, domain "throughline.dev", metadata} as a payload under
// `type.googleapis.com/google.rpc.ErrorInfo`; field errors carry google.rpc.BadRequest, overload carries
// google.rpc.RetryInfo and errors about one resource google.rpc.ResourceInfo in the same way. The reason of a cause
// never changes. Values from outside are clipped and made valid UTF-8; a status always fits in 8 KB of headers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "throughline/types.h"

namespace google::rpc {
class Status;
}

namespace throughline {

inline constexpr char kErrorDomain[] = "throughline.dev";

struct FieldViolation {
  std::string field;        // path in proto names: `touchpoints[3].phase`
  std::string description;  // what is wrong and what would be right
};

// Collects everything that is wrong with a request, so that the caller learns it at once.
class FieldViolations {
 public:
  void Add(absl::string_view field, absl::string_view description);
  // Takes over the violations of a status made here, each path put below `prefix`; a failed status without violations
  // becomes one violation of `prefix` with the status's message. OK adds nothing.
  void AddStatus(absl::string_view prefix, const absl::Status& status);

  bool empty() const { return violations_.empty(); }
  const std::vector<FieldViolation>& violations() const { return violations_; }
  // OK when empty, else InvalidFields.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
};

// The same error with each violation's path put below `prefix`: an error about a resource becomes one about the request
// that holds it.
absl::Status WithFieldPrefix(absl::string_view prefix, const absl::Status& status);

// "parent.child"; either may be empty. "list[3]".
std::string FieldPath(absl::string_view parent, absl::string_view child);
std::string FieldPath(absl::string_view list, size_t index);

// ---- INVALID_ARGUMENT: the request is wrong and will always be ------------------------------------------------------

absl::Status InvalidFields(const std::vector<FieldViolation>& violations);          // INVALID_FIELD
absl::Status InvalidField(absl::string_view field, absl::string_view description);  // INVALID_FIELD
absl::Status MissingField(absl::string_view field);                                 // INVALID_FIELD
// `pattern`: "workspaces/{workspace}/personas/{persona}".
absl::Status InvalidResourceName(absl::string_view field, absl::string_view name,
                                 absl::string_view pattern);                       // INVALID_RESOURCE_NAME
absl::Status InvalidResourceId(absl::string_view field, absl::string_view id);     // INVALID_RESOURCE_ID
absl::Status InvalidFieldMask(absl::string_view path, absl::string_view problem);  // INVALID_FIELD_MASK
// `position` in bytes from 0.
absl::Status InvalidFilter(absl::string_view text, size_t position, absl::string_view expected);  // INVALID_FILTER
absl::Status InvalidPageToken();                                                                  // INVALID_PAGE_TOKEN
absl::Status InvalidPageSize(int page_size);                                                      // INVALID_FIELD
// Bytes that are no message of the protocol: JSON that does not parse, a compressed file that is cut off, …
absl::Status MalformedRequest(absl::string_view problem);  // MALFORMED_REQUEST
// A JSON or query field that the message does not have.
absl::Status UnknownField(absl::string_view field, absl::string_view message_type);  // UNKNOWN_FIELD
// `line` from 1; `found` is what stands there.
absl::Status InvalidMermaid(int line, absl::string_view found, absl::string_view expected);  // INVALID_MERMAID

// ---- NOT_FOUND, ALREADY_EXISTS --------------------------------------------------------------------------------------

absl::Status ResourceNotFound(absl::string_view name);                                 // RESOURCE_NOT_FOUND
absl::Status RevisionNotFound(absl::string_view name, absl::string_view revision_id);  // REVISION_NOT_FOUND
absl::Status RouteNotFound(absl::string_view method, absl::string_view path);          // ROUTE_NOT_FOUND
absl::Status ResourceAlreadyExists(absl::string_view name);                            // RESOURCE_ALREADY_EXISTS
// The event's identity is taken by other content.
absl::Status EventContentConflict(absl::string_view source, absl::string_view id);  // EVENT_CONTENT_CONFLICT
// The event was erased with its customer, and is not recorded again.
absl::Status EventErased(absl::string_view source, absl::string_view id);  // EVENT_ERASED

// ---- FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE ---------------------------------------------------------------------

// The resource must be undeleted before it can be changed.
absl::Status ResourceDeleted(absl::string_view name);                             // RESOURCE_DELETED
absl::Status ResourceNotDeleted(absl::string_view name);                          // RESOURCE_NOT_DELETED
absl::Status ResourceInUse(absl::string_view name, absl::string_view user_name);  // RESOURCE_IN_USE
// Another resource that the request names is absent or deleted.
absl::Status ReferenceNotFound(absl::string_view field, absl::string_view name);  // REFERENCE_NOT_FOUND
// Each problem becomes a violation in google.rpc.PreconditionFailure, subject = the field's path.
absl::Status JourneyMapNotPublishable(absl::string_view name,
                                      const std::vector<FieldViolation>& problems);  // JOURNEY_MAP_NOT_PUBLISHABLE
absl::Status JourneyMapNotPublished(absl::string_view name);                         // JOURNEY_MAP_NOT_PUBLISHED
absl::Status StaleEtag(absl::string_view name, absl::string_view given, absl::string_view current);  // STALE_ETAG
absl::Status RevisionInFuture(Revision revision, Revision latest);    // REVISION_IN_FUTURE
absl::Status RevisionCompacted(Revision revision, Revision horizon);  // REVISION_COMPACTED
absl::Status WatermarkOutOfRange(int64_t watermark, int64_t latest);  // WATERMARK_OUT_OF_RANGE

// ---- FAILED_PRECONDITION, DATA_LOSS: what the server finds on its disk ----------------------------------------------

// The data directory belongs to another process; `owner_pid` 0: unknown which.
absl::Status DataDirectoryInUse(absl::string_view path, int64_t owner_pid);             // DATA_DIRECTORY_IN_USE
absl::Status DataDirectoryUnusable(absl::string_view path, absl::string_view problem);  // DATA_DIRECTORY_UNUSABLE
// `store`: "the catalog". Another process has the file open.
absl::Status StoreLocked(absl::string_view store, absl::string_view path);       // STORE_LOCKED
absl::Status StoreNotWritable(absl::string_view store, absl::string_view path);  // STORE_NOT_WRITABLE
// A newer program wrote the file.
absl::Status StoreVersionUnsupported(absl::string_view store, absl::string_view path, int64_t found,
                                     int64_t supported);  // STORE_VERSION_UNSUPPORTED
absl::Status StoreDamaged(absl::string_view store, absl::string_view path, absl::string_view problem);  // STORE_DAMAGED

// ---- RESOURCE_EXHAUSTED, UNAVAILABLE: try again, or ask for less ----------------------------------------------------

// More than `limit` of something; trying again does not help. `unit`: "bytes", "attachments per map".
absl::Status LimitExceeded(absl::string_view what, int64_t limit, absl::string_view unit);  // LIMIT_EXCEEDED
// A queue is full; carries RetryInfo.
absl::Status Overloaded(absl::string_view what, absl::Duration retry_after);  // OVERLOADED
absl::Status StorageFull(absl::string_view what);                             // STORAGE_FULL
absl::Status BackendUnavailable(absl::string_view what);                      // BACKEND_UNAVAILABLE
// The server cannot listen there. ADDRESS_UNUSABLE
absl::Status AddressUnusable(absl::string_view address, absl::string_view problem);
absl::Status ShuttingDown();  // SHUTTING_DOWN

// ---- UNIMPLEMENTED, DEADLINE_EXCEEDED, CANCELLED, INTERNAL
// ---------------------------------------------------------------------

absl::Status NotImplemented(absl::string_view what);  // NOT_IMPLEMENTED
// The path exists, the HTTP method on it does not; `allow`: "GET, HEAD".
absl::Status MethodNotAllowed(absl::string_view method, absl::string_view allow);  // METHOD_NOT_ALLOWED
// PERMISSION_DENIED: a browser sent the request for another site's page.
absl::Status CrossOriginRefused(absl::string_view origin);  // CROSS_ORIGIN
absl::Status DeadlineExceeded(absl::string_view what);      // DEADLINE_EXCEEDED
absl::Status Cancelled(absl::string_view what);             // CANCELLED
// Our bug. The text is fixed; `detail` goes only to the log.
absl::Status Internal(absl::string_view detail);  // INTERNAL

// ---- Reading and carrying -------------------------------------------------------------------------------------------

// Empty where the status carries none.
std::string GetErrorReason(const absl::Status& status);
std::map<std::string, std::string> GetErrorMetadata(const absl::Status& status);
std::vector<FieldViolation> GetFieldViolations(const absl::Status& status);
// The violations of PreconditionFailure.
std::vector<FieldViolation> GetPreconditionViolations(const absl::Status& status);

// As it travels in gRPC's status details and in JSON: each payload becomes one detail. Statuses that the catalogue did
// not make keep their code but get a fixed text when the code is INTERNAL, UNKNOWN or DATA_LOSS (the text is logged).
google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace throughline
