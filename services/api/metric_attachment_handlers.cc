// Metric attachments.
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/metrics/metric_resources.h"
#include "throughline/resource_names.h"
#include "throughline/v1/metric.pb.h"

namespace throughline::api {
namespace {

absl::Status PrepareAttachment(const Preparation& preparation, const v1::MetricAttachment* before,
                               v1::MetricAttachment& attachment) {
  const std::string map_name(ParentName(preparation.name));
  RETURN_IF_ERROR(ValidateMetricAttachment(attachment, map_name, preparation.transaction));
  if (before != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Document> others,
                   preparation.transaction.List({.collection = MetricAttachmentCollection(map_name),
                                                 .after_name = "",
                                                 .limit = limits::kMetricAttachmentsPerMapMax}));
  if (others.size() < static_cast<size_t>(limits::kMetricAttachmentsPerMapMax)) return absl::OkStatus();
  return LimitExceeded(map_name, limits::kMetricAttachmentsPerMapMax, "attachments per map");
}

}  // namespace

void AddMetricAttachmentMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareAttachment));
  AddStandardMethods(service, *type, "MetricAttachments");
}

}  // namespace throughline::api
