#include "services/api/stream_drain.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace throughline::api {

void StreamDrain::Add(std::shared_ptr<DrainableStream> stream) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    streams_.emplace(stream.get(), stream);
    if (!draining_) return;
  }
  stream->Drain();
}

void StreamDrain::Remove(DrainableStream* stream) {
  // The last reference may be this one: it ends after the lock.
  std::shared_ptr<DrainableStream> removed;
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  removed = std::move(found->second);
  streams_.erase(found);
  if (streams_.empty()) left_.notify_all();
}

bool StreamDrain::DrainAll(absl::Time deadline) {
  std::vector<std::shared_ptr<DrainableStream>> streams;
  std::unique_lock<std::mutex> lock(mutex_);
  draining_ = true;
  for (const auto& [unused, stream] : streams_) streams.push_back(stream);
  lock.unlock();
  for (const auto& stream : streams) stream->Drain();
  streams.clear();
  lock.lock();
  return left_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return streams_.empty(); });
}

}  // namespace throughline::api
