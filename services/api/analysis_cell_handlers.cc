// Who is behind a number: the customers of one cell of an answer.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/page_token.h"
#include "services/api/resource_methods.h"
#include "services/base/status_macros.h"
#include "services/events/cell_customers.h"
#include "throughline/calendar.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

using Request = v1::QueryCellCustomersRequest;

// ---- Places ---------------------------------------------------------------------------------------------------------

// The cell's field of the request must be `number`, the one of its question.
absl::Status CheckCell(const Request& request, int number, bool required = true) {
  const google::protobuf::Descriptor& type = *Request::descriptor();
  const std::string& expected = type.FindFieldByNumber(number)->name();
  if (request.cell_case() == number) return absl::OkStatus();
  if (request.cell_case() == Request::CELL_NOT_SET) return required ? MissingField(expected) : absl::OkStatus();
  return InvalidField(type.FindFieldByNumber(request.cell_case())->name(),
                      absl::StrCat("is of another question; this one takes ", expected));
}

// What is no cell, by the request's names.
absl::StatusOr<CustomerCell> Named(const Request& request, absl::StatusOr<CustomerCell> cell) {
  const auto* place = Request::descriptor()->FindFieldByNumber(request.cell_case());
  FieldViolations violations;
  for (const FieldViolation& violation : GetFieldViolations(cell.status())) {
    const bool of_group = violation.field == "group" || place == nullptr;
    violations.Add(of_group ? "group_values" : FieldPath(place->name(), violation.field), violation.description);
  }
  if (violations.empty()) return cell;
  return violations.ToStatus();
}

// The place in a list, from 0, of a number from 1.
absl::StatusOr<size_t> ToPlace(int32_t number, absl::string_view field) {
  if (number == 0) return MissingField(field);
  if (number < 0) return InvalidField(field, "is counted from 1");
  return static_cast<size_t>(number) - 1;
}

absl::StatusOr<absl::CivilDay> ToDay(const std::string& text, absl::string_view field) {
  absl::CivilDay day;
  if (text.empty()) return MissingField(field);
  if (!absl::ParseCivilTime(text, &day) ||
      absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day()) != text) {
    return InvalidField(field, "must be a day such as 2026-01-31");
  }
  return day;
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, VolumeQuery query, GroupKey group) {
  if (request.cell_case() != Request::CELL_NOT_SET) {
    const auto* field = Request::descriptor()->FindFieldByNumber(request.cell_case());
    return InvalidField(field->name(), "is of another question; `volume` takes none");
  }
  return Named(request, CustomerCell::Of(std::move(query), std::move(group)));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, ScoreQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kScoreCellFieldNumber));
  const v1::ScoreCell& asked = request.score_cell();
  ScoreCell cell;
  switch (asked.answer()) {
    case v1::ScoreCell::ANSWER_UNSPECIFIED:
    case v1::ScoreCell::SCORES:
      cell.score_min = asked.score_min();
      cell.score_max = asked.score_max();
      if (cell.score_min < 0) return InvalidField("score_cell.score_min", "must be 0 to 100");
      if (cell.score_max < cell.score_min || cell.score_max > ScoreHistogram::kScoreMax) {
        return InvalidField("score_cell.score_max", "must be score_min to 100");
      }
      break;
    case v1::ScoreCell::OTHER:
      cell.other = true;
      break;
    case v1::ScoreCell::MISSING:
      cell.missing = true;
      break;
    default:
      return InvalidField("score_cell.answer", "must be SCORES, OTHER or MISSING");
  }
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, StepQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kFunnelCellFieldNumber));
  const v1::FunnelCell& asked = request.funnel_cell();
  StepCell cell;
  ASSIGN_OR_RETURN(cell.step, ToPlace(asked.step(), "funnel_cell.step"));
  if (asked.progress() < v1::FunnelCell::PROGRESS_UNSPECIFIED || asked.progress() > v1::FunnelCell::LOST) {
    return InvalidField("funnel_cell.progress", "must be TOOK or LOST");
  }
  cell.lost = asked.progress() == v1::FunnelCell::LOST;
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, GraphQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kTransitionGraphCellFieldNumber));
  const v1::TransitionGraphCell& asked = request.transition_graph_cell();
  if (!asked.has_to_event_name()) return MissingField("transition_graph_cell.to_event_name");
  GraphCell cell{std::nullopt, asked.to_event_name()};
  if (asked.has_from_event_name()) cell.from = asked.from_event_name();
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), std::move(cell)));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, VariantQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kVariantCellFieldNumber));
  const auto& symbols = request.variant_cell().symbols();
  return Named(request, CustomerCell::Of(std::move(query), std::move(group),
                                         VariantCounts::Variant(symbols.begin(), symbols.end())));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, CohortQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kCohortMatrixCellFieldNumber));
  const v1::CohortMatrixCell& asked = request.cohort_matrix_cell();
  CohortCell cell;
  ASSIGN_OR_RETURN(cell.cohort, ToDay(asked.start_day(), "cohort_matrix_cell.start_day"));
  if (PeriodOf(cell.cohort, query.unit) != cell.cohort) {
    return InvalidField("cohort_matrix_cell.start_day", "must be the first day of a period");
  }
  if (asked.has_period()) cell.period = asked.period();
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, StageQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kStageTimeCellFieldNumber));
  const v1::StageTimeCell& asked = request.stage_time_cell();
  StageCell cell;
  ASSIGN_OR_RETURN(cell.stage, ToPlace(asked.stage(), "stage_time_cell.stage"));
  switch (asked.state()) {
    case v1::StageTimeCell::STATE_UNSPECIFIED:
    case v1::StageTimeCell::ENTERED:
      break;
    case v1::StageTimeCell::ENDED:
      cell.state = StageCell::State::kEnded;
      break;
    case v1::StageTimeCell::INSIDE:
      cell.state = StageCell::State::kInside;
      break;
    default:
      return InvalidField("stage_time_cell.state", "must be ENTERED, ENDED or INSIDE");
  }
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, RevenueQuery query, GroupKey group) {
  using Month = RevenueMovements::Month;
  constexpr int64_t Month::*kNumbers[] = {nullptr,
                                          &Month::start_customers,
                                          &Month::fresh_customers,
                                          &Month::reactivated_customers,
                                          &Month::expanded_customers,
                                          &Month::contracted_customers,
                                          &Month::churned_customers,
                                          &Month::end_customers};
  static_assert(std::size(kNumbers) == v1::RevenueCell::Movement_MAX + 1);
  RETURN_IF_ERROR(CheckCell(request, Request::kRevenueCellFieldNumber));
  const v1::RevenueCell& asked = request.revenue_cell();
  if (asked.month().empty()) return MissingField("revenue_cell.month");
  ASSIGN_OR_RETURN(const absl::CivilMonth month, ToMonth(asked.month(), "revenue_cell.month"));
  if (month < query.first_month || month - query.first_month >= query.month_count) {
    return InvalidField("revenue_cell.month", "is none of the question's months");
  }
  if (asked.movement() == v1::RevenueCell::MOVEMENT_UNSPECIFIED) return MissingField("revenue_cell.movement");
  if (!v1::RevenueCell::Movement_IsValid(asked.movement())) {
    return InvalidField("revenue_cell.movement",
                        "must be START, FRESH, REACTIVATED, EXPANDED, CONTRACTED, CHURNED or END");
  }
  const RevenueCell cell{static_cast<size_t>(month - query.first_month), kNumbers[asked.movement()]};
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<CustomerCell> ToCell(const Request& request, PurchaseQuery query, GroupKey group) {
  RETURN_IF_ERROR(CheckCell(request, Request::kPurchaseCellFieldNumber, /*required=*/false));
  const v1::PurchaseCell& asked = request.purchase_cell();
  PurchaseCell cell;
  if (asked.day_count_min() < 0) return InvalidField("purchase_cell.day_count_min", "must not be negative");
  if (asked.day_count_min() > 0) cell.days_min = asked.day_count_min();
  if (asked.day_count_max() != 0) cell.days_max = asked.day_count_max();
  if (cell.days_max < cell.days_min) {
    return InvalidField("purchase_cell.day_count_max", "must not be below day_count_min");
  }
  return Named(request, CustomerCell::Of(std::move(query), std::move(group), cell));
}

absl::StatusOr<GroupKey> ToGroup(const google::protobuf::RepeatedPtrField<v1::GroupValue>& values) {
  GroupKey key;
  for (int i = 0; i < values.size(); ++i) {
    switch (values[i].kind()) {
      case v1::GroupValue::VALUE:
        key.push_back({GroupValue::Kind::kValue, values[i].value()});
        break;
      case v1::GroupValue::MISSING:
        key.push_back({GroupValue::Kind::kMissing, ""});
        break;
      case v1::GroupValue::OTHER:
        key.push_back({GroupValue::Kind::kOther, ""});
        break;
      default:
        return InvalidField(FieldPath(FieldPath("group_values", static_cast<size_t>(i)), "kind"),
                            "must be VALUE, MISSING or OTHER");
    }
  }
  return key;
}

// ---- Pages ----------------------------------------------------------------------------------------------------------

// Where a page begins, and of what.
struct PageStart {
  int64_t ordinal = 0;
  int64_t known_at = 0;  // 0: as the question says
  absl::Time now;
};

absl::StatusOr<PageStart> ToPageStart(RequestContext& context, const Request& request) {
  // Whole microseconds, as the token of the next page has it.
  if (request.page_token().empty()) return PageStart{0, 0, absl::FromUnixMicros(absl::ToUnixMicros(context.now()))};
  ASSIGN_OR_RETURN(const PagePosition position, context.backend().page_tokens.Decode(request, request.page_token()));
  const std::vector<absl::string_view> parts = absl::StrSplit(position.after, ' ');
  PageStart start{0, position.snapshot, {}};
  int64_t now_micros = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &start.ordinal) || !absl::SimpleAtoi(parts[1], &now_micros)) {
    return InvalidPageToken();
  }
  start.now = absl::FromUnixMicros(now_micros);
  return start;
}

std::string ToPageToken(RequestContext& context, const Request& request, const PageStart& next) {
  return context.backend().page_tokens.Encode(
      request, {.snapshot = next.known_at, .after = absl::StrCat(next.ordinal, " ", absl::ToUnixMicros(next.now))});
}

// ---- Questions ------------------------------------------------------------------------------------------------------

struct OpenedCell {
  std::shared_ptr<const EventView> view;
  CustomerCell cell;
};

// The question that a cell is of, and the query that it is. `group` is planned for, if it is not empty.
template <typename Asked>
auto OpenQuery(RequestContext& context, const Asked& asked, const PageStart& start, const GroupKey& group,
               Question& question) -> decltype(MakeQuery(context, asked, question)) {
  ASSIGN_OR_RETURN(question, OpenQuestion(context, asked, start.now));
  ASSIGN_OR_RETURN(auto query, MakeQuery(context, asked, question));
  if constexpr (requires { asked.breakdown(); }) {
    if (!group.empty()) {
      ASSIGN_OR_RETURN(query.scope.breakdown,
                       PlanGroup(context, question, asked.breakdown(), GroupEvents(query), group));
    }
  }
  return query;
}

template <typename Asked>
absl::StatusOr<OpenedCell> Open(RequestContext& context, const Request& request, const PageStart& start, Asked asked) {
  const std::string& name = Request::descriptor()->FindFieldByNumber(request.question_case())->name();
  if (!asked.parent().empty() && asked.parent() != request.parent()) {
    return InvalidField(FieldPath(name, "parent"), absl::StrCat("must be empty or ", request.parent()));
  }
  asked.set_parent(request.parent());
  if (start.known_at > 0) asked.set_known_at(start.known_at);
  ASSIGN_OR_RETURN(const GroupKey group, ToGroup(request.group_values()));
  if constexpr (requires { asked.breakdown(); }) {
    if (!group.empty() && asked.breakdown_size() != request.group_values_size()) {
      return InvalidField("group_values", absl::StrCat("has ", group.size(), " values for ", asked.breakdown_size(),
                                                       " dimensions of the breakdown"));
    }
  }
  Question question;
  auto query = OpenQuery(context, asked, start, group, question);
  if (!query.ok()) return WithFieldPrefix(name, query.status());
  ASSIGN_OR_RETURN(CustomerCell cell, ToCell(request, *std::move(query), group));
  return OpenedCell{question.view, std::move(cell)};
}

absl::StatusOr<OpenedCell> Open(RequestContext& context, const Request& request, const PageStart& start) {
  switch (request.question_case()) {
    case Request::kVolume:
      return Open(context, request, start, request.volume());
    case Request::kScores:
      return Open(context, request, start, request.scores());
    case Request::kFunnel:
      return Open(context, request, start, request.funnel());
    case Request::kTransitionGraph:
      return Open(context, request, start, request.transition_graph());
    case Request::kVariants:
      return Open(context, request, start, request.variants());
    case Request::kCohorts:
      return Open(context, request, start, request.cohorts());
    case Request::kStageTimes:
      return Open(context, request, start, request.stage_times());
    case Request::kRevenueMovements:
      return Open(context, request, start, request.revenue_movements());
    case Request::kPurchases:
      return Open(context, request, start, request.purchases());
    case Request::QUESTION_NOT_SET:
      break;
  }
  return MissingField("question");
}

absl::StatusOr<v1::QueryCellCustomersResponse> QueryCellCustomers(RequestContext& context, const Request& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  ASSIGN_OR_RETURN(PageStart start, ToPageStart(context, request));
  ASSIGN_OR_RETURN(const OpenedCell opened, Open(context, request, start));
  ASSIGN_OR_RETURN(const CellCustomerPage page, FindCellCustomers(*opened.view, opened.cell, start.ordinal, page_size));
  v1::QueryCellCustomersResponse response;
  for (const CustomerSummary& found : page.customers) {
    v1::CellCustomer& customer = *response.add_customers();
    customer.set_customer(MakeCustomerName(workspace.workspace, found.customer_id));
    customer.set_event_count(found.event_count);
    *customer.mutable_first_event_time() = ToTimestamp(found.first_event_time);
    *customer.mutable_last_event_time() = ToTimestamp(found.last_event_time);
  }
  response.set_data_watermark(opened.view->watermark().value);
  if (page.next_ordinal.has_value()) {
    start.ordinal = *page.next_ordinal;
    start.known_at = opened.view->watermark().value;
    response.set_next_page_token(ToPageToken(context, request, start));
  }
  return response;
}

}  // namespace

void AddAnalysisCellMethods(RpcService& service) { service.AddUnary("QueryCellCustomers", &QueryCellCustomers); }

}  // namespace throughline::api
