#include "throughline/errors.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/text.h"

namespace throughline {
namespace {

constexpr char kTypeUrlPrefix[] = "type.googleapis.com/";
constexpr char kInternalText[] = "Something went wrong on our side; it has been logged.";

using Metadata = std::map<std::string, std::string>;

template <typename T>
std::string TypeUrl() {
  return absl::StrCat(kTypeUrlPrefix, T::descriptor()->full_name());
}

template <typename T>
void SetDetail(absl::Status& status, const T& detail) {
  status.SetPayload(TypeUrl<T>(), absl::Cord(detail.SerializeAsString()));
}

template <typename T>
bool GetDetail(const absl::Status& status, T& detail) {
  const auto payload = status.GetPayload(TypeUrl<T>());
  return payload.has_value() && detail.ParseFromString(std::string(*payload));
}

absl::Status Make(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                  const Metadata& metadata = {}) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(kErrorDomain);
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = Excerpt(value);
  SetDetail(status, info);
  return status;
}

absl::Status WithResource(absl::Status status, absl::string_view name, absl::string_view description) {
  google::rpc::ResourceInfo info;
  info.set_resource_name(Excerpt(name));
  info.set_description(std::string(description));
  SetDetail(status, info);
  return status;
}

// Copies what fits: see limits.h.
std::vector<FieldViolation> Bounded(const std::vector<FieldViolation>& violations) {
  std::vector<FieldViolation> out;
  size_t bytes = 0;
  for (const FieldViolation& violation : violations) {
    FieldViolation copy{ToValidUtf8(violation.field, limits::kFieldPathBytesMax),
                        ToValidUtf8(violation.description, limits::kFieldDescriptionBytesMax)};
    bytes += copy.field.size() + copy.description.size();
    if (!out.empty() && bytes > limits::kFieldViolationBytesMax) break;
    out.push_back(std::move(copy));
    if (out.size() == static_cast<size_t>(limits::kFieldViolationCountMax)) break;
  }
  return out;
}

std::string Summary(const std::vector<FieldViolation>& violations) {
  if (violations.empty()) return "the request is invalid";
  const FieldViolation& first = violations.front();
  std::string out = absl::StrCat(ToValidUtf8(first.field, limits::kFieldPathBytesMax), first.field.empty() ? "" : ": ",
                                 ToValidUtf8(first.description, limits::kFieldDescriptionBytesMax));
  if (violations.size() > 1) {
    absl::StrAppend(&out, " (and ", violations.size() - 1,
                    violations.size() == 2 ? " more problem)" : " more problems)");
  }
  return out;
}

absl::Status WithViolations(absl::Status status, const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : Bounded(violations)) {
    google::rpc::BadRequest::FieldViolation& added = *bad_request.add_field_violations();
    added.set_field(violation.field);
    added.set_description(violation.description);
  }
  SetDetail(status, bad_request);
  return status;
}

absl::Status OneField(absl::string_view reason, absl::string_view field, absl::string_view description,
                      const Metadata& metadata = {}) {
  const std::vector<FieldViolation> violations = {{std::string(field), std::string(description)}};
  return WithViolations(Make(absl::StatusCode::kInvalidArgument, reason, Summary(violations), metadata), violations);
}

}  // namespace

// ---- Violations -----------------------------------------------------------------------------------------------------

void FieldViolations::Add(absl::string_view field, absl::string_view description) {
  violations_.push_back({std::string(field), std::string(description)});
}

void FieldViolations::AddStatus(absl::string_view prefix, const absl::Status& status) {
  if (status.ok()) return;
  const std::vector<FieldViolation> violations = GetFieldViolations(status);
  for (const FieldViolation& violation : violations) Add(FieldPath(prefix, violation.field), violation.description);
  if (violations.empty()) Add(prefix, status.message());
}

absl::Status FieldViolations::ToStatus() const {
  return violations_.empty() ? absl::OkStatus() : InvalidFields(violations_);
}

absl::Status WithFieldPrefix(absl::string_view prefix, const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  if (!GetDetail(status, bad_request)) return status;
  for (google::rpc::BadRequest::FieldViolation& violation : *bad_request.mutable_field_violations()) {
    violation.set_field(FieldPath(prefix, violation.field()));
  }
  absl::Status prefixed = status;
  SetDetail(prefixed, bad_request);
  return prefixed;
}

std::string FieldPath(absl::string_view parent, absl::string_view child) {
  if (parent.empty()) return std::string(child);
  if (child.empty()) return std::string(parent);
  return absl::StrCat(parent, child.front() == '[' ? "" : ".", child);
}

std::string FieldPath(absl::string_view list, size_t index) { return absl::StrCat(list, "[", index, "]"); }

// ---- INVALID_ARGUMENT -----------------------------------------------------------------------------------------------

absl::Status InvalidFields(const std::vector<FieldViolation>& violations) {
  return WithViolations(Make(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", Summary(violations)), violations);
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  return OneField("INVALID_FIELD", field, description);
}

absl::Status MissingField(absl::string_view field) { return InvalidField(field, "is required"); }

absl::Status InvalidResourceName(absl::string_view field, absl::string_view name, absl::string_view pattern) {
  if (name.empty()) {
    return OneField("INVALID_RESOURCE_NAME", field, absl::StrCat("is required, in the form ", pattern));
  }
  return OneField("INVALID_RESOURCE_NAME", field,
                  absl::StrCat("\"", Excerpt(name), "\" is not a resource name of the form ", pattern),
                  {{"name", std::string(name)}, {"pattern", std::string(pattern)}});
}

absl::Status InvalidResourceId(absl::string_view field, absl::string_view id) {
  return OneField("INVALID_RESOURCE_ID", field,
                  absl::StrCat("\"", Excerpt(id), "\" is not an id: 1 to ", limits::kResourceIdLengthMax,
                               " lower-case letters, digits and hyphens, starting with a letter and not ending with a "
                               "hyphen"),
                  {{"id", std::string(id)}});
}

absl::Status InvalidFieldMask(absl::string_view path, absl::string_view problem) {
  return OneField("INVALID_FIELD_MASK", "update_mask", absl::StrCat("\"", Excerpt(path), "\" ", problem),
                  {{"path", std::string(path)}});
}

absl::Status InvalidFilter(absl::string_view text, size_t position, absl::string_view expected) {
  // The excerpt shows the place, not the beginning of a long filter.
  const size_t start = std::min(position, text.size());
  const std::string place =
      start == text.size() ? "at its end" : absl::StrCat("at \"", Excerpt(text.substr(start)), "\"");
  return OneField("INVALID_FILTER", "filter",
                  absl::StrCat("position ", position, ", ", place, ": expected ", ToValidUtf8(expected, 400)),
                  {{"position", absl::StrCat(position)}, {"expected", std::string(expected)}});
}

absl::Status InvalidPageToken() {
  return OneField("INVALID_PAGE_TOKEN", "page_token",
                  "is not the next_page_token of an earlier answer to this same request; start again without it");
}

absl::Status InvalidPageSize(int page_size) {
  return InvalidField("page_size", absl::StrCat(page_size, " is negative; leave it out for the default"));
}

absl::Status MalformedRequest(absl::string_view problem) {
  return Make(absl::StatusCode::kInvalidArgument, "MALFORMED_REQUEST",
              ToValidUtf8(problem, limits::kFieldDescriptionBytesMax));
}

absl::Status UnknownField(absl::string_view field, absl::string_view message_type) {
  return OneField("UNKNOWN_FIELD", field, absl::StrCat("is not a field of ", message_type),
                  {{"field", std::string(field)}, {"message", std::string(message_type)}});
}

absl::Status InvalidMermaid(int line, absl::string_view found, absl::string_view expected) {
  return OneField("INVALID_MERMAID", "text",
                  absl::StrCat("line ", line, ": expected ", expected, ", not \"", Excerpt(found), "\""),
                  {{"line", absl::StrCat(line)}, {"expected", std::string(expected)}});
}

// ---- NOT_FOUND, ALREADY_EXISTS --------------------------------------------------------------------------------------

absl::Status ResourceNotFound(absl::string_view name) {
  return WithResource(Make(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND",
                           absl::StrCat(Excerpt(name), " does not exist"), {{"name", std::string(name)}}),
                      name, "does not exist");
}

absl::Status RevisionNotFound(absl::string_view name, absl::string_view revision_id) {
  return WithResource(Make(absl::StatusCode::kNotFound, "REVISION_NOT_FOUND",
                           absl::StrCat(Excerpt(name), " has no revision \"", Excerpt(revision_id), "\""),
                           {{"name", std::string(name)}, {"revision_id", std::string(revision_id)}}),
                      name, "has no such revision");
}

absl::Status RouteNotFound(absl::string_view method, absl::string_view path) {
  return Make(absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND",
              absl::StrCat("there is nothing at ", Excerpt(method), " ", Excerpt(path)),
              {{"method", std::string(method)}, {"path", std::string(path)}});
}

absl::Status ResourceAlreadyExists(absl::string_view name) {
  return WithResource(
      Make(absl::StatusCode::kAlreadyExists, "RESOURCE_ALREADY_EXISTS",
           absl::StrCat(Excerpt(name), " already exists; a deleted resource keeps its name until it is purged"),
           {{"name", std::string(name)}}),
      name, "already exists");
}

absl::Status EventContentConflict(absl::string_view source, absl::string_view id) {
  return Make(absl::StatusCode::kAlreadyExists, "EVENT_CONTENT_CONFLICT",
              absl::StrCat("event \"", Excerpt(id), "\" of source \"", Excerpt(source),
                           "\" is already recorded with other content; what is recorded stays as it is"),
              {{"source", std::string(source)}, {"id", std::string(id)}});
}

absl::Status EventErased(absl::string_view source, absl::string_view id) {
  return Make(absl::StatusCode::kAlreadyExists, "EVENT_ERASED",
              absl::StrCat("event \"", Excerpt(id), "\" of source \"", Excerpt(source),
                           "\" was erased with its customer and is not recorded again; send what is new under an id of "
                           "its own"),
              {{"source", std::string(source)}, {"id", std::string(id)}});
}

// ---- FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE ---------------------------------------------------------------------

absl::Status ResourceDeleted(absl::string_view name) {
  return WithResource(
      Make(absl::StatusCode::kFailedPrecondition, "RESOURCE_DELETED",
           absl::StrCat(Excerpt(name), " is deleted; undelete it first"), {{"name", std::string(name)}}),
      name, "is deleted");
}

absl::Status ResourceNotDeleted(absl::string_view name) {
  return WithResource(Make(absl::StatusCode::kFailedPrecondition, "RESOURCE_NOT_DELETED",
                           absl::StrCat(Excerpt(name), " is not deleted"), {{"name", std::string(name)}}),
                      name, "is not deleted");
}

absl::Status ResourceInUse(absl::string_view name, absl::string_view user_name) {
  return WithResource(Make(absl::StatusCode::kFailedPrecondition, "RESOURCE_IN_USE",
                           absl::StrCat(Excerpt(name), " is used by ", Excerpt(user_name), "; change that first"),
                           {{"name", std::string(name)}, {"used_by", std::string(user_name)}}),
                      name, "is in use");
}

absl::Status ReferenceNotFound(absl::string_view field, absl::string_view name) {
  const std::vector<FieldViolation> violations = {{std::string(field), absl::StrCat(Excerpt(name), " does not exist")}};
  return WithViolations(
      WithResource(Make(absl::StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND", Summary(violations),
                        {{"field", std::string(field)}, {"name", std::string(name)}}),
                   name, "does not exist"),
      violations);
}

absl::Status JourneyMapNotPublishable(absl::string_view name, const std::vector<FieldViolation>& problems) {
  absl::Status status =
      Make(absl::StatusCode::kFailedPrecondition, "JOURNEY_MAP_NOT_PUBLISHABLE",
           absl::StrCat(Excerpt(name), " cannot be measured: ", Summary(problems)), {{"name", std::string(name)}});
  google::rpc::PreconditionFailure failure;
  for (const FieldViolation& problem : Bounded(problems)) {
    google::rpc::PreconditionFailure::Violation& added = *failure.add_violations();
    added.set_type("FIELD");
    added.set_subject(problem.field);
    added.set_description(problem.description);
  }
  SetDetail(status, failure);
  return WithResource(std::move(status), name, "cannot be measured");
}

absl::Status JourneyMapNotPublished(absl::string_view name) {
  return WithResource(
      Make(absl::StatusCode::kFailedPrecondition, "JOURNEY_MAP_NOT_PUBLISHED",
           absl::StrCat(Excerpt(name), " has never been published; publish it first"), {{"name", std::string(name)}}),
      name, "has never been published");
}

absl::Status StaleEtag(absl::string_view name, absl::string_view given, absl::string_view current) {
  return WithResource(
      Make(absl::StatusCode::kAborted, "STALE_ETAG",
           absl::StrCat(Excerpt(name), " has changed: the etag given is \"", Excerpt(given),
                        "\", the current one is \"", Excerpt(current), "\"; read it again and repeat the change"),
           {{"name", std::string(name)}, {"given", std::string(given)}, {"current", std::string(current)}}),
      name, "has changed");
}

absl::Status RevisionInFuture(Revision revision, Revision latest) {
  return Make(absl::StatusCode::kOutOfRange, "REVISION_IN_FUTURE",
              absl::StrCat("revision ", revision.value, " does not exist yet; the latest is ", latest.value),
              {{"revision", absl::StrCat(revision.value)}, {"latest", absl::StrCat(latest.value)}});
}

absl::Status RevisionCompacted(Revision revision, Revision horizon) {
  return Make(
      absl::StatusCode::kOutOfRange, "REVISION_COMPACTED",
      absl::StrCat("revision ", revision.value, " has been compacted; the oldest that can be read is ", horizon.value),
      {{"revision", absl::StrCat(revision.value)}, {"horizon", absl::StrCat(horizon.value)}});
}

absl::Status WatermarkOutOfRange(int64_t watermark, int64_t latest) {
  return Make(absl::StatusCode::kOutOfRange, "WATERMARK_OUT_OF_RANGE",
              absl::StrCat("watermark ", watermark, " is not between 0 and the latest, ", latest),
              {{"watermark", absl::StrCat(watermark)}, {"latest", absl::StrCat(latest)}});
}

// ---- FAILED_PRECONDITION, DATA_LOSS: what the server finds on its disk ----------------------------------------------

absl::Status DataDirectoryInUse(absl::string_view path, int64_t owner_pid) {
  const std::string owner = owner_pid > 0 ? absl::StrCat("process ", owner_pid) : "another process";
  return Make(absl::StatusCode::kFailedPrecondition, "DATA_DIRECTORY_IN_USE",
              absl::StrCat("the data directory ", Excerpt(path), " is in use by ", owner,
                           "; stop it, or use another directory"),
              {{"path", std::string(path)}, {"owner_pid", absl::StrCat(owner_pid)}});
}

absl::Status DataDirectoryUnusable(absl::string_view path, absl::string_view problem) {
  return Make(absl::StatusCode::kFailedPrecondition, "DATA_DIRECTORY_UNUSABLE",
              absl::StrCat("the data directory ", Excerpt(path), " cannot be used: ", Excerpt(problem)),
              {{"path", std::string(path)}});
}

absl::Status StoreLocked(absl::string_view store, absl::string_view path) {
  return Make(absl::StatusCode::kFailedPrecondition, "STORE_LOCKED",
              absl::StrCat(store, " in ", Excerpt(path), " is locked by another process; stop it first"),
              {{"path", std::string(path)}});
}

absl::Status StoreNotWritable(absl::string_view store, absl::string_view path) {
  return Make(
      absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE",
      absl::StrCat(store, " in ", Excerpt(path), " cannot be opened for writing; check the path and its rights"),
      {{"path", std::string(path)}});
}

absl::Status StoreVersionUnsupported(absl::string_view store, absl::string_view path, int64_t found,
                                     int64_t supported) {
  return Make(absl::StatusCode::kFailedPrecondition, "STORE_VERSION_UNSUPPORTED",
              absl::StrCat(store, " in ", Excerpt(path), " has format ", found, "; this program knows formats up to ",
                           supported, "; use a newer program"),
              {{"path", std::string(path)}, {"found", absl::StrCat(found)}, {"supported", absl::StrCat(supported)}});
}

absl::Status StoreDamaged(absl::string_view store, absl::string_view path, absl::string_view problem) {
  return Make(absl::StatusCode::kDataLoss, "STORE_DAMAGED",
              absl::StrCat(store, " in ", Excerpt(path), " is damaged or is no such file (", Excerpt(problem),
                           "); restore it from a backup"),
              {{"path", std::string(path)}});
}

// ---- RESOURCE_EXHAUSTED, UNAVAILABLE --------------------------------------------------------------------------------

absl::Status LimitExceeded(absl::string_view what, int64_t limit, absl::string_view unit) {
  return Make(absl::StatusCode::kResourceExhausted, "LIMIT_EXCEEDED",
              absl::StrCat(Excerpt(what), " is over the limit of ", limit, " ", unit),
              {{"what", std::string(what)}, {"limit", absl::StrCat(limit)}, {"unit", std::string(unit)}});
}

absl::Status Overloaded(absl::string_view what, absl::Duration retry_after) {
  absl::Status status = Make(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                             absl::StrCat(Excerpt(what), " is busy; try again in ", absl::FormatDuration(retry_after)),
                             {{"what", std::string(what)}});
  google::rpc::RetryInfo retry;
  const int64_t nanos = absl::ToInt64Nanoseconds(retry_after);
  retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  SetDetail(status, retry);
  return status;
}

absl::Status StorageFull(absl::string_view what) {
  return Make(absl::StatusCode::kResourceExhausted, "STORAGE_FULL",
              absl::StrCat("the disk of ", Excerpt(what), " is full; nothing of this request was stored"),
              {{"what", std::string(what)}});
}

absl::Status BackendUnavailable(absl::string_view what) {
  return Make(absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE",
              absl::StrCat(Excerpt(what), " is not available; try again"), {{"what", std::string(what)}});
}

absl::Status AddressUnusable(absl::string_view address, absl::string_view problem) {
  return Make(absl::StatusCode::kUnavailable, "ADDRESS_UNUSABLE",
              absl::StrCat("cannot listen on ", Excerpt(address), ": ", Excerpt(problem)),
              {{"address", std::string(address)}});
}

absl::Status ShuttingDown() {
  return Make(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is shutting down; try another or try again");
}

// ---- UNIMPLEMENTED, DEADLINE_EXCEEDED, INTERNAL ---------------------------------------------------------------------

absl::Status NotImplemented(absl::string_view what) {
  return Make(absl::StatusCode::kUnimplemented, "NOT_IMPLEMENTED",
              ToValidUtf8(what, limits::kFieldDescriptionBytesMax));
}

absl::Status MethodNotAllowed(absl::string_view method, absl::string_view allow) {
  return Make(absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED",
              absl::StrCat("this address does not take ", Excerpt(method), "; it takes ", Excerpt(allow)),
              {{"method", std::string(method)}, {"allow", std::string(allow)}});
}

absl::Status CrossOriginRefused(absl::string_view origin) {
  return Make(
      absl::StatusCode::kPermissionDenied, "CROSS_ORIGIN",
      absl::StrCat("changes from pages of ", Excerpt(origin), " are refused; the app is served by this server itself"),
      {{"origin", std::string(origin)}});
}

absl::Status DeadlineExceeded(absl::string_view what) {
  return Make(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
              absl::StrCat(Excerpt(what), " took longer than the deadline of the request"));
}

absl::Status Cancelled(absl::string_view what) {
  return Make(absl::StatusCode::kCancelled, "CANCELLED", absl::StrCat(what, " was called off"));
}

absl::Status Internal(absl::string_view detail) {
  LogError("internal error", {{"detail", std::string(detail)}});
  return Make(absl::StatusCode::kInternal, "INTERNAL", kInternalText);
}

// ---- Reading and carrying -------------------------------------------------------------------------------------------

std::string GetErrorReason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return GetDetail(status, info) ? info.reason() : "";
}

std::map<std::string, std::string> GetErrorMetadata(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  if (!GetDetail(status, info)) return {};
  return {info.metadata().begin(), info.metadata().end()};
}

std::vector<FieldViolation> GetFieldViolations(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  std::vector<FieldViolation> out;
  if (!GetDetail(status, bad_request)) return out;
  for (const auto& violation : bad_request.field_violations())
    out.push_back({violation.field(), violation.description()});
  return out;
}

std::vector<FieldViolation> GetPreconditionViolations(const absl::Status& status) {
  google::rpc::PreconditionFailure failure;
  std::vector<FieldViolation> out;
  if (!GetDetail(status, failure)) return out;
  for (const auto& violation : failure.violations()) out.push_back({violation.subject(), violation.description()});
  return out;
}

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status out;
  if (status.ok()) return out;
  const bool ours = !GetErrorReason(status).empty();
  const bool opaque = status.code() == absl::StatusCode::kInternal || status.code() == absl::StatusCode::kUnknown ||
                      status.code() == absl::StatusCode::kDataLoss;
  if (!ours && opaque) return ToRpcStatus(Internal(status.ToString()));
  out.set_code(status.raw_code());
  out.set_message(ToValidUtf8(status.message(), limits::kFieldViolationBytesMax));
  std::vector<std::pair<std::string, std::string>> payloads;
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    payloads.emplace_back(std::string(type_url), std::string(payload));
  });
  // ErrorInfo first, where readers look for it; the rest by name, because payloads have no order of their own.
  const std::string error_info = TypeUrl<google::rpc::ErrorInfo>();
  std::sort(payloads.begin(), payloads.end(), [&](const auto& a, const auto& b) {
    return std::pair(a.first != error_info, a.first) < std::pair(b.first != error_info, b.first);
  });
  for (auto& [type_url, value] : payloads) {
    google::protobuf::Any& detail = *out.add_details();
    detail.set_type_url(type_url);
    detail.set_value(std::move(value));
  }
  return out;
}

absl::Status FromRpcStatus(const google::rpc::Status& rpc_status) {
  absl::Status status(static_cast<absl::StatusCode>(rpc_status.code()), rpc_status.message());
  for (const google::protobuf::Any& detail : rpc_status.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

}  // namespace throughline
