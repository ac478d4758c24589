// A workspace with a real catalog, a real events engine and published maps, in a temporary directory.
// One thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/catalog/resource_document.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "services/events/native/native_event_store.h"
#include "services/journey/publish.h"
#include "services/journey/published_maps.h"
#include "services/metrics/metric_resources.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/resource_names.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::testing {

inline constexpr char kWorkspace[] = "workspaces/w";
inline constexpr char kMap[] = "workspaces/w/journeyMaps/m";

// Ordered -> paid -> delivered -> reviewed, in two phases; "gift" is not bound to events.
inline constexpr char kMapContent[] = R"pb(
  display_name: "Order to review"
  phases { id: "buy" display_name: "Buy" }
  phases { id: "receive" display_name: "Receive" }
  phases { id: "idle" display_name: "Nothing bound" }
  touchpoints {
    id: "ordered"
    phase: "buy"
    display_name: "Ordered"
    event_binding { event_names: "order" }
  }
  touchpoints {
    id: "paid"
    phase: "buy"
    display_name: "Paid"
    event_binding { event_names: "pay" }
  }
  touchpoints {
    id: "delivered"
    phase: "receive"
    display_name: "Delivered"
    event_binding { event_names: "deliver" }
  }
  touchpoints {
    id: "reviewed"
    phase: "receive"
    display_name: "Reviewed"
    event_binding { event_names: "review" }
  }
  touchpoints { id: "gift" phase: "idle" display_name: "Gift" }
  transitions { id: "pays" from_touchpoint: "ordered" to_touchpoint: "paid" }
  transitions { id: "again" from_touchpoint: "paid" to_touchpoint: "paid" kind: LOOP }
  transitions { id: "leaves" from_touchpoint: "paid" kind: EXIT }
)pb";

class MetricsFixture : public ::testing::Test {
 protected:
  // Noon, so that steps of windows are met exactly.
  static absl::Time Day(int day, double hours = 0) {
    return absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone()) + absl::Hours(24) * (day - 1) +
           absl::Hours(1) * hours;
  }

  void SetUp() override {
    clock_.Set(Day(60, 12));
    Open();
    v1::Workspace workspace;
    workspace.set_display_name("W");
    workspace.set_time_zone("UTC");
    Put(kWorkspace, workspace);
    PutMap(kMap, kMapContent);
    Publish(kMap);
  }

  // Also opens again what Close closed.
  void Open() {
    auto catalog = SqliteCatalog::Open({.path = directory_ / "catalog.db", .clock = &clock_});
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    catalog_ = *std::move(catalog);
    catalog_->AddCommitObserver([this](Revision) {
      std::lock_guard<std::mutex> lock(mutex_);
      ++commits_;
      committed_.notify_all();
    });
    NativeEventStoreOptions options;
    options.directory = directory_ / "events";
    options.clock = &clock_;
    auto events = NativeEventStore::Open(options);
    ASSERT_TRUE(events.ok()) << events.status();
    events_ = *std::move(events);
    maps_ = std::make_unique<PublishedMaps>(*catalog_);
  }
  void Close() {
    maps_.reset();
    events_.reset();
    catalog_.reset();
  }

  void Write(const Catalog::WriteFunction& function) {
    const auto revision = catalog_->Write(function);
    ASSERT_TRUE(revision.ok()) << revision.status();
  }
  void Put(const std::string& name, const google::protobuf::Message& message) {
    Write([&](WriteTransaction& transaction) { return transaction.Put(name, message); });
  }
  void Delete(const std::string& name) {
    Write([&](WriteTransaction& transaction) { return transaction.Delete(name); });
  }
  void Undelete(const std::string& name) {
    Write([&](WriteTransaction& transaction) { return transaction.Undelete(name); });
  }
  void PutMap(const std::string& name, const std::string& text) {
    auto map = ParseProto<v1::JourneyMap>(text);
    map.set_name(name);
    if (const auto before = Find<v1::JourneyMap>(name)) {
      map.set_published_version(before->published_version());
      *map.mutable_publish_time() = before->publish_time();
    }
    Put(name, map);
  }
  void Publish(const std::string& name) {
    Write([&](WriteTransaction& transaction) { return PublishJourneyMap(transaction, name, "").status(); });
  }
  std::string PutDefinition(const std::string& id, const std::string& text) {
    auto definition = ParseProto<v1::MetricDefinition>(text);
    if (definition.display_name().empty()) definition.set_display_name(id);
    const std::string name = absl::StrCat(kWorkspace, "/metricDefinitions/", id);
    definition.set_name(name);
    const auto before = Find<v1::MetricDefinition>(name);
    EXPECT_OK(PrepareMetricDefinition(before ? &*before : nullptr, definition));
    Put(name, definition);
    return name;
  }
  // `text` without metric_definition.
  std::string PutAttachment(const std::string& id, const std::string& definition_name, const std::string& text,
                            const std::string& map_name = kMap) {
    auto attachment = ParseProto<v1::MetricAttachment>(text);
    attachment.set_metric_definition(definition_name);
    const std::string name = absl::StrCat(map_name, "/metricAttachments/", id);
    attachment.set_name(name);
    const auto reader = catalog_->Read();
    EXPECT_OK(reader);
    EXPECT_OK(ValidateMetricAttachment(attachment, map_name, **reader));
    Put(name, attachment);
    return name;
  }

  // Absent or deleted: nullopt.
  template <typename T>
  std::optional<T> Find(const std::string& name) {
    const auto document = catalog_->FindLatest(name);
    EXPECT_OK(document);
    if (!document.ok() || !document->has_value() || (*document)->deleted()) return std::nullopt;
    auto resource = ToResource<T>(**document);
    EXPECT_OK(resource);
    return *std::move(resource);
  }
  std::optional<v1::MetricValue> Value(const std::string& attachment_name) {
    return Find<v1::MetricValue>(attachment_name + "/value");
  }

  static v1::CustomerEvent Event(const std::string& customer, const std::string& name, absl::Time time) {
    v1::CustomerEvent event;
    event.set_id(absl::StrCat(customer, "-", name, "-", absl::ToUnixMicros(time)));
    event.set_source("test");
    event.set_customer_id(customer);
    event.set_event_name(name);
    event.mutable_event_time()->set_seconds(absl::ToUnixSeconds(time));
    event.mutable_event_time()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(absl::ToUnixSeconds(time)))));
    return event;
  }
  static v1::CustomerEvent Answer(const std::string& customer, const std::string& name, absl::Time time,
                                  std::optional<double> score) {
    v1::CustomerEvent event = Event(customer, name, time);
    event.mutable_survey_response();
    if (score.has_value()) event.mutable_survey_response()->set_score(*score);
    return event;
  }
  void Record(const std::vector<v1::CustomerEvent>& events) {
    std::vector<const v1::CustomerEvent*> pointers;
    for (const auto& event : events) pointers.push_back(&event);
    const auto result = events_->AppendAndWait("w", pointers);
    ASSERT_TRUE(result.ok()) << result.status();
  }

  // Waits until the condition holds, looking again after each commit.
  bool WaitFor(absl::Duration timeout, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
    for (int64_t seen = -1;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!committed_.wait_until(lock, deadline, [&] { return commits_ != seen; })) return false;
        seen = commits_;
      }
      if (condition()) return true;
    }
  }

  std::mutex mutex_;
  std::condition_variable committed_;
  int64_t commits_ = 0;

  TempDir directory_;
  FakeClock clock_;
  std::unique_ptr<SqliteCatalog> catalog_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<PublishedMaps> maps_;
};

}  // namespace throughline::testing
