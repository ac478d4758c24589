"""Kaplan-Meier, log-rank, restricted mean, time in stage and retention against lifelines, statsmodels and numpy."""

import calendar
import math

import numpy as np
from harness import COUNT, Agreement
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

test = Agreement("survival")


def random_rows(size, kind):
    """(duration, observed, count), with ties for some kinds and continuous for others."""
    rows = []
    for _ in range(size):
        duration = {
            "ties": lambda: float(test.random.randint(0, 8)),
            "continuous": lambda: test.random.expovariate(0.1),
            "wide": lambda: math.exp(test.random.uniform(-20, 20)),
        }[kind]()
        rows.append([duration, test.random.random() < test.random.choice([0.1, 0.5, 0.9]), test.random.randint(1, 3)])
    return rows


def spread(rows):
    durations = np.repeat([row[0] for row in rows], [row[2] for row in rows])
    observed = np.repeat([bool(row[1]) for row in rows], [row[2] for row in rows])
    return durations, observed


edges = [
    [[1.0, True, 1]],
    [[1.0, False, 1]],
    [[2.0, True, 7]],
    [[2.0, False, 7]],
    [[0.0, True, 1], [0.0, False, 1], [3.0, True, 2]],
    [[1e-300, True, 1], [1e300, True, 1], [1.0, False, 1]],
    [[1.0, True, 100000], [2.0, True, 1]],
]
cases = [{"rows": rows} for rows in edges]
for _ in range(COUNT):
    cases.append({"rows": random_rows(test.random.randint(1, 40), test.random.choice(["ties", "continuous", "wide"]))})
for case in cases:
    case["until"] = max(row[0] for row in case["rows"]) * test.random.choice([0.3, 0.9, 1])

for case, ours in zip(cases, test.ask("kaplan_meier", cases), strict=True):
    durations, observed = spread(case["rows"])
    theirs = KaplanMeierFitter().fit(durations, observed)
    greenwood = SurvfuncRight(durations, observed) if observed.any() else None
    errors = dict(zip(greenwood.surv_times, greenwood.surv_prob_se)) if greenwood is not None else {}
    for time, at_risk, events, survival, variance, interval in ours["steps"]:
        test.holds("kaplan_meier", "at risk", at_risk == (durations >= time).sum(), case)
        test.holds("kaplan_meier", "events", events == ((durations == time) & observed).sum(), case)
        theirs_at = theirs.survival_function_at_times(time).iloc[0]
        test.near("kaplan_meier", "survival", survival, theirs_at, case)
        if events > 0 and survival > 0:
            test.near("kaplan_meier", "standard error", math.sqrt(variance), errors[time], case, 1e-8)
        if interval is not None:
            limits = theirs.confidence_interval_survival_function_
            low, high = limits.loc[:time].iloc[-1]
            test.near("kaplan_meier", "low", interval[0], low, case, 1e-8, 1e-10)
            test.near("kaplan_meier", "high", interval[1], high, case, 1e-8, 1e-10)
    close_to_half = any(abs(step[3] - 0.5) < 1e-9 for step in ours["steps"])
    median = ours["median"]
    if close_to_half:
        # On paper S is one half there; whose rounding falls below it is chance, and ours allows for it.
        at_half = min(step[0] for step in ours["steps"] if step[3] <= 0.5 + 1e-9)
        test.holds("kaplan_meier", "median", median["value"] == at_half, case)
    elif math.isinf(theirs.median_survival_time_):
        test.holds("kaplan_meier", "median not reached", median["state"] == "undefined", case)
    else:
        test.near("kaplan_meier", "median", median["value"], theirs.median_survival_time_, case)
    # The area below their step function, added up from the left.
    times = [0.0] + [t for t in theirs.survival_function_.index if 0 < t < case["until"]] + [case["until"]]
    steps = [theirs.survival_function_at_times(t).iloc[0] for t in times[:-1]]
    if case["until"] > 0:
        area = float(np.sum(np.array(steps) * np.diff(times)))
        test.near("restricted_mean", "area", ours["restricted_mean"]["value"], area, case, 1e-9)
    else:
        test.holds("restricted_mean", "undefined", ours["restricted_mean"]["state"] == "undefined", case)

# ---- Log-rank --------------------------------------------------------------------------------------------------------
cases = []
for _ in range(COUNT):
    kind = test.random.choice(["ties", "continuous", "wide"])
    groups = [random_rows(test.random.randint(1, 25), kind) for _ in range(test.random.randint(2, 5))]
    cases.append({"groups": groups})
cases += [
    {"groups": [[[1.0, True, 1]], [[2.0, True, 1]]]},
    {"groups": [[[1.0, True, 50]], [[2.0, True, 50]]]},
    {"groups": [[[1.0, True, 3], [2.0, True, 3]]] * 3},
    {"groups": [[[1.0, False, 3]], [[2.0, False, 3]]]},
    {"groups": [[[2.0, True, 3]], [[1.0, False, 3]]]},
]


def brute_force_log_rank(groups):
    """(O − E)ᵀ V⁺ (O − E) with the pseudo-inverse, and its rank."""
    spreads = [spread(rows) for rows in groups]
    times = sorted({t for durations, observed in spreads for t in durations[observed]})
    difference = np.zeros(len(groups))
    covariance = np.zeros((len(groups), len(groups)))
    for time in times:
        at_risk = np.array([(durations >= time).sum() for durations, _ in spreads], float)
        events = np.array([((durations == time) & observed).sum() for durations, observed in spreads], float)
        n, d = at_risk.sum(), events.sum()
        difference += events - d * at_risk / n
        if n > 1:
            covariance += d * (n - d) / (n - 1) * (np.diag(at_risk / n) - np.outer(at_risk, at_risk) / n**2)
    rank = int(np.linalg.matrix_rank(covariance, tol=1e-9))
    return float(difference @ np.linalg.pinv(covariance, rcond=1e-9) @ difference), rank


for case, ours in zip(cases, test.ask("log_rank", cases), strict=True):
    value, rank = brute_force_log_rank(case["groups"])
    ours = ours["chi_square"]
    if rank == 0:
        test.holds("log_rank", "undefined", ours["state"] == "undefined", case)
        continue
    test.near("log_rank", "chi-square", ours["value"], value, case, 1e-7, 1e-9)
    test.holds("log_rank", "degrees", ours["details"]["degrees_of_freedom"] == rank, case)
    test.near("log_rank", "p", ours["details"]["p_value"], stats.chi2.sf(value, rank), case, 1e-6, 1e-12)
    if rank == len(case["groups"]) - 1:
        spreads = [spread(rows) for rows in case["groups"]]
        labels = np.concatenate([np.full(len(durations), i) for i, (durations, _) in enumerate(spreads)])
        durations = np.concatenate([durations for durations, _ in spreads])
        observed = np.concatenate([observed for _, observed in spreads])
        theirs = multivariate_logrank_test(durations, labels, observed)
        test.near("log_rank", "lifelines' chi-square", ours["value"], theirs.test_statistic, case, 1e-6, 1e-8)

# ---- Time in stage ---------------------------------------------------------------------------------------------------
cases = [{"ended": [], "inside": []}, {"ended": [0], "inside": []}, {"ended": [], "inside": [5]}]
for _ in range(COUNT):
    sizes = [test.random.randint(0, 30), test.random.randint(0, 30)]
    ended, inside = ([test.random.randint(0, 10**9) for _ in range(size)] for size in sizes)
    cases.append({"ended": ended, "inside": inside})
for case, ours in zip(cases, test.ask("stage_survival", cases), strict=True):
    durations = np.array(case["ended"] + case["inside"]) / 1e6
    if len(durations) == 0:
        test.holds("stage_survival", "undefined", ours["median"]["state"] == "undefined", case)
        continue
    observed = np.array([True] * len(case["ended"]) + [False] * len(case["inside"]))
    theirs = KaplanMeierFitter().fit(durations, observed)
    for step in ours["steps"]:
        test.near("stage_survival", "survival", step[3], theirs.survival_function_at_times(step[0]).iloc[0], case)

# ---- Retention -------------------------------------------------------------------------------------------------------
cases = []
for _ in range(COUNT):
    customers = int(math.exp(test.random.uniform(0, 14))) - 1
    active = [test.random.randint(0, customers) for _ in range(test.random.randint(1, 15))]
    year, month = test.random.randint(1999, 2030), test.random.randint(1, 12)
    until_year, until_month = year + test.random.randint(0, 1), test.random.randint(1, 12)
    until_day = test.random.choice([1, calendar.monthrange(until_year, until_month)[1]])
    cases.append({"customers": customers, "active": active, "year": year, "month": month, "until_year": until_year})
    cases[-1] |= {"until_month": until_month, "until_day": until_day}
for case, ours in zip(cases, test.ask("retention", cases), strict=True):
    for k, (active, cell) in enumerate(zip(case["active"], ours, strict=True)):
        # Months since year 0 of the first day after the cell's period, and of the first day that is not known.
        ends = case["year"] * 12 + case["month"] + k
        observable = ends <= case["until_year"] * 12 + case["until_month"] - 1
        test.holds("retention", "observable", cell["observable"] == observable, case)
        if not observable or case["customers"] == 0:
            test.holds("retention", "undefined", cell["share"]["state"] == "undefined", case)
            continue
        low, high = proportion_confint(active, case["customers"], 0.05, "wilson")
        test.near("retention", "share", cell["share"]["value"], active / case["customers"], case)
        test.near("retention", "low", cell["share"]["low"], max(low, 0), case)
        test.near("retention", "high", cell["share"]["high"], min(high, 1), case)

test.finish()
