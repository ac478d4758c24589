#include "services/events/native/native_event_store.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "rocksdb/env.h"
#include "services/base/executor.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/event_record.h"
#include "services/events/native/group_writer.h"
#include "services/events/native/native_event_view.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// At start: progress is told this often, looked at after so many events.
constexpr absl::Duration kProgressInterval = absl::Seconds(2);
constexpr int64_t kProgressEvents = 100'000;

// Events that a rebuild of identities reads at a time.
constexpr int64_t kScanEvents = 256 << 10;

constexpr size_t kEncodedSlackBytes = 32;

// Takes recorded events over into the columns, so that the next view finds little to do.
class Projector {
 public:
  // Sealing is handed to `sealer`, which must outlive this.
  explicit Projector(Executor& sealer) : sealer_(sealer), thread_([this] { Run(); }) {}
  ~Projector() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void SealIfDue(const std::shared_ptr<Projection>& projection) {
    if (!projection->TakeSealDue()) return;
    // Refused only at the end, when what is worth it is sealed anyway.
    const absl::Status submitted = sealer_.TrySubmit([projection] {
      projection->Seal();
      projection->CleanUp().IgnoreError();  // which has logged it; only what an earlier attempt has left
    });
    submitted.IgnoreError();
  }

  void Wake(const std::shared_ptr<Projection>& projection) {
    {
      const std::lock_guard lock(mutex_);
      behind_.insert(projection);
    }
    wake_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopping_ || !behind_.empty(); });
      if (stopping_) return;
      std::set<std::shared_ptr<Projection>> taken;
      taken.swap(behind_);
      lock.unlock();
      for (const std::shared_ptr<Projection>& projection : taken) {
        // A failure is told by every view; here there is nobody to tell.
        if (const absl::Status status = projection->CatchUp(); !status.ok()) {
          LogError("the columns of a workspace cannot follow its log", {{"status", std::string(status.message())}});
        }
        SealIfDue(projection);
      }
      lock.lock();
    }
  }

  Executor& sealer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<std::shared_ptr<Projection>> behind_;
  bool stopping_ = false;
  std::thread thread_;
};

class Store : public NativeEventStore {
 public:
  static absl::StatusOr<std::unique_ptr<EventStore>> Open(const NativeEventStoreOptions& options) {
    auto cache = std::make_shared<const ColumnCache>(options.limits.cache_bytes_max);
    ASSIGN_OR_RETURN(std::shared_ptr<EventLog> log, EventLog::Open(options.directory, options.env, cache->room()));
    rocksdb::Env* const env = options.env == nullptr ? rocksdb::Env::Default() : options.env;
    const std::string identities = absl::StrCat(options.directory, "/identities");
    ASSIGN_OR_RETURN(const uint64_t seed, EnsureIdentitySeed(env, identities));
    auto store = std::make_unique<Store>(options, std::move(log), env, seed, std::move(cache));
    RETURN_IF_ERROR(store->Load());
    store->StartWriter();
    return std::unique_ptr<EventStore>(std::move(store));
  }

  Store(const NativeEventStoreOptions& options, std::shared_ptr<EventLog> log, rocksdb::Env* env, uint64_t seed,
        std::shared_ptr<const ColumnCache> cache)
      : options_(options), env_(env), identity_seed_(seed), cache_(std::move(cache)), log_(std::move(log)) {}

  ~Store() override {
    writer_.reset();
    for (const auto& [id, workspace] : workspaces_) workspace->identities->StopBackground();
    identity_work_.Shutdown();
    for (const auto& [id, workspace] : workspaces_) workspace->identities->Close();
    log_->StopPurging();  // that is gone on with at the next start
    column_work_.Shutdown();
    for (const auto& [id, workspace] : workspaces_) {
      if (workspace->projection->SealIsWorthItAtClose()) workspace->projection->Seal();
    }
  }

  void Append(absl::string_view workspace, absl::Span<const v1::CustomerEvent* const> events,
              AppendCallback done) override {
    auto batch = std::make_unique<EncodedBatch>();
    batch->workspace = std::string(workspace);
    batch->done = std::move(done);
    batch->events.reserve(events.size());
    auto bytes = std::make_shared<std::string>();
    // The events of a batch are mostly of one length: copying while the buffer grows would cost as much as encoding.
    if (!events.empty()) bytes->reserve(events.size() * (events.front()->ByteSizeLong() + kEncodedSlackBytes));
    for (const v1::CustomerEvent* event : events) {
      const size_t offset = bytes->size();
      AppendCanonicalEvent(*event, *bytes);
      batch->events.push_back(
          {offset, bytes->size() - offset, IdentityHash(event->source(), event->id(), identity_seed_)});
    }
    batch->bytes = std::move(bytes);
    writer_->Append(std::move(batch));
  }

  void Erase(absl::string_view workspace, absl::string_view customer_id, EraseCallback done) override {
    auto item = std::make_unique<EncodedBatch>();
    item->workspace = std::string(workspace);
    item->bytes = std::make_shared<const std::string>(customer_id);
    item->erased = std::move(done);
    writer_->Append(std::move(item));
  }

  absl::StatusOr<std::shared_ptr<const EventView>> View(absl::string_view workspace) override {
    std::shared_ptr<Projection> projection;
    {
      const std::lock_guard lock(mutex_);
      const auto found = workspaces_.find(std::string(workspace));
      if (found == workspaces_.end()) return EmptyEventView();
      projection = found->second->projection;
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const Snapshot> snapshot, projection->Latest());
    return std::make_shared<const NativeEventView>(std::move(projection), std::move(snapshot));
  }

  void AddAppendObserver(std::function<void(const AppendNotice&)> observer) override {
    const std::lock_guard lock(mutex_);
    observers_.push_back(std::move(observer));
  }

 private:
  absl::Status Load() {
    using Workspaces = std::map<std::string, uint32_t>;
    ASSIGN_OR_RETURN(const Workspaces numbers, log_->Workspaces());
    absl::Time told = absl::Now();
    for (const auto& [id, number] : numbers) {
      WriterWorkspace& workspace = *(workspaces_[id] = MakeWorkspace(id, number));
      workspace.in_log = true;
      last_number_ = std::max(last_number_, number);
      ASSIGN_OR_RETURN(workspace.last_sequence, log_->LastSequence(number));
      ASSIGN_OR_RETURN(const int64_t covered, workspace.identities->Open(workspace.last_sequence));
      absl::Status recovered;
      RETURN_IF_ERROR(workspace.projection->Load(
          workspace.last_sequence, covered + 1,
          [&](int64_t sequence, const EventFields& fields) {
            if (recovered.ok()) {
              recovered =
                  workspace.identities->Recover(IdentityHash(fields.source, fields.id, identity_seed_), sequence);
            }
            if (sequence % kProgressEvents == 0 && absl::Now() - told > kProgressInterval) {
              told = absl::Now();
              LogInfo("reading recorded events", {{"workspace", workspace.id}, {"events", absl::StrCat(sequence)}});
            }
          },
          [&](int64_t sequence, const LogMark& mark) {
            if (!recovered.ok()) return;
            recovered = workspace.identities->Recover(IdentityOfMark(mark, sequence, identity_seed_), sequence);
          }));
      RETURN_IF_ERROR(recovered);
      // Sorted now, while nobody waits for it.
      RETURN_IF_ERROR(workspace.projection->Latest().status());
      projector_.SealIfDue(workspace.projection);
      if (workspace.projection->LastPendingErasure() != 0) CleanUp(workspace.projection, {}, nullptr);
    }
    return absl::OkStatus();
  }

  // In the background; then tells the result. Also waits for what was begun before.
  void CleanUp(const std::shared_ptr<Projection>& projection, ErasureResult result, const EraseCallback& done) {
    const absl::Status submitted = column_work_.TrySubmit([projection, result = std::move(result), done] {
      const absl::Status cleaned = projection->CleanUp();
      if (done == nullptr) return;
      if (cleaned.ok()) {
        done(result);
      } else {
        done(cleaned);
      }
    });
    if (!submitted.ok() && done != nullptr) done(submitted);
  }

  int QueryThreads() const {
    if (options_.query_threads > 0) return options_.query_threads;
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  void StartWriter() {
    writer_ = std::make_unique<GroupWriter>(
        *log_, options_.clock == nullptr ? SystemClock() : *options_.clock, options_.limits,
        [this](const std::string& id) -> WriterWorkspace& { return EnsureWorkspace(id); },
        [this](WriterWorkspace& workspace) { Recorded(workspace); },
        [this](WriterWorkspace& workspace, ErasureResult result, const EraseCallback& done) {
          CleanUp(workspace.projection, std::move(result), done);
        });
  }

  WriterWorkspace& EnsureWorkspace(const std::string& id) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<WriterWorkspace>& workspace = workspaces_[id];
    if (workspace == nullptr) workspace = MakeWorkspace(id, ++last_number_);
    return *workspace;
  }

  std::unique_ptr<WriterWorkspace> MakeWorkspace(const std::string& id, uint32_t number) {
    auto workspace = std::make_unique<WriterWorkspace>();
    workspace->id = id;
    workspace->number = number;
    workspace->identity_seed = identity_seed_;
    workspace->projection = std::make_shared<Projection>(
        log_, number, QueryThreads(),
        Projection::Files{env_, absl::StrCat(options_.directory, "/columns"), options_.limits.open_events_max, cache_});
    IdentityIndexOptions options;
    options.env = env_;
    options.directory = absl::StrCat(options_.directory, "/identities/", number);
    options.workspace = number;
    options.hash_seed = identity_seed_;
    options.background = &identity_work_;
    options.open_entries_max = options_.limits.open_identities_max;
    options.scan_log = [this, number](int64_t first, int64_t last, const IdentityIndexOptions::Visit& visit) {
      return ScanIdentities(number, first, last, visit);
    };
    workspace->identities = std::make_unique<IdentityIndex>(std::move(options));
    return workspace;
  }

  // In pieces, as whoever opens the log anew after a failed write waits for readers.
  absl::Status ScanIdentities(uint32_t number, int64_t first, int64_t last,
                              const IdentityIndexOptions::Visit& visit) const {
    for (int64_t from = first; from <= last; from += kScanEvents) {
      RETURN_IF_ERROR(log_->Scan(number, from, std::min(last, from + kScanEvents - 1),
                                 [&](int64_t sequence, absl::string_view event) -> absl::Status {
                                   if (LogMark mark; ReadLogMark(event, mark)) {
                                     return visit(sequence, IdentityOfMark(mark, sequence, identity_seed_));
                                   }
                                   EventFields fields;
                                   if (!ReadEventFields(event, fields)) {
                                     return StoreDamaged("the event store", absl::StrCat("workspace ", number),
                                                         absl::StrCat("event ", sequence, " cannot be read"));
                                   }
                                   return visit(sequence, IdentityHash(fields.source, fields.id, identity_seed_));
                                 }));
    }
    return absl::OkStatus();
  }

  void Recorded(WriterWorkspace& workspace) {
    projector_.Wake(workspace.projection);
    const AppendNotice notice{workspace.id, EventSequence{workspace.last_sequence}};
    for (const auto& observer : observers_) observer(notice);
  }

  const NativeEventStoreOptions options_;
  rocksdb::Env* const env_;
  const uint64_t identity_seed_;
  const std::shared_ptr<const ColumnCache> cache_;
  const std::shared_ptr<EventLog> log_;
  Executor identity_work_{"identities", 1};
  Executor column_work_{"columns", 1};
  std::mutex mutex_;  // guards the map itself; a workspace's fields belong to the writer, except its projection
  std::map<std::string, std::unique_ptr<WriterWorkspace>> workspaces_;
  uint32_t last_number_ = 0;
  std::vector<std::function<void(const AppendNotice&)>> observers_;
  Projector projector_{column_work_};
  std::unique_ptr<GroupWriter> writer_;  // last, so that it ends first
};

}  // namespace

absl::StatusOr<std::unique_ptr<EventStore>> NativeEventStore::Open(const NativeEventStoreOptions& options) {
  return Store::Open(options);
}

}  // namespace throughline
