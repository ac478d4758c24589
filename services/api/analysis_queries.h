// The port's queries that the questions of AnalysisService stand for, and how a cell of their answers is opened. Each
// is defined beside the question's handler. Stateless; any thread.
//
// MakeQuery: INVALID_ARGUMENT with the field's path, and as services/api/analysis_question.h. Without breakdown.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/api/analysis_question.h"
#include "throughline/aggregates.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {

absl::StatusOr<VolumeQuery> MakeQuery(RequestContext& context, const v1::QueryVolumeRequest& request,
                                      const Question& question);
absl::StatusOr<ScoreQuery> MakeQuery(RequestContext& context, const v1::QueryScoresRequest& request,
                                     const Question& question);
absl::StatusOr<StepQuery> MakeQuery(RequestContext& context, const v1::QueryFunnelRequest& request,
                                    const Question& question);
absl::StatusOr<GraphQuery> MakeQuery(RequestContext& context, const v1::QueryTransitionGraphRequest& request,
                                     const Question& question);
absl::StatusOr<VariantQuery> MakeQuery(RequestContext& context, const v1::QueryVariantsRequest& request,
                                       const Question& question);
absl::StatusOr<CohortQuery> MakeQuery(RequestContext& context, const v1::QueryCohortsRequest& request,
                                      const Question& question);
absl::StatusOr<StageQuery> MakeQuery(RequestContext& context, const v1::QueryStageTimesRequest& request,
                                     const Question& question);
absl::StatusOr<RevenueQuery> MakeQuery(RequestContext& context, const v1::QueryRevenueMovementsRequest& request,
                                       const Question& question);
absl::StatusOr<PurchaseQuery> MakeQuery(RequestContext& context, const v1::QueryPurchasesRequest& request,
                                        const Question& question);

// The events that groups are read from, of the questions that have a breakdown.
EventSelector GroupEvents(const VolumeQuery& query);
EventSelector GroupEvents(const ScoreQuery& query);
EventSelector GroupEvents(const StepQuery& query);
EventSelector GroupEvents(const CohortQuery& query);
EventSelector GroupEvents(const RevenueQuery& query);

// The `limit` customers with the lowest hash of their id, by id: those that are shown of many.
using PurchaseEntry = CustomerRows<PurchaseRow>::Entry;
std::vector<PurchaseEntry> SampleOf(std::vector<PurchaseEntry> entries, size_t limit);
v1::CustomerPurchases ToProto(const PurchaseEntry& entry, const Question& question);

// "2026-01".
absl::StatusOr<absl::CivilMonth> ToMonth(absl::string_view text, absl::string_view field);

}  // namespace throughline::api
