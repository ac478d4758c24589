#include "services/events/native/byte_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace throughline {
namespace {

void LookUpPlain(const uint8_t* table, const uint8_t* codes, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = table[codes[i]];
}

size_t FindPlain(const uint8_t* values, size_t count, uint8_t value, bool equal, uint32_t first, uint32_t* places) {
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    places[found] = first + static_cast<uint32_t>(i);
    found += (values[i] == value) == equal;
  }
  return found;
}

#if defined(__x86_64__)

#define THROUGHLINE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi,popcnt")))

// Two permutations of 128 bytes each; the upper bit of a code chooses.
THROUGHLINE_AVX512 void LookUpAvx512(const uint8_t* table, const uint8_t* codes, size_t count, uint8_t* out) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m512i c = _mm512_loadu_si512(codes + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, c, t1);
    const __m512i high = _mm512_permutex2var_epi8(t2, c, t3);
    _mm512_storeu_si512(out + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(c), low, high));
  }
  LookUpPlain(table, codes + i, count - i, out + i);
}

THROUGHLINE_AVX512 size_t FindAvx512(const uint8_t* values, size_t count, uint8_t value, bool equal, uint32_t first,
                                     uint32_t* places) {
  const __m512i wanted = _mm512_set1_epi8(static_cast<char>(value));
  const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t found = 0, i = 0;
  for (; i + 64 <= count; i += 64) {
    uint64_t mask = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(values + i), wanted);
    if (!equal) mask = ~mask;
    for (size_t part = 0; mask != 0; part += 16, mask >>= 16) {
      const auto lanes = static_cast<__mmask16>(mask);
      const __m512i at = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first + i + part)), steps);
      _mm512_storeu_si512(places + found, _mm512_maskz_compress_epi32(lanes, at));
      found += static_cast<size_t>(_mm_popcnt_u32(lanes));
    }
  }
  return found + FindPlain(values + i, count - i, value, equal, first + static_cast<uint32_t>(i), places + found);
}

bool HasAvx512() {
  static const bool has =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("popcnt");
  return has;
}

#else

bool HasAvx512() { return false; }
constexpr auto* LookUpAvx512 = &LookUpPlain;
constexpr auto* FindAvx512 = &FindPlain;

#endif

}  // namespace

void LookUpBytes(const uint8_t* table, const uint8_t* codes, size_t count, uint8_t* out) {
  HasAvx512() ? LookUpAvx512(table, codes, count, out) : LookUpPlain(table, codes, count, out);
}

size_t FindBytes(const uint8_t* values, size_t count, uint8_t value, bool equal, uint32_t first, uint32_t* places) {
  return HasAvx512() ? FindAvx512(values, count, value, equal, first, places)
                     : FindPlain(values, count, value, equal, first, places);
}

}  // namespace throughline
