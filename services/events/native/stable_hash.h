// XXH3, 64 bits: the hash and the checksum of what is kept in files. The same in every process, build and release,
// which absl::Hash is not. Pure functions; any thread.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace throughline {

inline uint64_t StableHash(const void* bytes, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, size, seed);
}

// Of an event's identity. `seed` is the store's own, so that nobody outside can prepare identities that collide.
inline uint64_t IdentityHash(absl::string_view source, absl::string_view id, uint64_t seed) {
  return StableHash(id.data(), id.size(), StableHash(source.data(), source.size(), seed));
}

}  // namespace throughline
