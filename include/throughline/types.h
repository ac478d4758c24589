// Distinct types for numbers that look alike, so that one is never passed for another. Plain values; any thread.
#pragma once

#include <compare>
#include <cstdint>

namespace throughline {

// Store-wide revision of the catalog: strictly increasing by one per committed write transaction, from 1. 0 is the
// empty catalog, and in requests "the latest".
struct Revision {
  int64_t value = 0;
  auto operator<=>(const Revision&) const = default;
};

// Number of a recorded event within its workspace, in the order of recording, from 1. As a watermark: every event up
// to and including this one.
struct EventSequence {
  int64_t value = 0;
  auto operator<=>(const EventSequence&) const = default;
};

}  // namespace throughline
