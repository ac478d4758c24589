// The six questions of the journey benchmark, and their answers in a form that can be compared row by row.
// Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/journeys/journey_data.h"

namespace throughline::bench {

enum class Question {
  // How many customers got how far in these six touchpoints in order, the last within 30 days of the first; each level
  // counts those who got exactly that far.
  kFunnel,
  // How often each touchpoint directly follows each other, and the sum of the seconds between.
  kTransitionGraph,
  // The 20 most frequent sequences of a customer's first 12 touchpoints, ties by name.
  kVariants,
  // Customers by the week of their first event (weeks 8 to 19), and how many of them had an event 0 to 11 weeks later.
  kRetention,
  // Answers, promoters (9, 10) and detractors (0 to 6) by touchpoint and month.
  kNps,
  // How long customers stay in a stage, from its first event to the first event of another: number, median and ninth
  // decile, as the value at zero-based rank ⌈q·n⌉−1. Stays that have not ended do not count.
  kTimeInStage,
};
inline constexpr std::array kQuestions = {Question::kFunnel,   Question::kTransitionGraph,
                                          Question::kVariants, Question::kRetention,
                                          Question::kNps,      Question::kTimeInStage};
const char* NameOf(Question question);

inline constexpr std::array<uint8_t, 6> kFunnelSteps = {0, 1, 3, 6, 10, 15};
inline constexpr uint32_t kFunnelWindow = 30 * 86'400;
inline constexpr int kVariantLength = 12;
inline constexpr int kVariantCount = 20;
inline constexpr uint32_t kWeekSeconds = 7 * 86'400;
inline constexpr int kCohortFirst = 8;
inline constexpr int kCohortCount = 12;

// Comma-separated rows, sorted: the same text, whoever computed it.
using Answer = std::vector<std::string>;

}  // namespace throughline::bench
