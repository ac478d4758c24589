// Many small logs in one store, each in a workspace of its own. Any thread.
#pragma once

#include <latch>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/events.h"

namespace throughline::testing {

// Records each list of events in the workspace of its name, all at once: one after the other, each would wait for the
// disk. Returns the watermarks.
inline std::map<std::string, EventSequence> AppendAll(
    EventStore& store, const std::map<std::string, std::vector<v1::CustomerEvent>>& workspaces) {
  std::map<std::string, EventSequence> watermarks;
  std::vector<std::vector<const v1::CustomerEvent*>> pointers;
  for (const auto& [workspace, events] : workspaces) {
    watermarks[workspace];
    std::vector<const v1::CustomerEvent*>& batch = pointers.emplace_back();
    for (const v1::CustomerEvent& event : events) batch.push_back(&event);
  }
  std::latch waiting(static_cast<std::ptrdiff_t>(workspaces.size()));
  size_t next = 0;
  for (const auto& [workspace, events] : workspaces) {
    EventSequence& watermark = watermarks[workspace];
    store.Append(workspace, pointers[next++], [&](const absl::StatusOr<AppendResult>& result) {
      EXPECT_THAT(result, IsOk());
      if (result.ok()) watermark = result->watermark;
      waiting.count_down();
    });
  }
  waiting.wait();
  return watermarks;
}

}  // namespace throughline::testing
