#include "services/events/native/identity_run_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/base/status_macros.h"
#include "services/events/native/rocksdb_error.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using identity_run::Block;
using identity_run::FilterLine;
using identity_run::Header;

constexpr size_t kFlushBytes = 1 << 20;

absl::Status WrongEntries(const std::string& path) {
  return Internal(absl::StrCat("the entries of a run of identities are not what they must be: ", path));
}

}  // namespace

IdentityRunWriter::IdentityRunWriter(rocksdb::Env* env, std::string directory, const IdentityRunRange& range)
    : env_(env),
      directory_(std::move(directory)),
      range_(range),
      path_(absl::StrCat(directory_, "/", identity_run::FileName(range.first_sequence, range.last_sequence))),
      temporary_path_(path_ + identity_run::kTemporaryEnding),
      header_(std::make_unique<const Header>(identity_run::MakeHeader(range))),
      block_(std::make_unique<Block>()) {
  filter_part_.offset = sizeof(Header);
  entries_part_.offset = sizeof(Header) + header_->filter_lines * sizeof(FilterLine);
}

IdentityRunWriter::~IdentityRunWriter() {
  if (finished_) return;
  file_.reset();
  env_->DeleteFile(temporary_path_).PermitUncheckedError();
}

absl::Status IdentityRunWriter::Mapped(const rocksdb::Status& status) const {
  return MapRocksDbError(status, directory_);
}

absl::StatusOr<std::unique_ptr<IdentityRunWriter>> IdentityRunWriter::Create(rocksdb::Env* env,
                                                                             const std::string& directory,
                                                                             const IdentityRunRange& range) {
  std::unique_ptr<IdentityRunWriter> writer(new IdentityRunWriter(env, directory, range));
  RETURN_IF_ERROR(writer->Mapped(env->CreateDirIfMissing(directory)));
  // RocksDB opens files for writing in any order only where they exist.
  std::unique_ptr<rocksdb::WritableFile> created;
  RETURN_IF_ERROR(writer->Mapped(env->NewWritableFile(writer->temporary_path_, &created, rocksdb::EnvOptions())));
  RETURN_IF_ERROR(writer->Mapped(created->Close()));
  RETURN_IF_ERROR(writer->Mapped(env->NewRandomRWFile(writer->temporary_path_, &writer->file_, rocksdb::EnvOptions())));
  const rocksdb::Slice header(reinterpret_cast<const char*>(writer->header_.get()), sizeof(Header));
  RETURN_IF_ERROR(writer->Mapped(writer->file_->Write(0, header)));
  return writer;
}

absl::Status IdentityRunWriter::Flush(Part& part) {
  RETURN_IF_ERROR(Mapped(file_->Write(part.offset, part.bytes)));
  part.offset += part.bytes.size();
  part.bytes.clear();
  return absl::OkStatus();
}

absl::Status IdentityRunWriter::Put(Part& part, const void* bytes, size_t size) {
  part.bytes.append(static_cast<const char*>(bytes), size);
  return part.bytes.size() < kFlushBytes ? absl::OkStatus() : Flush(part);
}

absl::Status IdentityRunWriter::PutBlock() {
  block_->check = block_->CheckFor(header_->check, block_number_);
  RETURN_IF_ERROR(Put(entries_part_, block_.get(), sizeof(Block)));
  ++block_number_;
  *block_ = {};
  return absl::OkStatus();
}

absl::Status IdentityRunWriter::PutLinesBefore(uint64_t line) {
  for (; line_number_ < line; ++line_number_) {
    line_.check = line_.CheckFor(header_->check, line_number_);
    RETURN_IF_ERROR(Put(filter_part_, &line_, sizeof(line_)));
    line_ = {};
  }
  return absl::OkStatus();
}

absl::Status IdentityRunWriter::Add(const IdentityEntry& entry) {
  if (added_ == range_.size() || (added_ > 0 && entry.hash <= last_hash_)) return WrongEntries(path_);
  ++added_;
  last_hash_ = entry.hash;
  RETURN_IF_ERROR(PutLinesBefore(identity_run::FilterLineOf(entry.hash, header_->filter_lines)));
  const std::array<uint64_t, 7> bits = identity_run::FilterBits(entry.hash);
  for (size_t i = 0; i < bits.size(); ++i) line_.words[i] |= bits[i];
  block_->hashes[block_->used] = entry.hash;
  block_->sequences[block_->used] = entry.sequence;
  return ++block_->used < identity_run::kBlockEntries ? absl::OkStatus() : PutBlock();
}

absl::StatusOr<std::shared_ptr<const IdentityRun>> IdentityRunWriter::Finish() {
  if (added_ != range_.size()) return WrongEntries(path_);
  RETURN_IF_ERROR(PutLinesBefore(header_->filter_lines));
  if (block_->used > 0) RETURN_IF_ERROR(PutBlock());
  RETURN_IF_ERROR(Flush(filter_part_));
  RETURN_IF_ERROR(Flush(entries_part_));
  RETURN_IF_ERROR(Mapped(file_->Fsync()));
  RETURN_IF_ERROR(Mapped(file_->Close()));
  RETURN_IF_ERROR(Mapped(env_->RenameFile(temporary_path_, path_)));
  finished_ = true;
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(Mapped(env_->NewDirectory(directory_, &directory)));
  RETURN_IF_ERROR(Mapped(directory->Fsync()));
  return IdentityRun::Open(env_, path_, range_.workspace, range_.hash_seed);
}

}  // namespace throughline
