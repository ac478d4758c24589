// How much memory a piece of work holds at its peak, in all threads: counts what operator new hands out in the whole
// program, libraries included, while it is asked to. What is mapped from files or taken with malloc is not counted.
// One measurement at a time; the work itself may use any threads.
#pragma once

#include <cstdint>
#include <functional>

namespace throughline::bench {

// The most bytes held at once during `work`, above what was held before it. Slower than `work` alone.
int64_t PeakBytes(const std::function<void()>& work);

}  // namespace throughline::bench
