// The native engine runs the contract.
#include <gtest/gtest.h>

#include <atomic>

#include "services/events/native/native_event_store.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/support/files.h"

namespace throughline::testing {
namespace {

class NativeBackend : public EventStoreBackend {
 public:
  absl::StatusOr<std::unique_ptr<EventStore>> Open(const Clock& clock, size_t waiting_bytes_max) override {
    NativeEventStoreOptions options;
    options.directory = directory_ / "events";
    options.clock = &clock;
    if (waiting_bytes_max != 0) options.limits.waiting_bytes_max = waiting_bytes_max;
    // Every other store keeps nothing that it can make again: nothing may depend on it.
    static std::atomic<int> opened = 0;
    if (opened++ % 2 == 1) options.limits.cache_bytes_max = 0;
    return NativeEventStore::Open(options);
  }

 private:
  TempDir directory_;
};

INSTANTIATE_TEST_SUITE_P(Native, EventStoreContractTest,
                         ::testing::Values(EventStoreBackendFactory{"native",
                                                                    [] { return std::make_unique<NativeBackend>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace throughline::testing
