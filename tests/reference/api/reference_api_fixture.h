// A server in process, the events of a public data set recorded through its API, and questions asked of it: what is
// published of the data has to come back. For tests; one thread.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"
#include "tests/support/files.h"

namespace throughline::testing {

class ReferenceApiTest : public ApiFixture {
 protected:
  using Analysis = v1::AnalysisService::Stub;

  static v1::CustomerEvent MakeEvent(absl::string_view customer, absl::string_view name, absl::Time time) {
    v1::CustomerEvent event;
    event.set_customer_id(std::string(customer));
    event.set_event_name(std::string(name));
    const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
    event.mutable_event_time()->set_seconds(absl::ToUnixSeconds(time));
    event.mutable_event_time()->set_nanos(static_cast<int32_t>((time - second) / absl::Nanoseconds(1)));
    return event;
  }

  // In their order, with ids by it.
  void Record(std::vector<v1::CustomerEvent> events) {
    constexpr size_t kBatchMax = 1000;
    for (size_t begin = 0; begin < events.size(); begin += kBatchMax) {
      v1::RecordEventsRequest request;
      request.set_parent("workspaces/w");
      const size_t end = std::min(begin + kBatchMax, events.size());
      for (size_t i = begin; i < end; ++i) {
        events[i].set_id(absl::StrCat(++recorded_));
        events[i].set_source("reference");
        *request.add_events() = std::move(events[i]);
      }
      ASSERT_OK_AND_ASSIGN(const auto response, Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
      ASSERT_EQ(response.recorded_count(), static_cast<int32_t>(end - begin));
    }
  }

  // One question in text format; `parent` is added: Ask(&Analysis::QueryDrivers, "…").
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (Analysis::*method)(grpc::ClientContext*, const Request&, Response*),
                               const std::string& text) {
    auto request = ParseProto<Request>(text);
    request.set_parent("workspaces/w");
    return Call(analysis_, method, request);
  }

 private:
  int64_t recorded_ = 0;
};

}  // namespace throughline::testing
