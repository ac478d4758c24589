// Customers, their timelines and runs, and where all runs through a map stand.
#include "services/customer/customers.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/api/handlers.h"
#include "services/api/page_token.h"
#include "services/api/resource_methods.h"
#include "services/base/status_macros.h"
#include "services/customer/instances.h"
#include "services/customer/lifecycle.h"
#include "services/customer/positions.h"
#include "services/customer/timeline.h"
#include "services/journey/published_maps.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"
#include "throughline/v1/customer_service.pb.h"

namespace throughline::api {
namespace {

// What every question about customers needs: the workspace as it is now.
struct WorkspaceState {
  std::string workspace_name;
  std::shared_ptr<const EventView> view;
  Lifecycle lifecycle;
};

absl::StatusOr<WorkspaceState> ReadWorkspace(const Backend& backend, absl::string_view workspace_id) {
  WorkspaceState state;
  state.workspace_name = MakeWorkspaceName(workspace_id);
  RETURN_IF_ERROR(CheckWorkspace(backend, state.workspace_name, /*for_writing=*/false));
  ASSIGN_OR_RETURN(const auto reader, backend.catalog.Read());
  ASSIGN_OR_RETURN(state.lifecycle, ReadLifecycle(*reader, state.workspace_name));
  ASSIGN_OR_RETURN(state.view, backend.events.View(workspace_id));
  return state;
}

// Where a page of customers or runs begins: places that events only ever add to, at the end.
template <typename Request>
absl::StatusOr<int64_t> PageOffset(RequestContext& context, const Request& request) {
  if (request.page_token().empty()) return 0;
  ASSIGN_OR_RETURN(const PagePosition position, context.backend().page_tokens.Decode(request, request.page_token()));
  int64_t offset = 0;
  if (!absl::SimpleAtoi(position.after, &offset)) return InvalidPageToken();
  return offset;
}

template <typename Request>
std::string OffsetToken(RequestContext& context, const Request& request, const EventView& view, int64_t offset) {
  return context.backend().page_tokens.Encode(request,
                                              {.snapshot = view.watermark().value, .after = absl::StrCat(offset)});
}

absl::StatusOr<v1::Customer> GetCustomer(RequestContext& context, const v1::GetCustomerRequest& request) {
  ASSIGN_OR_RETURN(const CustomerName name, ParseCustomerName(request.name()));
  ASSIGN_OR_RETURN(const WorkspaceState state, ReadWorkspace(context.backend(), name.workspace));
  return throughline::GetCustomer(*state.view, state.lifecycle, state.workspace_name, name.customer_id, context.now(),
                                  context.patience());
}

absl::StatusOr<v1::ListCustomersResponse> ListCustomers(RequestContext& context,
                                                        const v1::ListCustomersRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName parent, ParseWorkspaceName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const Filter filter, Filter::ParseAndCheck(request.filter(), CustomerFilterFields()));
  ASSIGN_OR_RETURN(const int64_t from, PageOffset(context, request));
  ASSIGN_OR_RETURN(const WorkspaceState state, ReadWorkspace(context.backend(), parent.workspace));
  ASSIGN_OR_RETURN(CustomerPage page,
                   throughline::ListCustomers(*state.view, state.lifecycle, state.workspace_name, filter, from,
                                              page_size, context.now(), context.patience()));
  v1::ListCustomersResponse response;
  for (v1::Customer& customer : page.customers) *response.add_customers() = std::move(customer);
  if (page.next_ordinal.has_value()) {
    response.set_next_page_token(OffsetToken(context, request, *state.view, *page.next_ordinal));
  }
  return response;
}

absl::StatusOr<v1::ListTimelineEntriesResponse> ListTimelineEntries(RequestContext& context,
                                                                    const v1::ListTimelineEntriesRequest& request) {
  ASSIGN_OR_RETURN(const CustomerName parent, ParseCustomerName(request.parent(), "parent"));
  TimelineRequest line;
  line.customer_id = parent.customer_id;
  ASSIGN_OR_RETURN(line.page_size, EffectivePageSize(request.page_size()));
  ASSIGN_OR_RETURN(line.filter, Filter::ParseAndCheck(request.filter(), EventFilterFields()));
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(PagePosition position, context.backend().page_tokens.Decode(request, request.page_token()));
    line.cursor = std::move(position.after);
  }
  ASSIGN_OR_RETURN(const WorkspaceState state, ReadWorkspace(context.backend(), parent.workspace));
  ASSIGN_OR_RETURN(const auto maps, context.backend().published_maps.List(state.workspace_name));
  ASSIGN_OR_RETURN(TimelinePage page,
                   throughline::ListTimelineEntries(*state.view, state.lifecycle, maps, state.workspace_name, line));
  v1::ListTimelineEntriesResponse response;
  for (v1::TimelineEntry& entry : page.entries) *response.add_timeline_entries() = std::move(entry);
  if (!page.next_cursor.empty()) {
    response.set_next_page_token(context.backend().page_tokens.Encode(
        request, {.snapshot = state.view->watermark().value, .after = std::move(page.next_cursor)}));
  }
  return response;
}

absl::StatusOr<v1::ListJourneyInstancesResponse> ListJourneyInstances(RequestContext& context,
                                                                      const v1::ListJourneyInstancesRequest& request) {
  ASSIGN_OR_RETURN(const CustomerName parent, ParseCustomerName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const int64_t from, PageOffset(context, request));
  ASSIGN_OR_RETURN(const WorkspaceState state, ReadWorkspace(context.backend(), parent.workspace));
  ASSIGN_OR_RETURN(const auto maps, context.backend().published_maps.List(state.workspace_name));
  ASSIGN_OR_RETURN(InstancePage page,
                   throughline::ListJourneyInstances(*state.view, maps, state.workspace_name, parent.customer_id, from,
                                                     page_size, context.now()));
  v1::ListJourneyInstancesResponse response;
  for (v1::JourneyInstance& instance : page.instances) *response.add_journey_instances() = std::move(instance);
  if (page.next_offset.has_value()) {
    response.set_next_page_token(OffsetToken(context, request, *state.view, *page.next_offset));
  }
  return response;
}

// Waits for the store, which goes on where the client does not.
absl::StatusOr<ErasureResult> EraseAndWait(RequestContext& context, const CustomerName& name) {
  constexpr auto kPoll = std::chrono::milliseconds(20);
  const auto promise = std::make_shared<std::promise<absl::StatusOr<ErasureResult>>>();
  std::future<absl::StatusOr<ErasureResult>> future = promise->get_future();
  context.backend().events.Erase(name.workspace, name.customer_id, [promise](absl::StatusOr<ErasureResult> result) {
    promise->set_value(std::move(result));
  });
  while (future.wait_for(kPoll) != std::future_status::ready) RETURN_IF_ERROR(context.CheckAlive());
  return future.get();
}

absl::StatusOr<v1::EraseCustomerResponse> EraseCustomer(RequestContext& context,
                                                        const v1::EraseCustomerRequest& request) {
  ASSIGN_OR_RETURN(const CustomerName name, ParseCustomerName(request.name()));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), MakeWorkspaceName(name.workspace), /*for_writing=*/true));
  ASSIGN_OR_RETURN(const ErasureResult erased, EraseAndWait(context, name));
  // Nobody of this name, and no earlier erasure that this call has waited for.
  if (erased.events == 0 && erased.watermark.value == 0) return ResourceNotFound(request.name());
  v1::EraseCustomerResponse response;
  response.set_erased_event_count(erased.events);
  response.set_erased_customer_count(static_cast<int32_t>(erased.customer_ids.size()));
  response.set_data_watermark(erased.watermark.value);
  return response;
}

absl::StatusOr<v1::JourneyMapPositions> GetJourneyMapPositions(RequestContext& context,
                                                               const v1::GetJourneyMapPositionsRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapPositionsName name, ParseJourneyMapPositionsName(request.name()));
  ASSIGN_OR_RETURN(const auto map, context.backend().published_maps.Find(name.JourneyMapResource()));
  ASSIGN_OR_RETURN(const auto view, context.backend().events.View(name.workspace));
  return throughline::GetJourneyMapPositions(*view, *map, context.now());
}

absl::StatusOr<v1::ListIdentityEdgesResponse> ListIdentityEdges(RequestContext& context,
                                                                const v1::ListIdentityEdgesRequest& request) {
  ASSIGN_OR_RETURN(const CustomerName parent, ParseCustomerName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const int64_t from, PageOffset(context, request));
  ASSIGN_OR_RETURN(const WorkspaceState state, ReadWorkspace(context.backend(), parent.workspace));
  // One more tells whether there is another page.
  ASSIGN_OR_RETURN(
      std::vector<IdentityEdge> edges,
      throughline::ListIdentityEdges(*state.view, state.workspace_name, parent.customer_id, from, page_size + 1));
  v1::ListIdentityEdgesResponse response;
  if (edges.size() > static_cast<size_t>(page_size)) {
    edges.pop_back();
    response.set_next_page_token(OffsetToken(context, request, *state.view, from + page_size));
  }
  for (const IdentityEdge& edge : edges) *response.add_identity_edges() = ToProto(edge);
  return response;
}

}  // namespace

void AddCustomerMethods(RpcService& service) {
  service.AddUnary("GetCustomer", &GetCustomer);
  service.AddUnary("ListCustomers", &ListCustomers);
  service.AddUnary("ListTimelineEntries", &ListTimelineEntries);
  service.AddUnary("ListJourneyInstances", &ListJourneyInstances);
  service.AddUnary("ListIdentityEdges", &ListIdentityEdges);
  service.AddUnary("EraseCustomer", &EraseCustomer);
  service.AddUnary("GetJourneyMapPositions", &GetJourneyMapPositions);
}

}  // namespace throughline::api
