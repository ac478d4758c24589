// RETURN_IF_ERROR and ASSIGN_OR_RETURN for functions that return absl::Status or absl::StatusOr.
// Any thread.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// RETURN_IF_ERROR(expression): returns the status of the enclosing function if it is not OK.
#define RETURN_IF_ERROR(expression)                                                   \
  do {                                                                                \
    if (absl::Status throughline_status_ = (expression); !throughline_status_.ok()) { \
      return throughline_status_;                                                     \
    }                                                                                 \
  } while (false)

// ASSIGN_OR_RETURN(auto x, expression): assigns the value of a StatusOr, or returns its status. A declaration with a
// comma in its type needs an alias or `auto`.
#define ASSIGN_OR_RETURN(left, expression) \
  THROUGHLINE_ASSIGN_OR_RETURN_(THROUGHLINE_CONCAT_(throughline_statusor_, __LINE__), left, expression)

#define THROUGHLINE_ASSIGN_OR_RETURN_(statusor, left, expression) \
  auto statusor = (expression);                                   \
  if (!statusor.ok()) return std::move(statusor).status();        \
  left = *std::move(statusor)

#define THROUGHLINE_CONCAT_(a, b) THROUGHLINE_CONCAT_INNER_(a, b)
#define THROUGHLINE_CONCAT_INNER_(a, b) a##b
