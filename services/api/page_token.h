// Page tokens: opaque to clients, encrypted and authenticated (AES-256-GCM), so that nobody can read, make or change
// one. A token belongs to one method and to the other fields of the request it came from; and it carries the revision
// that the listing reads, so that all pages show one state.
// Immutable after construction; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace throughline::api {

// Where the next page begins.
struct PagePosition {
  // What the listing reads: a catalog revision, or an event watermark.
  int64_t snapshot = 0;
  // The last item shown, in the listing's own form; not empty.
  std::string after;
};

class PageTokenCodec {
 public:
  using Key = std::array<uint8_t, 32>;

  explicit PageTokenCodec(const Key& key) : key_(key) {}

  static Key RandomKey();

  // `request` is the list request; its page_token and page_size do not count (AIP-158 lets page_size change).
  std::string Encode(const google::protobuf::Message& request, const PagePosition& position) const;

  // The position that `token` stands for. INVALID_ARGUMENT (INVALID_PAGE_TOKEN) if it was not made by this server for
  // the same method and fields. `token` must not be empty.
  absl::StatusOr<PagePosition> Decode(const google::protobuf::Message& request, absl::string_view token) const;

 private:
  Key key_;
};

}  // namespace throughline::api
