#include "services/api/stream_events.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "services/api/engine_state.h"
#include "services/api/resource_methods.h"
#include "services/api/status_conversion.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline::api {
namespace {

using google::protobuf::Arena;

// A batch of 500 ordinary events, parsed; grows to what a stream's batches need, up to the last.
constexpr size_t kBlockBytesStart = 256 * 1024;
constexpr size_t kBlockBytesMax = 8 * 1024 * 1024;

}  // namespace

void StreamEventsReactor::Batch::Clear() {
  events.Clear();
  request = nullptr;
  bytes = 0;
  done = false;
  status = absl::OkStatus();
  const size_t used = arena == nullptr ? 0 : static_cast<size_t>(arena->SpaceAllocated());
  if (arena != nullptr && (used <= block_bytes || block_bytes == kBlockBytesMax)) {
    arena->Reset();
  } else {
    arena.reset();
    block_bytes = std::min(std::max(kBlockBytesStart, used + used / 4), kBlockBytesMax);
    block.reset(new char[block_bytes]);
    google::protobuf::ArenaOptions options;
    options.initial_block = block.get();
    options.initial_block_size = block_bytes;
    options.start_block_size = kBlockBytesStart;
    options.max_block_size = kBlockBytesMax;
    arena = std::make_unique<Arena>(options);
  }
  request = Arena::CreateMessage<v1::StreamEventsRequest>(arena.get());
}

StreamEventsReactor* StreamEventsReactor::Start(const Backend& backend, StreamDrain& drain, const RequestParser& parser,
                                                std::string request_id) {
  std::shared_ptr<StreamEventsReactor> stream(new StreamEventsReactor(backend, drain, parser, std::move(request_id)));
  stream->self_ = stream;
  drain.Add(stream);
  stream->MaybeNext();
  return stream.get();
}

StreamEventsReactor::StreamEventsReactor(const Backend& backend, StreamDrain& drain, const RequestParser& parser,
                                         std::string request_id)
    : backend_(backend), drain_(drain), parser_(parser), request_id_(std::move(request_id)) {}

void StreamEventsReactor::Drain() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    EndReads(ShuttingDown());
  }
  MaybeNext();
}

void StreamEventsReactor::OnReadDone(bool ok) {
  bool take = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!ok) EndReads(absl::OkStatus());
    take = taking_ = !reads_ended_;
  }
  const absl::Status status = take ? TakeBatch() : absl::OkStatus();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    taking_ = reading_ = false;
    if (!status.ok()) EndReads(status);
  }
  MaybeNext();
}

void StreamEventsReactor::OnWriteDone(bool ok) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (!ok) {
      broken_ = true;
      EndReads(absl::OkStatus());
    }
  }
  MaybeNext();
}

void StreamEventsReactor::OnCancel() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    broken_ = true;
    EndReads(absl::CancelledError());
  }
  MaybeNext();
}

void StreamEventsReactor::OnDone() {
  drain_.Remove(this);
  self_.reset();
}

absl::Status StreamEventsReactor::TakeBatch() {
  std::unique_ptr<Batch> batch = NewBatch();
  batch->bytes = read_buffer_.Length();
  RETURN_IF_ERROR(parser_.Parse(read_buffer_, *batch->request));
  read_buffer_.Clear();
  RETURN_IF_ERROR(CheckParent(*batch->request));
  RETURN_IF_ERROR(batch->events.Prepare(batch->request->events(), backend_.clock.Now()));
  Batch& taken = *batch;
  const bool is_empty = taken.events.good().empty();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batch_bytes_ += taken.bytes;
    batches_.push_back(std::move(batch));
    taken.done = is_empty;
    if (!is_empty) ++appending_;
  }
  if (is_empty) return absl::OkStatus();
  backend_.events.Append(workspace_, taken.events.good(), [self = self_, &taken](absl::StatusOr<AppendResult> result) {
    self->Recorded(taken, result);
  });
  return absl::OkStatus();
}

absl::Status StreamEventsReactor::CheckParent(const v1::StreamEventsRequest& request) {
  if (parent_.empty()) {
    ASSIGN_OR_RETURN(WorkspaceName name, ParseWorkspaceName(request.parent(), "parent"));
    workspace_ = std::move(name.workspace);
    parent_ = request.parent();
  } else if (!request.parent().empty() && request.parent() != parent_) {
    return InvalidField("parent", "cannot change within one stream");
  }
  // The workspace is looked at again only when something in the catalog has changed.
  const Revision latest = backend_.catalog.LatestRevision();
  if (latest == parent_checked_at_) return absl::OkStatus();
  RETURN_IF_ERROR(CheckWorkspace(backend_, parent_, /*for_writing=*/true));
  parent_checked_at_ = latest;
  return absl::OkStatus();
}

std::unique_ptr<StreamEventsReactor::Batch> StreamEventsReactor::NewBatch() {
  std::unique_ptr<Batch> batch;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!spare_.empty()) {
      batch = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (batch == nullptr) batch = std::make_unique<Batch>();
  batch->Clear();
  return batch;
}

void StreamEventsReactor::Recorded(Batch& batch, const absl::StatusOr<AppendResult>& result) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (result.ok()) batch.events.SetResult(*result);
    batch.status = result.status();
    batch.done = true;
    --appending_;
  }
  MaybeNext();
}

void StreamEventsReactor::EndReads(absl::Status status) {
  if (reads_ended_) return;
  reads_ended_ = true;
  status_ = std::move(status);
}

void StreamEventsReactor::MaybeNext() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (finished_) return;
    if (!writing_ && !broken_ && !batches_.empty() && batches_.front()->done) Acknowledge(*batches_.front());
    if (!reading_ && !reads_ended_ && batches_.size() < static_cast<size_t>(limits::kStreamBatchCountMax) &&
        batch_bytes_ < limits::kStreamBytesMax) {
      reading_ = true;
      StartRead(&read_buffer_);
    }
    if (!CanFinish()) return;
    finished_ = true;
  }
  backend_.engines.Report(status_, absl::Now());
  Finish(ToGrpcStatus(status_, request_id_));
}

void StreamEventsReactor::Acknowledge(Batch& batch) {
  if (!batch.status.ok()) {
    // Whatever came after it may be recorded or not: the client sends again all that was not acknowledged.
    broken_ = true;
    reads_ended_ = true;
    status_ = batch.status;
    return;
  }
  v1::StreamEventsResponse response;
  response.set_batch_id(batch.request->batch_id());
  response.set_recorded_count(batch.events.recorded_count());
  response.set_duplicate_count(batch.events.duplicate_count());
  batch.events.AddRejected(*response.mutable_rejected());
  Serialize(response, write_buffer_);
  writing_ = true;
  StartWrite(&write_buffer_);

  batch_bytes_ -= batch.bytes;
  spare_.push_back(std::move(batches_.front()));
  batches_.pop_front();
}

bool StreamEventsReactor::CanFinish() const {
  return reads_ended_ && !taking_ && !writing_ && appending_ == 0 && (broken_ || batches_.empty());
}

}  // namespace throughline::api
