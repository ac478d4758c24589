// RocksDB's file system with a hook before whatever changes a file: fails it, ends the process, or lets it be.
// Thread-safe if the hook is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace throughline::testing {

class HookedFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // `what` is one of create, write, sync, rename, delete, sync directory; and append and sync appended, of files that
  // are written from their beginning to their end.
  using Hook = std::function<rocksdb::IOStatus(const char* what, const std::string& path)>;

  explicit HookedFileSystem(Hook hook)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), hook_(std::make_shared<const Hook>(std::move(hook))) {}
  static std::unique_ptr<rocksdb::Env> MakeEnv(Hook hook) {
    return rocksdb::NewCompositeEnv(std::make_shared<HookedFileSystem>(std::move(hook)));
  }

  const char* Name() const override { return "HookedFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = (*hook_)("create", path); !status.ok()) return status;
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(path, options, file, context);
    if (status.ok()) *file = std::make_unique<Appended>(std::move(*file), hook_, path);
    return status;
  }
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewRandomRWFile(path, options, file, context);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), hook_, path);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = (*hook_)("rename", to); !status.ok()) return status;
    return FileSystemWrapper::RenameFile(from, to, options, context);
  }
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = (*hook_)("delete", path); !status.ok()) return status;
    return FileSystemWrapper::DeleteFile(path, options, context);
  }
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = (*hook_)("sync directory", path); !status.ok()) return status;
    return FileSystemWrapper::NewDirectory(path, options, directory, context);
  }

 private:
  class Appended : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Appended(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<const Hook> hook, std::string path)
        : FSWritableFileOwnerWrapper(std::move(file)), hook_(std::move(hook)), path_(std::move(path)) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("append", path_); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Append(data, options, context);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("append", path_); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Append(data, options, info, context);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("sync appended", path_); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Sync(options, context);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("sync appended", path_); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Fsync(options, context);
    }

   private:
    const std::shared_ptr<const Hook> hook_;
    const std::string path_;
  };
  class File : public rocksdb::FSRandomRWFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSRandomRWFile> file, std::shared_ptr<const Hook> hook, std::string path)
        : FSRandomRWFileOwnerWrapper(std::move(file)), hook_(std::move(hook)), path_(std::move(path)) {}
    rocksdb::IOStatus Write(uint64_t offset, const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("write", path_); !status.ok()) return status;
      return FSRandomRWFileOwnerWrapper::Write(offset, data, options, context);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = (*hook_)("sync", path_); !status.ok()) return status;
      return FSRandomRWFileOwnerWrapper::Fsync(options, context);
    }

   private:
    const std::shared_ptr<const Hook> hook_;
    const std::string path_;
  };

  const std::shared_ptr<const Hook> hook_;
};

}  // namespace throughline::testing
