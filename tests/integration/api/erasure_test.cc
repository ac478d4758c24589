// A customer is erased through the API: what is answered, what is left, and what happens to calls that do not wait.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using Events = v1::EventService::Stub;
using Customers = v1::CustomerService::Stub;

class ErasureTest : public ApiFixture {
 protected:
  static v1::CustomerEvent Event(const std::string& id, const std::string& customer, int64_t second) {
    v1::CustomerEvent event;
    event.set_id(id);
    event.set_source("shop");
    event.set_customer_id(customer);
    event.set_event_name("visit");
    event.mutable_event_time()->set_seconds(1760000000 + second);
    return event;
  }
  absl::StatusOr<v1::RecordEventsResponse> Record(const std::vector<v1::CustomerEvent>& events) {
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    for (const v1::CustomerEvent& event : events) *request.add_events() = event;
    return Call(events_stub_, &Events::RecordEvents, request);
  }
  absl::StatusOr<v1::EraseCustomerResponse> Erase(const std::string& name) {
    v1::EraseCustomerRequest request;
    request.set_name(name);
    return Call(customers_, &Customers::EraseCustomer, request);
  }
  absl::StatusOr<v1::Customer> Get(const std::string& id) {
    v1::GetCustomerRequest request;
    request.set_name("workspaces/w/customers/" + id);
    return Call(customers_, &Customers::GetCustomer, request);
  }
};

TEST_F(ErasureTest, EraseCustomer_IsGoneAndStaysGone) {
  ASSERT_OK(Record({Event("e1", "ada", 1), Event("e2", "ada", 2), Event("e3", "bob", 3)}));
  const auto erased = Erase("workspaces/w/customers/ada");
  ASSERT_OK(erased);
  EXPECT_EQ(erased->erased_event_count(), 2);
  EXPECT_EQ(erased->erased_customer_count(), 1);
  EXPECT_EQ(erased->data_watermark(), 4);
  EXPECT_THAT(Get("ada"), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  EXPECT_EQ(Get("bob")->event_count(), 1);
  const auto again = Record({Event("e1", "ada", 1), Event("e4", "ada", 4)});
  ASSERT_OK(again);
  EXPECT_EQ(again->rejected_count(), 1);
  EXPECT_EQ(again->recorded_count(), 1);
  EXPECT_THAT(FromRpcStatus(again->results(0).error()),
              StatusIs(absl::StatusCode::kAlreadyExists, HasReason("EVENT_ERASED")));
  EXPECT_EQ(Get("ada")->event_count(), 1) << "a new customer";
}

TEST_F(ErasureTest, EraseCustomer_NobodyOfThatName_IsNotFound) {
  const auto is_not_found = StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND"));
  EXPECT_THAT(Erase("workspaces/w/customers/nobody"), is_not_found);
  EXPECT_THAT(Erase("workspaces/unknown/customers/ada"), is_not_found);
  EXPECT_THAT(Erase("workspaces/w"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(Record({Event("e1", "ada", 1)}));
  ASSERT_OK(Erase("workspaces/w/customers/ada"));
  EXPECT_THAT(Erase("workspaces/w/customers/ada"), is_not_found) << "that it is over, too";
}

// A store whose erasures end when the test says so.
class SlowStore : public EventStore {
 public:
  void Append(absl::string_view, absl::Span<const v1::CustomerEvent* const>, AppendCallback done) override {
    done(absl::UnimplementedError("nothing is recorded here"));
  }
  void Erase(absl::string_view, absl::string_view, EraseCallback done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
  }
  absl::StatusOr<std::shared_ptr<const EventView>> View(absl::string_view) override {
    return absl::UnimplementedError("nothing is asked here");
  }
  void AddAppendObserver(std::function<void(const AppendNotice&)>) override {}

  // Returns how many waited.
  size_t EndAll() {
    std::vector<EraseCallback> ended;
    {
      const std::lock_guard lock(mutex_);
      ended.swap(waiting_);
    }
    for (const EraseCallback& done : ended) done(ErasureResult{.events = 1, .customer_ids = {"ada"}, .watermark = {}});
    return ended.size();
  }

 private:
  std::mutex mutex_;
  std::vector<EraseCallback> waiting_;
};

TEST_F(ErasureTest, EraseCustomer_DeadlineOfTheCall_EndsTheCallAndNotTheErasure) {
  SlowStore store;
  const api::Backend backend{*catalog_,   store,     *published_maps_, clock_,
                             SystemIds(), executor_, page_tokens_,     engines_};
  ASSERT_OK_AND_ASSIGN(const auto server, api::ApiServer::Start(backend, {.address = "127.0.0.1:0"}));
  server->health().SetServing(true, "test");
  const auto stub = v1::CustomerService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", server->port()), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  v1::EraseCustomerRequest request;
  request.set_name("workspaces/w/customers/ada");
  v1::EraseCustomerResponse response;
  EXPECT_EQ(stub->EraseCustomer(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(store.EndAll(), 1u) << "of which nobody is told any more";
  server->Shutdown(absl::Seconds(5));
}

}  // namespace
}  // namespace throughline::testing
