#include "throughline/models/volume.h"

namespace throughline {

Estimate VolumeEstimate(const VolumeAggregate& volume) {
  Estimate estimate;
  estimate.method = "volume count";
  estimate.state = Estimate::State::kOk;
  estimate.value = static_cast<double>(volume.events);
  estimate.n = volume.events;
  estimate.details = {{"customers", static_cast<double>(volume.customers)}};
  return estimate;
}

}  // namespace throughline
