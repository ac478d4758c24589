// Random questions of every kind about a random log, with the ways to answer them. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tests/contract/events/random_logs.h"

namespace throughline::testing {

using AnyQuery =
    std::variant<VolumeQuery, ScoreQuery, StepQuery, PairQuery, GraphQuery, VariantQuery, CohortQuery, StageQuery,
                 RevenueQuery, PurchaseQuery, FeatureQuery, ValueQuery, PositionQuery, RunsQuery>;
using CustomerIds = std::optional<std::set<std::string>>;  // absent: all

// A question whose answers are complete texts (aggregate_text.h). Scopes name customers by id, so that it can be asked
// of any view: ordinals are looked up there.
struct Question {
  std::string kind;
  std::function<std::string(const EventView&)> ask;
  // Of the events of one workspace, each once, in any order.
  std::function<std::string(const std::vector<v1::CustomerEvent>&)> reference;
  // The answers of two views with different customers, merged. Null where answers do not merge.
  std::function<std::string(const EventView&, const EventView&)> ask_merged;
  // What is asked, but for the customers.
  AnyQuery query;
  CustomerIds customers;
};

// The ordinals of these customers in a view, and one that nobody has.
std::shared_ptr<const CustomerSet> OrdinalsOf(const EventView& view, const CustomerIds& ids);

// One of each aggregate of the port, in the order of its functions.
std::vector<Question> RandomScopedQuestions(Random& random, const RandomLog& log);
// One of any of them.
Question RandomScopedQuestion(Random& random, const RandomLog& log);

}  // namespace throughline::testing
