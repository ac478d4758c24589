// Every aggregate against its plain reference, on many small random logs: a workspace each, in one store. Seeds are
// printed; THROUGHLINE_TEST_SEED runs one again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/workspaces.h"

namespace throughline::testing {
namespace {

constexpr int kLogs = 10'000;
constexpr int kLogsPerBatch = 500;  // workspaces that are recorded together: few commits
constexpr int kQuestionsPerLog = 3;
constexpr int kFailuresMax = 10;  // that are printed

TEST_P(EventStoreContractTest, EveryAggregate_OfTenThousandSmallLogs_IsThatOfThePlainReference) {
  std::vector<uint64_t> seeds = Seeds(kLogs);
  std::map<std::string, int> asked;
  int failures = 0;
  for (size_t from = 0; from < seeds.size(); from += kLogsPerBatch) {
    std::map<uint64_t, RandomLog> logs;
    std::map<std::string, std::vector<v1::CustomerEvent>> workspaces;
    for (size_t i = from; i < std::min(seeds.size(), from + kLogsPerBatch); ++i) {
      Random random(seeds[i]);
      logs.emplace(seeds[i], MakeRandomLog(random));
      workspaces[absl::StrCat("w", seeds[i])] = logs.at(seeds[i]).events;
    }
    if (from > 0) StartAnew();
    AppendAll(*store_, workspaces);
    for (const auto& [seed, log] : logs) {
      Random random(~seed);
      const auto view = View(absl::StrCat("w", seed));
      for (int i = 0; i < kQuestionsPerLog; ++i) {
        const Question question = RandomScopedQuestion(random, log);
        ++asked[question.kind];
        const std::string answer = question.ask(*view), expected = question.reference(log.events);
        failures += answer != expected;
        if (failures > kFailuresMax) FAIL() << "and more";
        EXPECT_EQ(answer, expected) << "THROUGHLINE_TEST_SEED=" << seed << ", question " << i << ": " << question.kind;
      }
    }
  }
  for (const auto& [kind, times] : asked) RecordProperty(kind, times);
}

}  // namespace
}  // namespace throughline::testing
