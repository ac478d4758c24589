#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "throughline/client.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Stream = grpc::ClientReaderWriter<v1::StreamEventsRequest, v1::StreamEventsResponse>;

// A valid event has at most about 300 kB. What is much larger would make the server refuse the whole message, and with
// it the stream, so it is refused here, alone.
constexpr size_t kEventBytesMax = 1024 * 1024;

// The server's wish, where it states one.
absl::Duration RetryDelay(const absl::Status& status) {
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return absl::ZeroDuration();
  return absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
}

bool HasRetryInfo(const absl::Status& status) {
  return status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value();
}

}  // namespace

// The owner's thread writes; one more thread reads acknowledgements while a stream is open. `mutex_` guards what both
// touch and is never held over I/O. Batches are acknowledged in order, so `pending_` is a queue: what stands in it is
// exactly what a new stream must carry again.
class EventWriter::Implementation {
 public:
  Implementation(Client& client, absl::string_view workspace_name, const EventWriterOptions& options,
                 RejectCallback on_reject)
      : client_(client),
        workspace_name_(workspace_name),
        options_(options),
        on_reject_(std::move(on_reject)),
        random_(std::random_device()()) {}

  ~Implementation() {
    if (stream_ == nullptr) return;
    context_->TryCancel();
    CloseStream().IgnoreError();
  }

  absl::Status Write(v1::CustomerEvent event, int64_t tag) {
    if (!final_status_.ok()) return final_status_;
    ++written_;
    const size_t bytes = event.ByteSizeLong();
    if (bytes > kEventBytesMax) {
      RejectHere(std::move(event), tag);
      return absl::OkStatus();
    }
    batch_bytes_ += bytes;
    *batch_.request.add_events() = std::move(event);
    batch_.tags.push_back(tag);
    if (batch_.request.events_size() >= options_.batch_events_max || batch_bytes_ >= options_.batch_bytes_max) {
      return Submit();
    }
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (final_status_.ok() && batch_.request.events_size() > 0) Submit().IgnoreError();
    if (final_status_.ok()) WaitForRoom(1).IgnoreError();
    if (!final_status_.ok()) return final_status_;
    if (stream_ != nullptr) {
      stream_->WritesDone();
      CloseStream().IgnoreError();  // everything is acknowledged: how the stream ends no longer matters
    }
    DeliverRejects();
    return absl::OkStatus();
  }

  EventWriterTotals totals() const {
    std::lock_guard lock(mutex_);
    EventWriterTotals totals = totals_;
    totals.written = written_;
    return totals;
  }

 private:
  struct Batch {
    v1::StreamEventsRequest request;
    std::vector<int64_t> tags;
  };

  void RejectHere(v1::CustomerEvent event, int64_t tag) {
    std::lock_guard lock(mutex_);
    ++totals_.rejected;
    rejects_.push_back({tag, std::move(event), LimitExceeded("event", kEventBytesMax, "bytes")});
  }

  // Sends the batch that was collected, when fewer than the allowed number wait.
  absl::Status Submit() {
    if (absl::Status status = WaitForRoom(options_.batches_in_flight_max); !status.ok()) return status;
    batch_.request.set_parent(workspace_name_);
    batch_.request.set_batch_id(++last_batch_id_);
    Batch* sent = nullptr;
    {
      std::lock_guard lock(mutex_);
      sent = &pending_.emplace_back(std::move(batch_));
    }
    batch_ = {};
    batch_bytes_ = 0;
    // Only this thread adds to the queue, and an entry leaves it only once the server has it: a deque keeps the others
    // in place.
    if (stream_ == nullptr) return Recover(absl::OkStatus());
    if (!stream_->Write(sent->request)) return Recover(CloseStream());
    return absl::OkStatus();
  }

  // Waits until fewer than `count` batches are pending; replaces the stream when it is lost.
  absl::Status WaitForRoom(int count) {
    while (true) {
      bool timed_out = false;
      {
        std::unique_lock lock(mutex_);
        const auto moved = [&] { return static_cast<int>(pending_.size()) < count || ended_; };
        int64_t seen = acknowledged_batches_;
        while (!moved() && !timed_out) {
          const bool woken = condition_.wait_for(lock, absl::ToChronoMilliseconds(options_.acknowledgement_timeout),
                                                 [&] { return moved() || acknowledged_batches_ != seen; });
          timed_out = !woken;
          seen = acknowledged_batches_;
        }
        if (static_cast<int>(pending_.size()) < count) break;
      }
      if (timed_out) context_->TryCancel();
      absl::Status status = CloseStream();
      if (timed_out) {
        status = absl::UnavailableError(absl::StrCat("the server acknowledged nothing for ",
                                                     absl::FormatDuration(options_.acknowledgement_timeout)));
      }
      if (absl::Status recovered = Recover(status); !recovered.ok()) return recovered;
    }
    DeliverRejects();
    return absl::OkStatus();
  }

  // Opens streams until one carries everything that is pending. `lost` says how the last one ended; OK where there was
  // none. Gives up on errors that another try would meet again, and after too many tries without an acknowledgement.
  absl::Status Recover(absl::Status lost) {
    bool first = stream_ever_opened_ == false;
    stream_ever_opened_ = true;
    while (true) {
      if (!first) {
        if (absl::Status status = Judge(lost); !status.ok()) return final_status_ = status;
        Backoff(lost);
      }
      first = false;
      if (OpenAndResend()) return absl::OkStatus();
      lost = CloseStream();
    }
  }

  absl::Status Judge(const absl::Status& lost) {
    // A stream that the server ended in peace while batches were pending was ended by a shutdown.
    const bool again = lost.ok() || absl::IsUnavailable(lost) || absl::IsAborted(lost) ||
                       (absl::IsResourceExhausted(lost) && HasRetryInfo(lost));
    if (!again) return lost;
    std::lock_guard lock(mutex_);
    if (acknowledged_batches_ != acknowledged_at_last_loss_) attempts_ = 0;
    acknowledged_at_last_loss_ = acknowledged_batches_;
    ++totals_.lost_streams;
    if (++attempts_ < options_.attempts_max) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(
        "gave up after ", attempts_,
        " lost streams without an acknowledgement: ", lost.ok() ? "the server ended them" : lost.message()));
  }

  void Backoff(const absl::Status& lost) {
    absl::Duration wait = options_.backoff_initial;
    for (int i = 1; i < attempts_ && wait < options_.backoff_max; ++i) wait *= 2;
    wait = std::min(wait, options_.backoff_max) * std::uniform_real_distribution<double>(.75, 1.25)(random_);
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(std::max(wait, RetryDelay(lost))));
  }

  bool OpenAndResend() {
    context_ = std::make_unique<grpc::ClientContext>();
    stream_ = client_.stub<v1::EventService::Stub>().StreamEvents(context_.get());
    std::vector<Batch*> again;
    {
      std::lock_guard lock(mutex_);
      ended_ = false;
      for (Batch& batch : pending_) again.push_back(&batch);
    }
    reader_ = std::thread([this] { ReadAcknowledgements(); });
    // An acknowledged batch leaves the queue while later ones are still being sent, never before it was sent itself.
    for (Batch* batch : again) {
      if (!stream_->Write(batch->request)) return false;
    }
    return true;
  }

  void ReadAcknowledgements() {
    v1::StreamEventsResponse response;
    while (stream_->Read(&response)) {
      std::lock_guard lock(mutex_);
      if (pending_.empty() || pending_.front().request.batch_id() != response.batch_id()) {
        protocol_error_ = absl::InternalError(
            absl::StrCat("the server acknowledged batch ", response.batch_id(), ", which is not the next one"));
        context_->TryCancel();
        break;
      }
      totals_.recorded += response.recorded_count();
      totals_.duplicates += response.duplicate_count();
      totals_.rejected += response.rejected_size();
      Batch& batch = pending_.front();
      for (const v1::EventResult& result : response.rejected()) {
        if (result.index() < 0 || result.index() >= batch.request.events_size()) continue;
        rejects_.push_back({batch.tags[result.index()], std::move(*batch.request.mutable_events(result.index())),
                            FromRpcStatus(result.error())});
      }
      pending_.pop_front();
      ++acknowledged_batches_;
      condition_.notify_all();
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    condition_.notify_all();
  }

  // Waits until the stream is over, and says how it ended.
  absl::Status CloseStream() {
    reader_.join();
    const grpc::Status status = stream_->Finish();
    stream_ = nullptr;
    if (!protocol_error_.ok()) return protocol_error_;
    return FromGrpcStatus(status);
  }

  void DeliverRejects() {
    std::vector<RejectedEvent> rejects;
    {
      std::lock_guard lock(mutex_);
      rejects.swap(rejects_);
    }
    if (!on_reject_) return;
    for (const RejectedEvent& reject : rejects) on_reject_(reject);
  }

  Client& client_;
  const std::string workspace_name_;
  const EventWriterOptions options_;
  const RejectCallback on_reject_;
  std::mt19937 random_;

  // The owner's thread only.
  Batch batch_;
  size_t batch_bytes_ = 0;
  int64_t written_ = 0;
  int64_t last_batch_id_ = 0;
  bool stream_ever_opened_ = false;
  absl::Status final_status_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread reader_;

  mutable std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<Batch> pending_;
  std::vector<RejectedEvent> rejects_;
  EventWriterTotals totals_;
  bool ended_ = false;
  int64_t acknowledged_batches_ = 0;
  int64_t acknowledged_at_last_loss_ = 0;
  int attempts_ = 0;
  absl::Status protocol_error_;
};

EventWriter::EventWriter(Client& client, absl::string_view workspace_name, const EventWriterOptions& options,
                         RejectCallback on_reject)
    : implementation_(std::make_unique<Implementation>(client, workspace_name, options, std::move(on_reject))) {}
EventWriter::~EventWriter() = default;
absl::Status EventWriter::Write(v1::CustomerEvent event, int64_t tag) {
  return implementation_->Write(std::move(event), tag);
}
absl::Status EventWriter::Finish() { return implementation_->Finish(); }
EventWriterTotals EventWriter::totals() const { return implementation_->totals(); }

}  // namespace throughline
