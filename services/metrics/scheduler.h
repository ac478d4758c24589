// MetricScheduler: keeps the value of every metric attachment up to date, on a thread of its own.
// Thread-safe.
//
// Promises:
//  - After the last change of events, definitions, attachments or published maps, every living attachment has the value
//    that ComputeMetricValue gives from scratch, within `debounce` and the time of one pass; under continuous change
//    within `delay_max`, or, where a pass takes long, after three times as long as the last pass took, so that
//    computing never takes more than a quarter of one core from ingest.
//  - A value is written to `{attachment}/value` only if it says something new (SameMetricValue); the values of one pass
//    are written in few transactions. When an attachment is deleted, so is its value.
//  - What makes one value impossible gives that value UNDEFINED with a reason, and stops no other. When a store fails,
//    old values stay and the pass is repeated.
//  - No lock is held over a call of a store.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/base/clock.h"
#include "throughline/catalog.h"
#include "throughline/events.h"

namespace throughline {

class PublishedMaps;

class MetricScheduler {
 public:
  struct Options {
    // How long nothing must change before a pass starts.
    absl::Duration debounce = absl::Milliseconds(150);
    // How long a pass is put off at most while changes keep coming.
    absl::Duration delay_max = absl::Seconds(2);
    // How often values that depend on time are looked at.
    absl::Duration time_interval = absl::Minutes(1);
  };

  // Registers observers with both stores, so it is made before their first write. The stores, maps and clock must
  // outlive it.
  MetricScheduler(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock);
  MetricScheduler(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock, Options options);
  ~MetricScheduler();
  MetricScheduler(const MetricScheduler&) = delete;
  MetricScheduler& operator=(const MetricScheduler&) = delete;

  // Starts the thread, which first computes everything. Call once.
  void Start();
  // Stops after the attachment that is being computed. Start is not possible afterwards; calling it again is harmless.
  void Shutdown();

  // Waits until every change that was reported before the call is reflected in stored values. False if that takes
  // longer than `timeout` (real time), or the scheduler is not running.
  bool WaitUntilIdle(absl::Duration timeout);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throughline
