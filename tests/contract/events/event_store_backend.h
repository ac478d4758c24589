// The promises of include/throughline/events.h, run against every engine. An engine joins by instantiating
// EventStoreContractTest with a factory (native_backend_test.cc shows how).
// Used by one thread; the store itself by many.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/events/event_builder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "throughline/events.h"

namespace throughline::testing {

// One empty store of an engine. Opening it again, after the last store and view have gone, finds what was recorded.
class EventStoreBackend {
 public:
  virtual ~EventStoreBackend() = default;
  // Record times come from `clock`. At most `waiting_bytes_max` bytes of events wait; 0: the engine's own limit.
  virtual absl::StatusOr<std::unique_ptr<EventStore>> Open(const Clock& clock, size_t waiting_bytes_max) = 0;
};

struct EventStoreBackendFactory {
  std::string name;
  std::function<std::unique_ptr<EventStoreBackend>()> make;
};
inline std::ostream& operator<<(std::ostream& out, const EventStoreBackendFactory& factory) {
  return out << factory.name;
}

class EventStoreContractTest : public ::testing::TestWithParam<EventStoreBackendFactory> {
 protected:
  void SetUp() override {
    backend_ = GetParam().make();
    Reopen();
  }

  void Reopen(size_t waiting_bytes_max = 0) {
    store_.reset();
    auto opened = backend_->Open(clock_, waiting_bytes_max);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  // Throws away everything and begins with an empty store.
  void StartAnew() {
    store_.reset();
    backend_ = GetParam().make();
    Reopen();
  }

  absl::StatusOr<AppendResult> Append(const std::vector<v1::CustomerEvent>& events,
                                      const std::string& workspace = "w") {
    return AppendTo(*store_, events, workspace);
  }
  static absl::StatusOr<AppendResult> AppendTo(EventStore& store, const std::vector<v1::CustomerEvent>& events,
                                               const std::string& workspace = "w") {
    std::vector<const v1::CustomerEvent*> pointers;
    for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
    return store.AppendAndWait(workspace, pointers);
  }
  void MustAppend(const std::vector<v1::CustomerEvent>& events, const std::string& workspace = "w") {
    const auto result = Append(events, workspace);
    ASSERT_TRUE(result.ok()) << result.status();
  }

  std::shared_ptr<const EventView> View(const std::string& workspace = "w") {
    auto view = store_->View(workspace);
    EXPECT_TRUE(view.ok()) << view.status();
    return *view;
  }
  // The ids of a customer's events, in their order.
  static std::vector<std::string> IdsOf(const EventView& view, const std::string& customer) {
    std::vector<std::string> out;
    const auto events = view.CustomerEvents(customer, 0, 1'000'000);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const StoredEvent& stored : *events) out.push_back(stored.event.id());
    return out;
  }

  FakeClock clock_;
  std::unique_ptr<EventStoreBackend> backend_;
  std::unique_ptr<EventStore> store_;
};

}  // namespace throughline::testing
