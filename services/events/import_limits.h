// Limits of reading files; what is beyond is reported, never read into memory. Plain values.
#pragma once

#include <cstddef>

namespace throughline {

// Read at once: large enough that calls cost nothing, small enough for a cache.
inline constexpr size_t kImportChunkBytes = 64 * 1024;
// A CSV row or a JSON line. An event has at most 64 properties of 4 KiB and a comment of 16 KiB: 1 MiB holds any valid
// one three times over.
inline constexpr size_t kImportRecordBytesMax = 1 << 20;
// One XML token (a tag with its attributes, a text).
inline constexpr size_t kImportXmlTokenBytesMax = 1 << 20;
// Rows of a lookup table; at about 100 bytes each this is 1 GB.
inline constexpr size_t kImportLookupRowsMax = 10'000'000;
// Events that wait for the name of their XES trace, where it follows them.
inline constexpr size_t kImportTraceBacklogMax = 10'000;

}  // namespace throughline
