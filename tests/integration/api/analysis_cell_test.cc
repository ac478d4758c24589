// QueryCellCustomers: who is behind the numbers of each question, on customers that can be counted by hand.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AnalysisCellTest : public AnalysisTest {
 protected:
  // The ids of all customers, read in pages of one.
  std::vector<std::string> Who(const std::string& text) {
    std::vector<std::string> ids;
    std::string token;
    do {
      const auto page = Customers(absl::StrCat(text, " page_size: 1 page_token: '", token, "'"));
      EXPECT_OK(page);
      if (!page.ok()) break;
      EXPECT_LE(page->customers_size(), 1);
      for (const v1::CellCustomer& customer : page->customers()) {
        ids.push_back(customer.customer().substr(std::string("workspaces/w/customers/").size()));
      }
      token = page->next_page_token();
    } while (!token.empty() && ids.size() < 100);
    return ids;
  }
};

std::string FunnelOf(const std::string& more = "") { return absl::StrCat("funnel { ", kSteps, more, " } "); }

TEST_F(AnalysisCellTest, Funnel_TookAStep_AndWereLostThere) {
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(kSteps));
  ASSERT_THAT(Counts(funnel.steps()), ElementsAre(3, 2, 1));
  EXPECT_THAT(Who(FunnelOf() + "funnel_cell { step: 1 }"), ElementsAre("c1", "c2", "c3"));
  EXPECT_THAT(Who(FunnelOf() + "funnel_cell { step: 2 progress: TOOK }"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(FunnelOf() + "funnel_cell { step: 3 }"), ElementsAre("c1"));
  EXPECT_THAT(Who(FunnelOf() + "funnel_cell { step: 1 progress: LOST }"), ElementsAre("c3"));
  EXPECT_THAT(Who(FunnelOf() + "funnel_cell { step: 2 progress: LOST }"), ElementsAre("c2"));
  const std::string optional = FunnelOf("step_rules {} step_rules { optional: true }");
  EXPECT_THAT(Who(optional + "funnel_cell { step: 1 progress: LOST }"), ElementsAre("c2", "c3"))
      << "who did not come to the next step that cannot be left out";
}

TEST_F(AnalysisCellTest, Groups_AreThoseOfTheAnswer) {
  const std::string by_channel = FunnelOf(R"(breakdown { field: "channel" })");
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, R"(breakdown { field: "channel" })")));
  ASSERT_EQ(funnel.groups(1).values(0).value(), "web");
  ASSERT_THAT(Counts(funnel.groups(1).steps()), ElementsAre(2, 1, 1));
  const std::string web = R"(group_values { kind: VALUE value: "web" } )";
  EXPECT_THAT(Who(by_channel + web + "funnel_cell { step: 1 }"), ElementsAre("c1", "c3"));
  EXPECT_THAT(Who(by_channel + web + "funnel_cell { step: 2 }"), ElementsAre("c1"));
  EXPECT_THAT(Who(by_channel + "funnel_cell { step: 2 }"), ElementsAre("c1", "c2")) << "of the whole";
  const std::string volume = R"(volume { breakdown { field: "channel" value_limit: 1 } } )";
  EXPECT_THAT(Who(volume + R"(group_values { kind: VALUE value: "phone" })"), ElementsAre("c2"));
  EXPECT_THAT(Who(volume + "group_values { kind: OTHER }"), ElementsAre("c1", "c3"));
  EXPECT_THAT(Who(volume + "group_values { kind: MISSING }"), ElementsAre("c1", "c2", "c4"));
  CreateMap("order", /*publish=*/true);
  EXPECT_THAT(Who(R"(volume { breakdown { journey_map: "workspaces/w/journeyMaps/order" }
                              breakdown { calendar { unit: MONTH } } }
                     group_values { kind: VALUE value: "pay" }
                     group_values { kind: VALUE value: "2025-02-01" })"),
              ElementsAre("c2"));
}

TEST_F(AnalysisCellTest, Graph_EdgesAndNodes) {
  ASSERT_OK_AND_ASSIGN(const auto graph, Graph(""));
  ASSERT_EQ(graph.edges(0).to_event_name(), "paid");
  ASSERT_EQ(graph.edges(0).count(), 3);
  EXPECT_THAT(Who(R"(transition_graph {}
                     transition_graph_cell { from_event_name: "placed" to_event_name: "paid" })"),
              ElementsAre("c1", "c2"))
      << "c2 twice";
  EXPECT_THAT(Who(R"(transition_graph {} transition_graph_cell { to_event_name: "rated" })"),
              ElementsAre("c1", "c2", "c4"));
  EXPECT_THAT(Who(R"(transition_graph { filter: "event_name != \"paid\"" }
                     transition_graph_cell { from_event_name: "placed" to_event_name: "delivered" })"),
              ElementsAre("c1"));
  EXPECT_THAT(Who(R"(transition_graph {} transition_graph_cell { to_event_name: "never" })"), IsEmpty());
}

TEST_F(AnalysisCellTest, Variants_EachListsAsManyAsTake_It) {
  ASSERT_OK_AND_ASSIGN(const auto variants, Variants("length: 2"));
  for (const v1::RunVariant& variant : variants.variants()) {
    std::string cell = "variants { length: 2 } variant_cell { ";
    for (const std::string& symbol : variant.symbols()) absl::StrAppend(&cell, "symbols: '", symbol, "' ");
    EXPECT_THAT(Who(cell + "}"), SizeIs(static_cast<size_t>(variant.instance_count()))) << cell;
  }
  EXPECT_THAT(Who(R"(variants { length: 2 } variant_cell { symbols: [ "placed", "paid" ] })"), ElementsAre("c1", "c2"));
}

TEST_F(AnalysisCellTest, Cohorts_WholeAndByPeriod) {
  const std::string question = R"(cohorts { entry { event_names: "placed" } period { unit: MONTH } } )";
  EXPECT_THAT(Who(question + R"(cohort_matrix_cell { start_day: "2025-01-01" })"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(question + R"(cohort_matrix_cell { start_day: "2025-01-01" period: 0 })"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(question + R"(cohort_matrix_cell { start_day: "2025-01-01" period: 1 })"), ElementsAre("c2"));
  EXPECT_THAT(Who(question + R"(cohort_matrix_cell { start_day: "2025-02-01" })"), ElementsAre("c3"));
}

TEST_F(AnalysisCellTest, StageTimes_EnteredEndedAndInside) {
  const std::string question = R"(stage_times { stages { event_names: [ "placed", "paid" ] }
                                                stages { event_names: "delivered" }
                                                stages { event_names: "rated" } } )";
  EXPECT_THAT(Who(question + "stage_time_cell { stage: 1 }"), ElementsAre("c1", "c2", "c3"));
  EXPECT_THAT(Who(question + "stage_time_cell { stage: 1 state: ENDED }"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(question + "stage_time_cell { stage: 1 state: INSIDE }"), ElementsAre("c3"));
  EXPECT_THAT(Who(question + "stage_time_cell { stage: 3 state: INSIDE }"), ElementsAre("c1", "c2", "c4"));
}

TEST_F(AnalysisCellTest, ScoresAndVolume) {
  EXPECT_THAT(Who("scores {} score_cell { score_min: 0 score_max: 7 }"), ElementsAre("c2"));
  EXPECT_THAT(Who("scores {} score_cell { score_min: 0 score_max: 100 }"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who("scores {} score_cell { answer: OTHER }"), ElementsAre("c4"));
  EXPECT_THAT(Who(R"(scores { events { event_names: "viewed" } } score_cell { answer: MISSING })"), ElementsAre("c4"));
  EXPECT_THAT(Who("volume {}"), ElementsAre("c1", "c2", "c3", "c4"));
  EXPECT_THAT(Who(R"(volume { events { event_names: "paid" } })"), ElementsAre("c1", "c2"));
}

TEST_F(AnalysisCellTest, RevenueAndPurchases) {
  const std::string revenue = R"(revenue_movements { currency_code: "EUR" first_month: "2025-01" month_count: 3 } )";
  EXPECT_THAT(Who(revenue + R"(revenue_cell { month: "2025-01" movement: FRESH })"), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(revenue + R"(revenue_cell { month: "2025-02" movement: CHURNED })"), ElementsAre("c1"));
  EXPECT_THAT(Who(revenue + R"(revenue_cell { month: "2025-02" movement: EXPANDED })"), ElementsAre("c2"));
  EXPECT_THAT(Who(revenue + R"(revenue_cell { month: "2025-03" movement: CHURNED })"), ElementsAre("c2"));
  EXPECT_THAT(Who(revenue + R"(revenue_cell { month: "2025-03" movement: END })"), IsEmpty());
  const std::string purchases = R"(purchases { purchase { event_names: "paid" } } )";
  EXPECT_THAT(Who(purchases), ElementsAre("c1", "c2"));
  EXPECT_THAT(Who(purchases + "purchase_cell { day_count_max: 1 }"), ElementsAre("c1"));
  EXPECT_THAT(Who(purchases + "purchase_cell { day_count_min: 2 }"), ElementsAre("c2"));
}

TEST_F(AnalysisCellTest, CustomersSayWhatTheyHave) {
  ASSERT_OK_AND_ASSIGN(const auto page, Customers(R"(volume { events { event_names: "delivered" } })"));
  EXPECT_THAT(page, EqualsProto(R"pb(customers {
                                       customer: "workspaces/w/customers/c1"
                                       event_count: 4
                                       first_event_time { seconds: 1736071200 }
                                       last_event_time { seconds: 1736330400 }
                                     }
                                     data_watermark: 12)pb"));
  v1::ListTimelineEntriesRequest line;
  line.set_parent(page.customers(0).customer());
  ASSERT_OK_AND_ASSIGN(const auto entries, Call(customers_, &v1::CustomerService::Stub::ListTimelineEntries, line));
  EXPECT_EQ(entries.timeline_entries_size(), 4) << "from a number down to the events";
}

TEST_F(AnalysisCellTest, Pages_AreOfTheSameEventsAndTheSamePresent) {
  const std::string question =
      R"(purchases { purchase { event_names: "placed" } } purchase_cell { day_count_max: 1 } )";
  ASSERT_OK_AND_ASSIGN(const auto first, Customers(question + "page_size: 1"));
  ASSERT_THAT(first.customers(), SizeIs(1));
  ASSERT_EQ(first.customers(0).customer(), "workspaces/w/customers/c1");
  // A new customer, and a second purchase of the one that the next page shows.
  v1::RecordEventsRequest more;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(R"({"parent": "workspaces/w", "events": [
    {"id": "20", "source": "s", "customerId": "c3", "eventTime": "2025-06-01T00:00:00Z", "eventName": "placed"},
    {"id": "21", "source": "s", "customerId": "c5", "eventTime": "2025-06-01T00:00:00Z", "eventName": "placed"}]})",
                                                          &more)
                  .ok());
  ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, more));
  ASSERT_OK_AND_ASSIGN(const auto second,
                       Customers(absl::StrCat(question, "page_size: 5 page_token: '", first.next_page_token(), "'")));
  ASSERT_THAT(second.customers(), SizeIs(1));
  EXPECT_EQ(second.customers(0).customer(), "workspaces/w/customers/c3");
  EXPECT_EQ(second.customers(0).event_count(), 1);
  EXPECT_EQ(second.data_watermark(), 12);
  EXPECT_EQ(second.next_page_token(), "");
  EXPECT_THAT(Who(question), ElementsAre("c1", "c5")) << "asked anew";
  EXPECT_THAT(Who(R"(volume { known_at: 5 })"), ElementsAre("c1", "c2"));
}

TEST_F(AnalysisCellTest, QuestionsOfBadInput_NameTheirField) {
  EXPECT_THAT(Customers(""), Refuses("question"));
  EXPECT_THAT(Customers(R"(parent: "w" volume {})"), Refuses("parent"));
  EXPECT_THAT(Customers(R"(volume { parent: "workspaces/other" })"), Refuses("volume.parent"));
  EXPECT_OK(Customers(R"(volume { parent: "workspaces/w" })"));
  EXPECT_THAT(Customers(R"(volume { filter: "colour = 3" })"), Refuses("volume.filter"));
  EXPECT_THAT(Customers("funnel { steps {} } funnel_cell { step: 1 }"), Refuses("funnel.steps[0]"));
  EXPECT_THAT(Customers("funnel {} funnel_cell { step: 1 }"), Refuses("funnel.steps"));
  EXPECT_THAT(Customers("cohorts {} cohort_matrix_cell {}"), Refuses("cohorts.entry"));
  EXPECT_THAT(Customers("volume {} page_size: -1"), Refuses("page_size"));
  EXPECT_THAT(Customers("volume {} page_token: 'x'"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_PAGE_TOKEN")));
  EXPECT_THAT(Customers("volume { known_at: 13 }"), StatusIs(absl::StatusCode::kOutOfRange));
  ASSERT_OK_AND_ASSIGN(const auto page, Customers("volume {} page_size: 1"));
  EXPECT_THAT(Customers(absl::StrCat("volume { known_at: 5 } page_token: '", page.next_page_token(), "'")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_PAGE_TOKEN")))
      << "of another question";
}

TEST_F(AnalysisCellTest, CellsOfBadInput_NameTheirField) {
  EXPECT_THAT(Customers(FunnelOf()), Refuses("funnel_cell"));
  EXPECT_THAT(Customers(FunnelOf() + "score_cell {}"), Refuses("score_cell"));
  EXPECT_THAT(Customers("volume {} funnel_cell { step: 1 }"), Refuses("funnel_cell"));
  EXPECT_THAT(Customers(FunnelOf() + "funnel_cell {}"), Refuses("funnel_cell.step"));
  EXPECT_THAT(Customers(FunnelOf() + "funnel_cell { step: 4 }"), Refuses("funnel_cell.step"));
  EXPECT_THAT(Customers(FunnelOf() + "funnel_cell { step: -1 }"), Refuses("funnel_cell.step"));
  EXPECT_THAT(Customers(FunnelOf() + "funnel_cell { step: 3 progress: LOST }"), Refuses("funnel_cell.step"));
  EXPECT_THAT(Customers(FunnelOf() + "funnel_cell { step: 1 progress: 9 }"), Refuses("funnel_cell.progress"));
  EXPECT_THAT(Customers("scores {} score_cell { score_min: -1 }"), Refuses("score_cell.score_min"));
  EXPECT_THAT(Customers("scores {} score_cell { score_min: 7 score_max: 6 }"), Refuses("score_cell.score_max"));
  EXPECT_THAT(Customers("scores {} score_cell { score_max: 101 }"), Refuses("score_cell.score_max"));
  EXPECT_THAT(Customers("scores {} score_cell { answer: 7 }"), Refuses("score_cell.answer"));
  EXPECT_THAT(Customers("transition_graph {} transition_graph_cell {}"),
              Refuses("transition_graph_cell.to_event_name"));
  EXPECT_THAT(Customers("variants { length: 1 } variant_cell { symbols: ['a', 'b'] }"),
              Refuses("variant_cell.symbols"));
  EXPECT_THAT(Customers("variants {} variant_cell {}"), Refuses("variant_cell.symbols"));
  const std::string cohorts = R"(cohorts { entry { event_names: "placed" } period { unit: MONTH } period_count: 2 } )";
  EXPECT_THAT(Customers(cohorts + "cohort_matrix_cell {}"), Refuses("cohort_matrix_cell.start_day"));
  for (const char* day : {"2025-01-02", "2025-1-01", "January"}) {
    EXPECT_THAT(Customers(absl::StrCat(cohorts, "cohort_matrix_cell { start_day: '", day, "' }")),
                Refuses("cohort_matrix_cell.start_day"));
  }
  EXPECT_THAT(Customers(cohorts + "cohort_matrix_cell { start_day: '2025-01-01' period: 2 }"),
              Refuses("cohort_matrix_cell.period"));
  EXPECT_THAT(Customers(R"(stage_times { stages { event_names: "paid" } } stage_time_cell { stage: 2 })"),
              Refuses("stage_time_cell.stage"));
  EXPECT_THAT(Customers(R"(stage_times { stages { event_names: "paid" } } stage_time_cell { stage: 1 state: 8 })"),
              Refuses("stage_time_cell.state"));
  const std::string revenue = R"(revenue_movements { currency_code: "EUR" first_month: "2025-01" month_count: 3 } )";
  EXPECT_THAT(Customers(revenue + "revenue_cell { movement: END }"), Refuses("revenue_cell.month"));
  EXPECT_THAT(Customers(revenue + "revenue_cell { month: '2025-04' movement: END }"), Refuses("revenue_cell.month"));
  EXPECT_THAT(Customers(revenue + "revenue_cell { month: '2024-12' movement: END }"), Refuses("revenue_cell.month"));
  EXPECT_THAT(Customers(revenue + "revenue_cell { month: '2025-01' }"), Refuses("revenue_cell.movement"));
  EXPECT_THAT(Customers(revenue + "revenue_cell { month: '2025-01' movement: 9 }"), Refuses("revenue_cell.movement"));
  const std::string purchases = R"(purchases { purchase { event_names: "paid" } } )";
  EXPECT_THAT(Customers(purchases + "purchase_cell { day_count_min: -1 }"), Refuses("purchase_cell.day_count_min"));
  EXPECT_THAT(Customers(purchases + "purchase_cell { day_count_min: 3 day_count_max: 2 }"),
              Refuses("purchase_cell.day_count_max"));
}

TEST_F(AnalysisCellTest, GroupsOfBadInput_NameTheirField) {
  const std::string by_channel = R"(volume { breakdown { field: "channel" } } )";
  EXPECT_THAT(Customers(by_channel + "group_values {}"), Refuses("group_values[0].kind"));
  EXPECT_THAT(Customers(by_channel + "group_values { kind: MISSING } group_values { kind: MISSING }"),
              Refuses("group_values"));
  EXPECT_THAT(Customers("volume {} group_values { kind: MISSING }"), Refuses("group_values"));
  EXPECT_THAT(Customers(R"(transition_graph {} transition_graph_cell { to_event_name: "paid" }
                           group_values { kind: MISSING })"),
              Refuses("group_values"));
  EXPECT_THAT(Customers(R"(volume { breakdown { field: "colour" } } group_values { kind: MISSING })"),
              Refuses("volume.breakdown[0].field"));
  EXPECT_THAT(Customers(R"(volume { breakdown { calendar { unit: MONTH } } } group_values { kind: MISSING })"),
              Refuses("group_values"));
}

}  // namespace
}  // namespace throughline::testing
