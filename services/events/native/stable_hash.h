// XXH3, 64 bits: the hash and the checksum of what is kept in files. The same in every process, build and release,
// which absl::Hash is not. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace throughline {

uint64_t StableHash(const void* bytes, size_t size, uint64_t seed);

// Of an event's identity. `seed` is the store's own, so that nobody outside can prepare identities that collide.
uint64_t IdentityHash(absl::string_view source, absl::string_view id, uint64_t seed);

}  // namespace throughline
