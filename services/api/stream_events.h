// EventService.StreamEvents: batches in, acknowledgements out, in order; the fastest way in.
// One instance serves one call; gRPC and the store call it from any of their threads.
//
// Several batches are under way at once, so that parsing one overlaps writing another; their number and bytes are
// bounded, and nothing more is read while the bound is reached. A batch is parsed into an arena that is used again.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/arena.h"
#include "grpcpp/generic/async_generic_service.h"
#include "services/api/backend.h"
#include "services/api/event_batch.h"
#include "services/api/request_parser.h"
#include "services/api/stream_drain.h"
#include "throughline/types.h"
#include "throughline/v1/event_service.pb.h"

namespace throughline::api {

class StreamEventsReactor final : public grpc::ServerGenericBidiReactor,
                                  public DrainableStream,
                                  public std::enable_shared_from_this<StreamEventsReactor> {
 public:
  // Begins a stream, which keeps itself alive until it is done. The references outlive it.
  static StreamEventsReactor* Start(const Backend& backend, StreamDrain& drain, const RequestParser& parser,
                                    std::string request_id);

  void Drain() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // One batch from its first byte to its acknowledgement.
  struct Batch {
    // Empty, with an arena whose first block holds all that it held before: from the second batch on, parsing allocates
    // no memory but that of long strings.
    void Clear();

    std::unique_ptr<char[]> block;  // the arena's first, kept when the batch is used again
    size_t block_bytes = 0;
    std::unique_ptr<google::protobuf::Arena> arena;
    v1::StreamEventsRequest* request = nullptr;
    EventBatch events;
    size_t bytes = 0;
    bool done = false;
    absl::Status status;  // of the store; with `done`
  };

  StreamEventsReactor(const Backend& backend, StreamDrain& drain, const RequestParser& parser, std::string request_id);

  // Parses what was read and gives it to the store. Not OK: the stream is to end with it.
  absl::Status TakeBatch();
  absl::Status CheckParent(const v1::StreamEventsRequest& request);
  std::unique_ptr<Batch> NewBatch();
  void Recorded(Batch& batch, const absl::StatusOr<AppendResult>& result);

  // Nothing more is read; the stream ends with `status` once the batches before are acknowledged. Under the lock.
  void EndReads(absl::Status status);
  // The only function that starts an operation: whichever can be started now.
  void MaybeNext();
  // Under the lock: starts acknowledging the first batch; whether the stream can finish.
  void Acknowledge(Batch& batch);
  bool CanFinish() const;

  const Backend& backend_;
  StreamDrain& drain_;
  const RequestParser& parser_;
  const std::string request_id_;
  std::shared_ptr<StreamEventsReactor> self_;  // until OnDone

  // Only the thread of OnReadDone touches these.
  std::string workspace_;  // id; empty until the first batch
  std::string parent_;
  Revision parent_checked_at_;

  grpc::ByteBuffer read_buffer_;   // of the read that is under way
  grpc::ByteBuffer write_buffer_;  // of the write that is under way

  std::mutex mutex_;
  std::deque<std::unique_ptr<Batch>> batches_;  // in order; the first is the next to be acknowledged
  std::vector<std::unique_ptr<Batch>> spare_;
  size_t batch_bytes_ = 0;  // of batches_
  int appending_ = 0;       // batches with the store
  bool reading_ = false;    // a read is under way, or what it brought is being taken
  bool taking_ = false;     // … the latter
  bool writing_ = false;
  bool reads_ended_ = false;  // the client is done, the stream failed, or it drains
  bool broken_ = false;       // no more acknowledgements: the client is gone, or the batch before failed
  bool finished_ = false;
  absl::Status status_;
};

}  // namespace throughline::api
