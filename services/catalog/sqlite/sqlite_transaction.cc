#include "services/catalog/sqlite/sqlite_transaction.h"

#include <memory>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/sqlite/sqlite_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// The part of a name before its last slash.
absl::string_view CollectionOf(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : name.substr(0, slash);
}

absl::Status CheckName(absl::string_view name) {
  if (name.empty()) return MissingField("name");
  if (name.size() > limits::kResourceNameLengthMax) {
    return LimitExceeded("a resource name", limits::kResourceNameLengthMax, "bytes");
  }
  if (name.find('\0') != absl::string_view::npos) return InvalidField("name", "contains a zero byte");
  return absl::OkStatus();
}

// Equal messages become equal bytes: entries of maps are sorted.
std::string Serialize(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// The file keeps whole microseconds; what a transaction shows must be what readers will see.
int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

}  // namespace

template <typename T>
T SqliteTransaction::Keep(T result) {
  if (failure_.ok() && !StatusOf(result).ok()) failure_ = StatusOf(result);
  return result;
}

absl::StatusOr<std::optional<Document>> SqliteTransaction::Find(absl::string_view name) {
  return Keep(FindDocument(connection_, revision_, horizon_, name));
}

absl::StatusOr<std::vector<Document>> SqliteTransaction::List(const ListOptions& options) {
  if (options.limit <= 0) return InvalidField("limit", "must be positive");
  return Keep(ListCollection(connection_, revision_, horizon_, options));
}

absl::StatusOr<std::vector<Document>> SqliteTransaction::ListByType(absl::string_view type, absl::string_view prefix) {
  return Keep(throughline::ListByType(connection_, revision_, horizon_, type, prefix));
}

absl::Status SqliteTransaction::Put(absl::string_view name, const google::protobuf::Message& message) {
  RETURN_IF_ERROR(CheckName(name));
  Document document;
  document.name = std::string(name);
  document.type = message.GetDescriptor()->full_name();
  document.payload = Serialize(message);
  if (document.payload.size() > limits::kCatalogPayloadBytesMax) {
    return LimitExceeded(name, limits::kCatalogPayloadBytesMax, "bytes");
  }
  ASSIGN_OR_RETURN(const Current current, FindCurrent(name));
  Change::Kind kind = Change::Kind::kCreated;
  document.create_revision = revision_;
  document.create_time = now_;
  if (current.document.has_value()) {
    kind = current.document->deleted() ? Change::Kind::kUndeleted : Change::Kind::kUpdated;
    document.create_revision = current.document->create_revision;
    document.create_time = current.document->create_time;
  }
  return Apply(kind, current.document_id, std::move(document));
}

absl::Status SqliteTransaction::Delete(absl::string_view name) {
  ASSIGN_OR_RETURN(Current current, FindCurrent(name));
  if (!current.document.has_value() || current.document->deleted()) return ResourceNotFound(name);
  current.document->delete_time = now_;
  return Apply(Change::Kind::kDeleted, current.document_id, *std::move(current.document));
}

absl::Status SqliteTransaction::Undelete(absl::string_view name) {
  ASSIGN_OR_RETURN(Current current, FindCurrent(name));
  if (!current.document.has_value()) return ResourceNotFound(name);
  if (!current.document->deleted()) return ResourceNotDeleted(name);
  current.document->delete_time.reset();
  return Apply(Change::Kind::kUndeleted, current.document_id, *std::move(current.document));
}

absl::Status SqliteTransaction::Purge(absl::string_view name) {
  ASSIGN_OR_RETURN(Current current, FindCurrent(name));
  if (!current.document.has_value()) return ResourceNotFound(name);
  current.document->payload.clear();
  current.document->delete_time.reset();
  return Apply(Change::Kind::kPurged, current.document_id, *std::move(current.document));
}

absl::Status SqliteTransaction::Finish() {
  SqliteQuery query(connection_, SqlStatement::kInsertRevision);
  query.Bind(revision_.value).Bind(Micros(now_));
  return query.Run();
}

absl::StatusOr<SqliteTransaction::Current> SqliteTransaction::FindCurrent(absl::string_view name) {
  SqliteQuery query(connection_, SqlStatement::kHistory);
  query.Bind(revision_.value + 1).BindText(name);
  ASSIGN_OR_RETURN(const bool row, Keep(query.Step()));
  Current current;
  if (!row) return current;
  const DocumentRowState state = StateOfRow(query);
  current.document_id = state.document_id;
  if (state.kind == Change::Kind::kPurged) return current;
  Document document = DocumentOfRow(query);
  // Compacted, though its row may still be there.
  if (document.deleted() && document.revision < horizon_) return current;
  current.document = std::move(document);
  return current;
}

absl::Status SqliteTransaction::Apply(Change::Kind kind, int64_t document_id, Document document) {
  document.revision = revision_;
  document.update_time = now_;
  RETURN_IF_ERROR(Keep(WriteRows(kind, document_id, document)));
  DocumentCache::Update update;
  update.name = document.name;
  if (kind != Change::Kind::kPurged) update.value = std::make_shared<const Document>(std::move(document));
  updates_.push_back(std::move(update));
  return absl::OkStatus();
}

absl::Status SqliteTransaction::WriteRows(Change::Kind kind, int64_t document_id, const Document& document) {
  if (document_id == 0) {
    SqliteQuery insert(connection_, SqlStatement::kInsertDocument);
    RETURN_IF_ERROR(insert.BindText(document.name).BindText(CollectionOf(document.name)).Run());
    document_id = connection_.LastInsertId();
  }
  SqliteQuery type(connection_, SqlStatement::kInsertDocumentType);
  RETURN_IF_ERROR(type.BindText(document.type).BindText(document.name).Bind(document_id).Run());
  std::optional<int64_t> delete_time;
  if (document.deleted()) delete_time = Micros(*document.delete_time);
  SqliteQuery row(connection_, SqlStatement::kPutDocumentRevision);
  row.Bind(document_id).Bind(revision_.value).Bind(static_cast<int64_t>(kind)).Bind(document.create_revision.value);
  row.Bind(Micros(document.create_time)).Bind(Micros(now_)).Bind(delete_time);
  RETURN_IF_ERROR(row.BindText(document.type).BindBlob(document.payload).Run());
  SqliteQuery change(connection_, SqlStatement::kInsertChange);
  change.Bind(revision_.value).Bind(static_cast<int64_t>(updates_.size())).BindText(document.name);
  return change.BindText(document.type).Bind(static_cast<int64_t>(kind)).Run();
}

}  // namespace throughline
