// What holds for any events: answers agree with the plain reference, and no permutation, duplication, split into
// batches or reopening changes a bit of any of them. Seeds are printed; THROUGHLINE_TEST_SEED runs one again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_data.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_runs.h"

namespace throughline::testing {
namespace {

// Every answer as text, in the order of the questions.
std::vector<std::string> Answers(const EventView& view, const Questions& questions) {
  std::vector<std::string> out;
  for (const auto& query : questions.volumes) out.push_back(ToText(view.Volume(query)));
  for (const auto& query : questions.scores) out.push_back(ToText(view.Scores(query)));
  for (const auto& query : questions.steps) out.push_back(ToText(view.Steps(query)));
  for (const auto& query : questions.pairs) out.push_back(ToText(view.Pairs(query)));
  for (const auto& query : questions.graphs) out.push_back(ToText(view.Graph(query)));
  for (const auto& query : questions.positions) out.push_back(ToText(view.Positions(query)));
  return out;
}

std::vector<std::string> Answers(const EventView& view, const std::vector<Question>& questions) {
  std::vector<std::string> out;
  for (const Question& question : questions) out.push_back(absl::StrCat(question.kind, ": ", question.ask(view)));
  return out;
}

// Every aggregate, with scopes and breakdowns.
std::vector<Question> ScopedQuestions(Random& random, const std::vector<v1::CustomerEvent>& events) {
  RandomLog log{events, {At(0), At(10), At(33), At(59)}, absl::Seconds(60), absl::UTCTimeZone()};
  std::vector<Question> out;
  for (int i = 0; i < 3; ++i) {
    for (Question& question : RandomScopedQuestions(random, log)) out.push_back(std::move(question));
  }
  return out;
}

std::vector<std::string> ReferenceAnswers(const std::vector<v1::CustomerEvent>& events, const Questions& questions) {
  std::vector<std::string> out;
  for (const auto& query : questions.volumes) out.push_back(ToText(ReferenceVolume(events, query)));
  for (const auto& query : questions.scores) out.push_back(ToText(ReferenceScores(events, query)));
  for (const auto& query : questions.steps) out.push_back(ToText(ReferenceSteps(events, query)));
  for (const auto& query : questions.pairs) out.push_back(ToText(ReferencePairs(events, query)));
  for (const auto& query : questions.graphs) out.push_back(ToText(ReferenceGraph(events, query)));
  for (const auto& query : questions.positions) out.push_back(ToText(ReferencePositions(events, query)));
  return out;
}

// Everything about customers that does not depend on who was recorded first: by customer, summary, order of events and
// first matches.
std::map<std::string, std::string> Customers(const EventView& view, const std::vector<EventSelector>& selectors) {
  std::map<std::string, std::string> out;
  const auto customers = view.ListCustomers(0, 1000);
  EXPECT_THAT(customers, IsOk());
  const auto matches = view.FirstMatches(0, 1000, selectors, Patience());
  EXPECT_THAT(matches, IsOk());
  for (size_t i = 0; i < customers->size(); ++i) {
    const CustomerSummary& customer = (*customers)[i];
    EXPECT_EQ(customer.ordinal, static_cast<int64_t>(i));
    std::string& text = out[customer.customer_id];
    text = absl::StrCat(customer.event_count, " ", absl::FormatTime(customer.first_event_time), " ",
                        absl::FormatTime(customer.last_event_time), ":");
    const auto events = view.CustomerEvents(customer.customer_id, 0, 1000);
    EXPECT_THAT(events, IsOk());
    for (const StoredEvent& stored : *events)
      absl::StrAppend(&text, " ", stored.event.source(), "/", stored.event.id());
    for (const absl::Time time : (*matches)[i]) absl::StrAppend(&text, " ", absl::FormatTime(time));
  }
  return out;
}

TEST_P(EventStoreContractTest, Answers_AgreeWithThePlainReference) {
  for (const uint64_t seed : Seeds(6)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(seed);
    const std::vector<v1::CustomerEvent> events = RandomEvents(random, 110);
    const Questions questions = RandomQuestions(random);
    StartAnew();
    MustAppend(events);
    const auto view = View();
    EXPECT_EQ(Answers(*view, questions), ReferenceAnswers(events, questions));

    const auto matches = view->FirstMatches(0, 1000, questions.first_matches, Patience());
    const auto customers = view->ListCustomers(0, 1000);
    ASSERT_THAT(matches, IsOk());
    const KnownCustomers facts(events);
    for (size_t i = 0; i < customers->size(); ++i) {
      for (size_t s = 0; s < questions.first_matches.size(); ++s) {
        absl::Time first = absl::InfiniteFuture();
        for (const v1::CustomerEvent& event : events) {
          if (event.customer_id() != (*customers)[i].customer_id) continue;
          if (!facts.Matches(questions.first_matches[s], event)) continue;
          first = std::min(first, absl::FromUnixSeconds(event.event_time().seconds()));
        }
        EXPECT_EQ((*matches)[i][s], first);
      }
    }
  }
}

TEST_P(EventStoreContractTest, Answers_DoNotDependOnOrderDuplicatesBatchesViewsOrReopening) {
  for (const uint64_t seed : Seeds(3)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(seed + 1'000'000);
    const std::vector<v1::CustomerEvent> events = RandomEvents(random, 250);
    const Questions questions = RandomQuestions(random);
    StartAnew();
    MustAppend(events);
    const std::vector<Question> scoped = ScopedQuestions(random, events);
    const std::vector<std::string> expected = Answers(*View(), questions);
    const std::vector<std::string> expected_scoped = Answers(*View(), scoped);
    const std::map<std::string, std::string> expected_customers = Customers(*View(), questions.first_matches);

    for (int variant = 0; variant < 2; ++variant) {
      StartAnew();
      std::vector<v1::CustomerEvent> sent = events;
      for (int i = 0; i < 80; ++i) sent.push_back(events[random() % events.size()]);
      std::shuffle(sent.begin(), sent.end(), random);
      for (size_t from = 0; from < sent.size();) {
        const size_t to = std::min(sent.size(), from + 1 + random() % 60);
        MustAppend({sent.begin() + static_cast<long>(from), sent.begin() + static_cast<long>(to)});
        if (random() % 3 == 0) {
          Answers(*View(), ScopedQuestions(random, events));
          // Questions in between make columns and merges at other moments.
          const Questions other = RandomQuestions(random);
          Answers(*View(), other);
        }
        if (random() % 12 == 0) Reopen();
        from = to;
      }
      EXPECT_EQ(View()->Statistics().events, static_cast<int64_t>(events.size()));
      EXPECT_EQ(Answers(*View(), questions), expected);
      EXPECT_EQ(Answers(*View(), scoped), expected_scoped);
      EXPECT_EQ(Customers(*View(), questions.first_matches), expected_customers);
      Reopen();
      EXPECT_EQ(Answers(*View(), questions), expected);
      EXPECT_EQ(Answers(*View(), scoped), expected_scoped);
    }
  }
}

// More customers than one partition of any engine of ours holds, recorded in pieces that touch all of them.
TEST_P(EventStoreContractTest, Answers_OfManyCustomers_AgreeWithThePlainReference) {
  Random random(7);
  std::vector<v1::CustomerEvent> events = RandomEvents(random, 24'000);
  for (size_t i = 0; i < events.size(); ++i) {
    events[i].set_id(absl::StrCat("e", i));
    events[i].set_customer_id(absl::StrCat("c", random() % 9000));
  }
  for (size_t from = 0; from < events.size(); from += 6000) {
    MustAppend({events.begin() + static_cast<long>(from), events.begin() + static_cast<long>(from) + 6000});
    View();
  }
  Questions questions = RandomQuestions(random);
  for (StepQuery& query : questions.steps) query.steps.resize(std::min<size_t>(query.steps.size(), 3));
  const auto keep_few = [](auto& list) { list.resize(2); };  // the plain reference takes its time
  keep_few(questions.volumes);
  keep_few(questions.scores);
  keep_few(questions.steps);
  keep_few(questions.pairs);
  keep_few(questions.graphs);
  keep_few(questions.positions);
  EXPECT_EQ(Answers(*View(), questions), ReferenceAnswers(events, questions));
}

}  // namespace
}  // namespace throughline::testing
