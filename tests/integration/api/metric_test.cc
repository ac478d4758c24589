// Definitions, attachments and values, customers and positions: one small company from events to numbers.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::SizeIs;

using Metrics = v1::MetricService::Stub;
using Customers = v1::CustomerService::Stub;

constexpr char kMap[] = "workspaces/w/journeyMaps/order";
constexpr char kAttachment[] = "workspaces/w/journeyMaps/order/metricAttachments/conversion";

class MetricTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::CreateJourneyMap, ParseProto<v1::CreateJourneyMapRequest>(R"pb(
                     parent: "workspaces/w"
                     journey_map_id: "order"
                     journey_map {
                       display_name: "Order"
                       phases { id: "buy" display_name: "Buy" }
                       touchpoints {
                         id: "place"
                         phase: "buy"
                         display_name: "Place"
                         event_binding { event_names: "placed" }
                       }
                       touchpoints {
                         id: "pay"
                         phase: "buy"
                         display_name: "Pay"
                         completes_journey: true
                         event_binding { event_names: "paid" }
                       }
                     })pb")));
    v1::PublishJourneyMapRequest publish;
    publish.set_name(kMap);
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::PublishJourneyMap, publish));
    ASSERT_OK(Call(workspaces_, &v1::WorkspaceService::Stub::CreateLifecycleStage,
                   ParseProto<v1::CreateLifecycleStageRequest>(R"pb(
                     parent: "workspaces/w"
                     lifecycle_stage_id: "purchase"
                     lifecycle_stage {
                       display_name: "Purchase"
                       position: 30
                       entry_rule { event_names: "paid" }
                     }
                   )pb")));
    RecordOrders();
  }
  void RecordOrders() {
    v1::RecordEventsRequest record;
    record.set_parent("workspaces/w");
    for (int customer = 0; customer < 10; ++customer) {
      for (const char* name : {"placed", "paid"}) {
        if (customer >= 4 && name[1] == 'a') continue;
        v1::CustomerEvent& event = *record.add_events();
        event.set_id(absl::StrCat(customer, name));
        event.set_source("shop");
        event.set_customer_id(absl::StrCat("c", customer));
        event.set_event_name(name);
        event.mutable_event_time()->set_seconds(name[1] == 'a' ? 1760000060 : 1760000000);
      }
    }
    ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, record));
  }
  absl::StatusOr<v1::MetricDefinition> Define(const std::string& definition) {
    auto request = ParseProto<v1::CreateMetricDefinitionRequest>(R"pb(parent: "workspaces/w"
                                                                      metric_definition_id: "conversion")pb");
    *request.mutable_metric_definition() = ParseProto<v1::MetricDefinition>(definition);
    return Call(metrics_, &Metrics::CreateMetricDefinition, request);
  }
  absl::StatusOr<v1::MetricAttachment> Attach(const std::string& attachment) {
    v1::CreateMetricAttachmentRequest request;
    request.set_parent(kMap);
    request.set_metric_attachment_id("conversion");
    *request.mutable_metric_attachment() = ParseProto<v1::MetricAttachment>(attachment);
    return Call(metrics_, &Metrics::CreateMetricAttachment, request);
  }
  absl::StatusOr<v1::MetricAttachment> AttachConversion() {
    return Attach(R"pb(metric_definition: "workspaces/w/metricDefinitions/conversion"
                       touchpoint: "place"
                       target_touchpoint: "pay")pb");
  }
  absl::StatusOr<v1::MetricValue> Value() {
    v1::GetMetricValueRequest request;
    request.set_name(absl::StrCat(kAttachment, "/value"));
    return Call(metrics_, &Metrics::GetMetricValue, request);
  }
};

TEST_F(MetricTest, Definition_HasDefaultsVersionAndUnit) {
  ASSERT_OK_AND_ASSIGN(const auto created, Define(R"pb(display_name: "Conversion" kind: CONVERSION version: 9)pb"));
  EXPECT_EQ(created.version(), 1);
  EXPECT_EQ(created.unit(), "share");
  EXPECT_EQ(created.min_n(), 30);
  EXPECT_EQ(created.confidence_level(), 0.95);
  v1::UpdateMetricDefinitionRequest update;
  update.mutable_metric_definition()->set_name(created.name());
  update.mutable_metric_definition()->set_min_n(5);
  ASSERT_OK_AND_ASSIGN(const auto updated, Call(metrics_, &Metrics::UpdateMetricDefinition, update));
  EXPECT_EQ(updated.version(), 2);
  update.mutable_metric_definition()->set_kind(v1::MetricDefinition::NPS);
  EXPECT_THAT(Call(metrics_, &Metrics::UpdateMetricDefinition, update),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("metric_definition.kind")));
}

TEST_F(MetricTest, Definition_BadNumbers_NameTheFields) {
  EXPECT_THAT(
      Define(R"pb(display_name: "C" kind: CONVERSION confidence_level: nan target: inf min_n: -1)pb"),
      AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("metric_definition.confidence_level"),
            HasFieldViolation("metric_definition.target"), HasFieldViolation("metric_definition.min_n")));
  EXPECT_THAT(Define(R"pb(display_name: "C")pb"), HasFieldViolation("metric_definition.kind"));
}

TEST_F(MetricTest, Attachment_ToWhatIsNotThere_IsRefused) {
  ASSERT_OK(Define(R"pb(display_name: "Conversion" kind: CONVERSION)pb"));
  EXPECT_THAT(Attach(R"pb(metric_definition: "workspaces/w/metricDefinitions/conversion"
                          touchpoint: "nowhere"
                          target_touchpoint: "pay")pb"),
              HasFieldViolation("metric_attachment.touchpoint"));
  EXPECT_THAT(Attach(R"pb(metric_definition: "workspaces/w/metricDefinitions/none"
                          touchpoint: "place"
                          target_touchpoint: "pay")pb"),
              HasFieldViolation("metric_attachment.metric_definition"));
}

TEST_F(MetricTest, Value_IsPendingUntilItIsComputed) {
  ASSERT_OK(Define(R"pb(display_name: "Conversion" kind: CONVERSION min_n: 5)pb"));
  EXPECT_THAT(Value(), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(AttachConversion());
  EXPECT_THAT(Value(), IsOkAndHolds(EqualsProto(R"pb(
                name: "workspaces/w/journeyMaps/order/metricAttachments/conversion/value"
                state: PENDING
                metric_definition: "workspaces/w/metricDefinitions/conversion"
              )pb")));

  const Revision pending = catalog_->LatestRevision();
  scheduler_->Start();
  ASSERT_TRUE(scheduler_->WaitUntilIdle(absl::Seconds(30)));
  ASSERT_OK_AND_ASSIGN(const v1::MetricValue value, Value());
  EXPECT_EQ(value.state(), v1::MetricValue::OK);
  EXPECT_EQ(value.value(), 0.4);
  EXPECT_EQ(value.n(), 10);
  EXPECT_EQ(value.definition_version(), 1);
  EXPECT_EQ(value.data_watermark(), 14);
  EXPECT_EQ(value.journey_map_version(), absl::StrCat(kMap, "/versions/1"));

  v1::ListMetricValuesRequest list;
  list.set_parent(kMap);
  ASSERT_OK_AND_ASSIGN(const auto page, Call(metrics_, &Metrics::ListMetricValues, list));
  ASSERT_THAT(page.metric_values(), SizeIs(1));
  EXPECT_THAT(page.metric_values(0), EqualsProto(value));
  // As of before it was computed, it was pending.
  list.set_read_revision(pending.value);
  EXPECT_EQ(Call(metrics_, &Metrics::ListMetricValues, list)->metric_values(0).state(), v1::MetricValue::PENDING);

  v1::DeleteMetricAttachmentRequest remove;
  remove.set_name(kAttachment);
  ASSERT_OK(Call(metrics_, &Metrics::DeleteMetricAttachment, remove));
  EXPECT_THAT(Value(), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(MetricTest, ListValues_IsPaged) {
  ASSERT_OK(Define(R"pb(display_name: "Volume" kind: VOLUME)pb"));
  for (int i = 0; i < 5; ++i) {
    v1::CreateMetricAttachmentRequest request;
    request.set_parent(kMap);
    request.set_metric_attachment_id(absl::StrCat("a", i));
    request.mutable_metric_attachment()->set_metric_definition("workspaces/w/metricDefinitions/conversion");
    request.mutable_metric_attachment()->set_whole_map(true);
    ASSERT_OK(Call(metrics_, &Metrics::CreateMetricAttachment, request));
  }
  v1::ListMetricValuesRequest request;
  request.set_parent(kMap);
  request.set_page_size(2);
  std::vector<int> sizes;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Call(metrics_, &Metrics::ListMetricValues, request));
    sizes.push_back(page.metric_values_size());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));
  request.set_page_token("x");
  EXPECT_THAT(Call(metrics_, &Metrics::ListMetricValues, request), HasReason("INVALID_PAGE_TOKEN"));
  request.set_page_token("");
  request.set_read_revision(-1);
  EXPECT_THAT(Call(metrics_, &Metrics::ListMetricValues, request), HasFieldViolation("read_revision"));
}

TEST_F(MetricTest, Attachment_OfADeletedMap_CannotBeWritten) {
  ASSERT_OK(Define(R"pb(display_name: "Conversion" kind: CONVERSION)pb"));
  v1::DeleteJourneyMapRequest remove;
  remove.set_name(kMap);
  ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::DeleteJourneyMap, remove));
  EXPECT_THAT(AttachConversion(), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_DELETED")));
  v1::UndeleteJourneyMapRequest undelete;
  undelete.set_name(kMap);
  ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::UndeleteJourneyMap, undelete));
  EXPECT_OK(AttachConversion());
}

// ---- Customers ------------------------------------------------------------------------------------------------------

TEST_F(MetricTest, Customer_HasItsLifecycleStage) {
  v1::GetCustomerRequest request;
  request.set_name("workspaces/w/customers/c0");
  ASSERT_OK_AND_ASSIGN(const v1::Customer customer, Call(customers_, &Customers::GetCustomer, request));
  EXPECT_THAT(customer, EqualsProto(R"pb(
                name: "workspaces/w/customers/c0"
                customer_id: "c0"
                first_event_time { seconds: 1760000000 }
                last_event_time { seconds: 1760000060 }
                event_count: 2
                lifecycle_stage: "workspaces/w/lifecycleStages/purchase"
              )pb"));
  request.set_name("workspaces/w/customers/nobody");
  EXPECT_THAT(Call(customers_, &Customers::GetCustomer, request), StatusIs(absl::StatusCode::kNotFound));
  request.set_name("workspaces/w/customers/%zz");
  EXPECT_THAT(Call(customers_, &Customers::GetCustomer, request),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("name")));
}

TEST_F(MetricTest, Customers_AreListedInPagesAndByFilter) {
  v1::ListCustomersRequest request;
  request.set_parent("workspaces/w");
  request.set_page_size(4);
  std::vector<std::string> ids;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Call(customers_, &Customers::ListCustomers, request));
    for (const v1::Customer& customer : page.customers()) ids.push_back(customer.customer_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"));
  request.set_page_size(50);
  request.set_filter("lifecycle_stage = \"purchase\"");
  EXPECT_THAT(Call(customers_, &Customers::ListCustomers, request)->customers(), SizeIs(4));
  request.set_filter("shoe_size > 4");
  EXPECT_THAT(Call(customers_, &Customers::ListCustomers, request), HasReason("INVALID_FILTER"));
}

TEST_F(MetricTest, Timeline_IsPagedAndKnowsTouchpointsAndStages) {
  v1::ListTimelineEntriesRequest request;
  request.set_parent("workspaces/w/customers/c0");
  request.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(const auto first, Call(customers_, &Customers::ListTimelineEntries, request));
  ASSERT_THAT(first.timeline_entries(), SizeIs(1));
  EXPECT_EQ(first.timeline_entries(0).event().event_name(), "placed");
  EXPECT_EQ(first.timeline_entries(0).touchpoints(0).touchpoint(), "place");
  EXPECT_EQ(first.timeline_entries(0).lifecycle_stage(), "");
  request.set_page_token(first.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto second, Call(customers_, &Customers::ListTimelineEntries, request));
  ASSERT_THAT(second.timeline_entries(), SizeIs(1));
  EXPECT_TRUE(second.timeline_entries(0).enters_lifecycle_stage());
  EXPECT_EQ(second.next_page_token(), "");
  request.set_parent("workspaces/w/customers/c1");
  EXPECT_THAT(Call(customers_, &Customers::ListTimelineEntries, request), HasReason("INVALID_PAGE_TOKEN"));
}

TEST_F(MetricTest, InstancesAndPositions_Agree) {
  v1::ListJourneyInstancesRequest request;
  request.set_parent("workspaces/w/customers/c0");
  ASSERT_OK_AND_ASSIGN(const auto page, Call(customers_, &Customers::ListJourneyInstances, request));
  ASSERT_THAT(page.journey_instances(), SizeIs(1));
  EXPECT_EQ(page.journey_instances(0).status(), v1::JourneyInstance::COMPLETED);
  EXPECT_EQ(page.journey_instances(0).position(), "pay");

  v1::GetJourneyMapPositionsRequest positions;
  positions.set_name(absl::StrCat(kMap, "/positions"));
  ASSERT_OK_AND_ASSIGN(const auto where, Call(customers_, &Customers::GetJourneyMapPositions, positions));
  EXPECT_EQ(where.instance_count(), 10);
  EXPECT_EQ(where.status_counts().completed(), 4);
  EXPECT_EQ(where.status_counts().active(), 6);
  positions.set_name("workspaces/w/journeyMaps/none/positions");
  EXPECT_THAT(Call(customers_, &Customers::GetJourneyMapPositions, positions), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace throughline::testing
