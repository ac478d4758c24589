// The streams that are open, so that they can be told to end before the server shuts down: grpc::Server::Shutdown waits
// for every one of them.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "absl/time/time.h"

namespace throughline::api {

// A stream that can be asked to finish. Drain must not block, and may be called more than once and at any time, also
// when the stream is done.
class DrainableStream {
 public:
  virtual ~DrainableStream() = default;
  virtual void Drain() = 0;
};

class StreamDrain {
 public:
  // A stream registers when it begins and leaves when it is done; one that begins while draining is drained at once.
  void Add(std::shared_ptr<DrainableStream> stream);
  void Remove(DrainableStream* stream);

  // Asks every stream to finish, now and from now on, and waits for the last to leave, at most until `deadline` (real
  // time). False if some are left.
  bool DrainAll(absl::Time deadline);

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  std::unordered_map<DrainableStream*, std::shared_ptr<DrainableStream>> streams_;
  bool draining_ = false;
};

}  // namespace throughline::api
