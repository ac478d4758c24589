#include "throughline/models/retention.h"

#include "absl/strings/str_cat.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

absl::Status CheckCohort(absl::CivilDay period, const CohortMatrix::Cohort& cohort, CalendarUnit unit) {
  const std::string field = absl::StrCat("cohorts[", absl::FormatCivilTime(period), "]");
  if (PeriodOf(period, unit) != period) return InvalidField(field, "Must be the first day of a period.");
  if (cohort.customers < 0) return InvalidField(field, "The number of customers must not be negative.");
  if (cohort.active.size() > kRetentionPeriodsMax) {
    return LimitExceeded("the periods of a cohort", kRetentionPeriodsMax, "periods");
  }
  for (const int64_t active : cohort.active) {
    if (active < 0 || active > cohort.customers) {
      return InvalidField(field, "The active customers must be from 0 to the customers of the cohort.");
    }
  }
  return absl::OkStatus();
}

RetentionCell CellOf(const CohortMatrix::Cohort& cohort, size_t k, const EstimateOptions& options) {
  RetentionCell cell;
  cell.active = cohort.active[k];
  cell.share.method = MethodText("retention", "wilson", options.confidence_level);
  cell.share.details = {{"active", static_cast<double>(cell.active)}};
  return cell;
}

}  // namespace

absl::StatusOr<std::vector<RetentionCohort>> CohortRetention(const CohortMatrix& matrix, CalendarUnit unit,
                                                             absl::CivilDay observed_until,
                                                             const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (matrix.cohorts.size() > kRetentionCohortsMax) {
    return LimitExceeded("the cohorts of a retention table", kRetentionCohortsMax, "cohorts");
  }
  std::vector<RetentionCohort> out;
  for (const auto& [period, cohort] : matrix.cohorts) {
    if (absl::Status status = CheckCohort(period, cohort, unit); !status.ok()) return status;
    RetentionCohort& row = out.emplace_back();
    row.period = period;
    row.customers = cohort.customers;
    for (size_t k = 0; k < cohort.active.size(); ++k) {
      RetentionCell cell = CellOf(cohort, k, options);
      cell.period = AddPeriods(period, unit, static_cast<int64_t>(k));
      cell.observable = AddPeriods(cell.period, unit, 1) <= observed_until;
      if (!cell.observable) {
        cell.share.undefined_reason = "The period has not ended yet: what it will show cannot be observed.";
      } else if (cohort.customers == 0) {
        cell.share.undefined_reason = "The cohort has no customers.";
      } else {
        const double share = static_cast<double>(cell.active) / static_cast<double>(cohort.customers);
        SetValue(share, cohort.customers, options, cell.share);
        cell.share.interval = WilsonInterval(cell.active, cohort.customers, options.confidence_level);
      }
      row.cells.push_back(std::move(cell));
    }
  }
  return out;
}

}  // namespace throughline
