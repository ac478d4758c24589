// Metric values: read only. The computation service writes them; an attachment that it has not reached yet is PENDING.
#include <memory>
#include <optional>
#include <utility>

#include "services/api/handlers.h"
#include "services/api/page_token.h"
#include "services/api/resource_methods.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/metric_service.pb.h"

namespace throughline::api {
namespace {

constexpr absl::string_view kValueSuffix = "/value";

// The value of a living attachment.
absl::StatusOr<v1::MetricValue> ReadValue(CatalogReader& reader, const Document& attachment_document) {
  const std::string name = absl::StrCat(attachment_document.name, kValueSuffix);
  ASSIGN_OR_RETURN(const std::optional<Document> document, reader.Find(name));
  if (document.has_value() && !document->deleted()) return ToResource<v1::MetricValue>(*document);
  ASSIGN_OR_RETURN(const auto attachment, attachment_document.Parse<v1::MetricAttachment>());
  v1::MetricValue value;
  value.set_name(name);
  value.set_state(v1::MetricValue::PENDING);
  value.set_metric_definition(attachment.metric_definition());
  return value;
}

absl::StatusOr<v1::MetricValue> GetMetricValue(RequestContext& context, const v1::GetMetricValueRequest& request) {
  ASSIGN_OR_RETURN(const MetricValueName name, ParseMetricValueName(request.name()));
  if (request.read_revision() < 0) return InvalidField("read_revision", "must not be negative");
  ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read(Revision{request.read_revision()}));
  ASSIGN_OR_RETURN(const std::optional<Document> attachment, reader->Find(name.MetricAttachmentResource()));
  if (!attachment.has_value() || attachment->deleted()) return ResourceNotFound(request.name());
  return ReadValue(*reader, *attachment);
}

absl::StatusOr<v1::ListMetricValuesResponse> ListMetricValues(RequestContext& context,
                                                              const v1::ListMetricValuesRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName parent, ParseJourneyMapName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  if (request.read_revision() < 0) return InvalidField("read_revision", "must not be negative");
  PagePosition position{.snapshot = request.read_revision(), .after = ""};
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(position, context.backend().page_tokens.Decode(request, request.page_token()));
  }
  ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read(Revision{position.snapshot}));
  ASSIGN_OR_RETURN(const std::optional<Document> map, reader->Find(parent.ToString()));
  if (!map.has_value()) return ResourceNotFound(parent.ToString());

  ASSIGN_OR_RETURN(const std::vector<Document> attachments,
                   reader->List({.collection = MetricAttachmentCollection(parent.ToString()),
                                 .after_name = position.after,
                                 .limit = page_size + 1}));
  v1::ListMetricValuesResponse response;
  size_t bytes = 0;
  for (const Document& attachment : attachments) {
    if (response.metric_values_size() == page_size || bytes >= limits::kListBytesMax) {
      response.set_next_page_token(context.backend().page_tokens.Encode(
          request, {.snapshot = reader->revision().value, .after = position.after}));
      break;
    }
    ASSIGN_OR_RETURN(*response.add_metric_values(), ReadValue(*reader, attachment));
    bytes += response.metric_values().rbegin()->ByteSizeLong();
    position.after = attachment.name;
  }
  return response;
}

}  // namespace

void AddMetricValueMethods(RpcService& service) {
  service.AddUnary("GetMetricValue", &GetMetricValue);
  service.AddUnary("ListMetricValues", &ListMetricValues);
}

}  // namespace throughline::api
