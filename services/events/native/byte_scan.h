// Loops over columns of one byte for each event, with the widest instructions that the processor has. Pure functions;
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace throughline {

// out[i] = table[codes[i]], for a table of 256 bytes.
void LookUpBytes(const uint8_t* table, const uint8_t* codes, size_t count, uint8_t* out);

// Slack that `places` needs behind what is written.
inline constexpr size_t kPlacesSlack = 16;

// Writes first + i for every i with (values[i] == value) == `equal`, ascending. Returns how many. `places` has room for
// count + kPlacesSlack.
size_t FindBytes(const uint8_t* values, size_t count, uint8_t value, bool equal, uint32_t first, uint32_t* places);

}  // namespace throughline
