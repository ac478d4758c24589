// Writes one run of identities (identity_run.h) in one pass and little memory. For one thread.
//
// The file has a temporary name until it is whole and on the disk: a crash leaves a whole run or none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/events/native/identity_run.h"

namespace rocksdb {
class Env;
class RandomRWFile;
class Status;
}  // namespace rocksdb

namespace throughline {

class IdentityRunWriter {
 public:
  // In `directory`, which is made if it is absent. Codes as MapRocksDbError.
  static absl::StatusOr<std::unique_ptr<IdentityRunWriter>> Create(rocksdb::Env* env, const std::string& directory,
                                                                   const IdentityRunRange& range);
  // Removes the file unless it was finished.
  ~IdentityRunWriter();

  // Hashes must ascend. Codes as MapRocksDbError; INTERNAL if they do not ascend or are more than the range has.
  absl::Status Add(const IdentityEntry& entry);
  // The run, durable and opened. INTERNAL if entries are missing; codes as MapRocksDbError.
  absl::StatusOr<std::shared_ptr<const IdentityRun>> Finish();

 private:
  // Pages of one part of the file that are not written yet.
  struct Part {
    std::string bytes;
    uint64_t offset = 0;
  };

  IdentityRunWriter(rocksdb::Env* env, std::string directory, const IdentityRunRange& range);
  absl::Status Put(Part& part, const void* bytes, size_t size);
  absl::Status Flush(Part& part);
  absl::Status PutBlock();
  absl::Status PutLinesBefore(uint64_t line);
  absl::Status Mapped(const rocksdb::Status& status) const;

  rocksdb::Env* const env_;
  const std::string directory_;
  const IdentityRunRange range_;
  const std::string path_;
  const std::string temporary_path_;
  const std::unique_ptr<const identity_run::Header> header_;
  std::unique_ptr<rocksdb::RandomRWFile> file_;
  bool finished_ = false;
  Part filter_part_;
  Part entries_part_;
  identity_run::FilterLine line_ = {};
  uint64_t line_number_ = 0;
  std::unique_ptr<identity_run::Block> block_;
  uint64_t block_number_ = 0;
  int64_t added_ = 0;
  uint64_t last_hash_ = 0;
};

}  // namespace throughline
