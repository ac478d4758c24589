// Events and maps that the tests of this folder share. For tests; any thread.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/customer/lifecycle.h"
#include "services/journey/published_maps.h"
#include "tests/support/matchers.h"

namespace throughline::testing {

// An event of `customer`, `second` seconds into 2026-01-01, with further fields as text.
inline v1::CustomerEvent Event(const std::string& customer, int64_t second, const std::string& event_name,
                               const std::string& more = "") {
  v1::CustomerEvent event = ParseProto<v1::CustomerEvent>(more);
  event.set_customer_id(customer);
  if (event.source().empty()) event.set_source("test");
  if (event.id().empty()) event.set_id(absl::StrCat(customer, "-", event_name, "-", second));
  event.set_event_name(event_name);
  event.mutable_event_time()->set_seconds(1'767'225'600 + second);
  return event;
}

inline absl::Time Second(int64_t second) { return absl::FromUnixSeconds(1'767'225'600 + second); }

inline std::shared_ptr<const CompiledMap> Map(const std::string& id, const std::string& text) {
  v1::JourneyMapVersion version;
  version.set_name(absl::StrCat("workspaces/w/journeyMaps/", id, "/versions/1"));
  *version.mutable_journey_map() = ParseProto<v1::JourneyMap>(text);
  absl::StatusOr<std::shared_ptr<const CompiledMap>> map = CompileMap(version);
  EXPECT_OK(map);
  return map.ok() ? *map : nullptr;
}

// Three stages: lead (any event), trial (`try`), customer (`buy`).
inline Lifecycle SampleLifecycle() {
  Lifecycle lifecycle;
  for (const auto& [id, rule] : {std::pair{"lead", "filter: \"event_name != ghost\""},
                                 {"trial", "event_names: \"try\""},
                                 {"customer", "event_names: \"buy\""}}) {
    CompiledStage& stage = lifecycle.stages.emplace_back();
    stage.id = id;
    stage.name = absl::StrCat("workspaces/w/lifecycleStages/", id);
    stage.position = static_cast<int>(lifecycle.stages.size());
    absl::StatusOr<EventSelector> selector = CompileBinding(ParseProto<v1::EventBinding>(rule));
    EXPECT_OK(selector);
    if (selector.ok()) stage.selector = *selector;
  }
  return lifecycle;
}

}  // namespace throughline::testing
