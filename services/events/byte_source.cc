#include "services/events/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/events/import_errors.h"

namespace throughline {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;

class FileSource : public ByteSource {
 public:
  FileSource(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~FileSource() override {
    if (descriptor_ != STDIN_FILENO) close(descriptor_);
  }
  absl::StatusOr<size_t> Read(char* buffer, size_t size_max) override {
    while (true) {
      const ssize_t count = read(descriptor_, buffer, size_max);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileUnreadableError(path_, errno);
      position_ += count;
      return static_cast<size_t>(count);
    }
  }
  int64_t position() const override { return position_; }

 private:
  const int descriptor_;
  const std::string path_;
  int64_t position_ = 0;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size_max) override {
    const size_t count = std::min(size_max, bytes_.size() - position_);
    std::memcpy(buffer, bytes_.data() + position_, count);
    position_ += count;
    return count;
  }
  int64_t position() const override { return static_cast<int64_t>(position_); }

 private:
  const std::string bytes_;
  size_t position_ = 0;
};

// Gives back the bytes that were read to recognise the file.
class PrefixedSource : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size_max) override {
    if (used_ == prefix_.size()) return rest_->Read(buffer, size_max);
    const size_t count = std::min(size_max, prefix_.size() - used_);
    std::memcpy(buffer, prefix_.data() + used_, count);
    used_ += count;
    return count;
  }
  int64_t position() const override { return rest_->position(); }

 private:
  const std::string prefix_;
  const std::unique_ptr<ByteSource> rest_;
  size_t used_ = 0;
};

// RFC 1952, with several members one after the other, as `cat a.gz b.gz` makes them.
class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)), input_(kChunkBytes) {
    initialised_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;
  }
  ~GzipSource() override {
    if (initialised_) inflateEnd(&stream_);
  }
  absl::StatusOr<size_t> Read(char* buffer, size_t size_max) override {
    if (!initialised_) return GzipDamagedError("zlib could not start");
    stream_.next_out = reinterpret_cast<Bytef*>(buffer);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size_max, 1 << 30));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && !finished_) {
      if (absl::Status status = Step(); !status.ok()) {
        const size_t unpacked = wanted - stream_.avail_out;
        if (unpacked > 0) return unpacked;  // the same damage is met again on the next call
        return status;
      }
    }
    return wanted - stream_.avail_out;
  }
  int64_t position() const override { return packed_->position(); }

 private:
  absl::Status Step() {
    if (!damage_.ok()) return damage_;
    if (stream_.avail_in == 0) {
      absl::StatusOr<size_t> count = packed_->Read(reinterpret_cast<char*>(input_.data()), input_.size());
      if (!count.ok()) return damage_ = count.status();
      if (*count == 0) {
        finished_ = between_members_;
        return finished_ ? absl::OkStatus() : damage_ = GzipTruncatedError(packed_->position());
      }
      stream_.next_in = input_.data();
      stream_.avail_in = static_cast<uInt>(*count);
    }
    if (between_members_) {
      // Some tools pad with zeros; anything else must be another member.
      while (stream_.avail_in > 0 && *stream_.next_in == 0) ++stream_.next_in, --stream_.avail_in;
      if (stream_.avail_in == 0) return absl::OkStatus();
      inflateReset(&stream_);
      between_members_ = false;
    }
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      between_members_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return damage_ = GzipDamagedError(stream_.msg != nullptr ? stream_.msg : "unknown format");
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<ByteSource> packed_;
  std::vector<Bytef> input_;
  z_stream stream_{};
  bool initialised_ = false;
  bool between_members_ = false;
  bool finished_ = false;
  absl::Status damage_;
};

absl::StatusOr<std::unique_ptr<ByteSource>> Unpacked(std::unique_ptr<ByteSource> raw) {
  std::string start(2, '\0');
  size_t size = 0;
  while (size < start.size()) {
    absl::StatusOr<size_t> count = raw->Read(start.data() + size, start.size() - size);
    if (!count.ok()) return count.status();
    if (*count == 0) break;
    size += *count;
  }
  start.resize(size);
  const bool gzipped = start == "\x1f\x8b";
  auto whole = std::make_unique<PrefixedSource>(std::move(start), std::move(raw));
  if (!gzipped) return whole;
  return std::make_unique<GzipSource>(std::move(whole));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path) {
  if (path == "-") return Unpacked(std::make_unique<FileSource>(STDIN_FILENO, "standard input"));
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FileUnreadableError(path, errno);
  auto file = std::make_unique<FileSource>(descriptor, path);
  struct stat facts {};
  if (fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) return FileUnreadableError(path, EISDIR);
  return Unpacked(std::move(file));
}

absl::StatusOr<std::unique_ptr<ByteSource>> MakeByteSource(std::string bytes) {
  return Unpacked(std::make_unique<MemorySource>(std::move(bytes)));
}

}  // namespace throughline
