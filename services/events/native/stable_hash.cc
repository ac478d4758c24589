#include "services/events/native/stable_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace throughline {

uint64_t StableHash(const void* bytes, size_t size, uint64_t seed) { return XXH3_64bits_withSeed(bytes, size, seed); }

uint64_t IdentityHash(absl::string_view source, absl::string_view id, uint64_t seed) {
  return XXH3_64bits_withSeed(id.data(), id.size(), XXH3_64bits_withSeed(source.data(), source.size(), seed));
}

}  // namespace throughline
