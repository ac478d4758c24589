// The writer's part of an erasure: tombstones, one synced commit, and what follows from it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/event_record.h"
#include "services/events/native/group_writer.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// The most that columns can hold a row for.
constexpr int64_t kSequenceMax = (int64_t{1} << 32) - 2;
// Events that are read at a time: they have 300 KB each at most.
constexpr size_t kReadChunk = 128;

}  // namespace

void GroupWriter::ProcessErasure(EncodedBatch& item, const absl::Status& settled) {
  const absl::Status& refused = item.refused.ok() ? settled : item.refused;
  WriterWorkspace* const workspace = refused.ok() ? &ensure_workspace_(item.workspace) : nullptr;
  absl::StatusOr<ErasureResult> result =
      workspace == nullptr ? absl::StatusOr<ErasureResult>(refused) : EraseCustomer(*workspace, *item.bytes);
  Release(item.bytes->size());
  if (!result.ok()) return item.erased(result.status());
  on_erased_(*workspace, *std::move(result), std::move(item.erased));
}

absl::StatusOr<ErasureResult> GroupWriter::EraseCustomer(WriterWorkspace& workspace, absl::string_view customer_id) {
  Erasing erasing;
  erasing.workspace = &workspace;
  ASSIGN_OR_RETURN(erasing.person, workspace.projection->EventsOfPerson(customer_id));
  ErasureResult out;
  if (erasing.person.rows.empty()) {
    // It may be the second call for a customer whose erasure goes on.
    out.watermark = EventSequence{workspace.projection->LastPendingErasure()};
    return out;
  }
  if (workspace.last_sequence >= kSequenceMax) {
    return LimitExceeded("Events and erasures of one workspace", kSequenceMax, "events");
  }
  EventLog::Erasure& erasure = erasing.erasure;
  erasure.sequence = workspace.last_sequence + 1;
  for (const uint32_t row : erasing.person.rows) erasure.erased.push_back(int64_t{row} + 1);
  erasure.unlinks = erasing.person.unlinks;
  ASSIGN_OR_RETURN(std::vector<std::string> marks, MakeMarks(workspace, erasure));
  LogMark mark;
  mark.kind = LogMark::Kind::kErasure;
  mark.erased_events = std::ssize(erasure.erased);
  marks.push_back(EncodeLogMark(mark));
  // The index has an entry for every sequence.
  for (erasing.index_key = IdentityOfMark(mark, erasure.sequence, workspace.identity_seed);; ++erasing.index_key) {
    ASSIGN_OR_RETURN(const int64_t taken, workspace.identities->Find(erasing.index_key));
    if (taken == 0) break;
  }
  out.events = std::ssize(erasure.erased);
  out.customer_ids = erasing.person.customer_ids;
  out.watermark = EventSequence{erasure.sequence};
  if (absl::Status status = log_.WriteErasure(clock_.Now(), workspace.number, erasure, marks); !status.ok()) {
    failed_erasure_ = std::move(erasing);
    return status;
  }
  RETURN_IF_ERROR(TakeOver(std::move(erasing)));
  return out;
}

// The tombstones of these events, in their order.
absl::StatusOr<std::vector<std::string>> GroupWriter::MakeMarks(WriterWorkspace& workspace,
                                                                const EventLog::Erasure& erasure) {
  std::vector<std::string> out;
  out.reserve(erasure.erased.size() + 1);
  for (size_t from = 0; from < erasure.erased.size(); from += kReadChunk) {
    const auto chunk = absl::MakeConstSpan(erasure.erased).subspan(from, kReadChunk);
    ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, log_.Read(workspace.number, chunk));
    for (const EventLog::Record& record : records) {
      EventFields fields;
      if (IsLogMark(record.event) || !ReadEventFields(record.event, fields)) {
        return StoreDamaged("the event store", absl::StrCat("workspace ", workspace.number),
                            absl::StrCat("event ", record.sequence, " cannot be read"));
      }
      LogMark mark;
      mark.identity_hash = IdentityHash(fields.source, fields.id, workspace.identity_seed);
      out.push_back(EncodeLogMark(mark));
    }
  }
  return out;
}

// The log has it.
absl::Status GroupWriter::TakeOver(Erasing done) {
  WriterWorkspace& workspace = *done.workspace;
  workspace.identities->Insert(done.index_key, ++workspace.last_sequence);
  workspace.identities->Committed();
  const absl::Status status = workspace.projection->Erase(done.person, workspace.last_sequence);
  if (!status.ok()) {
    LogError("the columns of a workspace cannot follow an erasure, and do at the next start",
             {{"workspace", workspace.id}, {"status", std::string(status.message())}});
  }
  on_recorded_(workspace);
  return status;
}

// A commit that failed may be in the log all the same, in whole. Then it holds, though its sender was told otherwise:
// the events are gone.
absl::Status GroupWriter::SettleFailedErasure() {
  if (!failed_erasure_.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(log_.EnsureWritable());
  ASSIGN_OR_RETURN(const bool there,
                   log_.HasErasure(failed_erasure_->workspace->number, failed_erasure_->erasure.sequence));
  Erasing settled = *std::move(failed_erasure_);
  failed_erasure_.reset();
  if (!there) return absl::OkStatus();
  WriterWorkspace& workspace = *settled.workspace;
  RETURN_IF_ERROR(TakeOver(std::move(settled)));
  on_erased_(workspace, ErasureResult(), nullptr);
  return absl::OkStatus();
}

}  // namespace throughline
