"""Effects against scipy and statsmodels; staggered starts against the definition in numpy, and their standard errors also
against the jackknife."""

import math

import numpy as np
import statsmodels.api as sm
from harness import COUNT, Agreement
from scipy import stats
from scipy.optimize import brentq, minimize_scalar
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

test = Agreement("effects")
numbers = np.random.default_rng(test.random.randrange(2**32))


def sample(smallest=2, largest=40):
    n = test.random.randint(smallest, largest)
    scale = 10.0 ** test.random.randint(-6, 6)
    values = scale * (numbers.normal(size=n) + test.random.choice([0, 1, 100]))
    return [float(v) for v in (np.round(values, 1) if test.random.random() < 0.2 else values)]


# ---- Two groups ----

cases = [{"treated": [1, 1], "control": [2, 2]}, {"treated": [1], "control": [2, 3]}, {"treated": [], "control": []}]
cases += [{"treated": sample(), "control": sample()} for _ in range(COUNT)]
for model, first, second in [("mean_difference", "treated", "control"), ("before_after", "after", "before")]:
    inputs = [{first: case["treated"], second: case["control"]} for case in cases]
    for case, ours in zip(cases, test.ask(model, inputs), strict=True):
        a, b = case["treated"], case["control"]
        test.holds(model, "NO_CONTROL", ours["no_control"] == (model == "before_after"), case)
        if min(len(a), len(b)) < 2:
            test.holds(model, "too few is undefined", ours["state"] == "undefined", case)
            continue
        test.near(model, "value", ours["value"], np.mean(a) - np.mean(b), case, 1e-9, 1e-9 * max(map(abs, a + b)))
        if np.ptp(a) == 0 and np.ptp(b) == 0:
            test.holds(model, "no interval without spread", "low" not in ours, case)
            continue
        theirs = CompareMeans(DescrStatsW(a), DescrStatsW(b))
        low, high = theirs.tconfint_diff(usevar="unequal")
        slack = 1e-9 * max(map(abs, a + b))
        test.near(model, "low", ours["low"], low, case, 1e-8, slack)
        test.near(model, "high", ours["high"], high, case, 1e-8, slack)
        p_value = stats.ttest_ind(a, b, equal_var=False).pvalue
        test.near(model, "p", ours["details"]["p_value"], p_value, case, 1e-6, 1e-12)

cases = [{"treated": [0, 5], "control": [0, 9]}, {"treated": [5, 5], "control": [0, 9]}]
for _ in range(COUNT):
    m, n = (int(math.exp(test.random.uniform(0, 12))) for _ in range(2))
    cases.append({"treated": [test.random.randint(0, m), m], "control": [test.random.randint(0, n), n]})
for case, ours in zip(cases, test.ask("share_difference", cases), strict=True):
    low, high = confint_proportions_2indep(*case["treated"], *case["control"], method="newcomb", compare="diff")
    test.near("share_difference", "low", ours["low"], low, case, 1e-8, 1e-10)
    test.near("share_difference", "high", ours["high"], high, case, 1e-8, 1e-10)

# ---- Difference in differences ----

cases = [{"cells": [sample(largest=25) for _ in range(4)]} for _ in range(COUNT)]
for case, ours in zip(cases, test.ask("difference_in_differences", cases), strict=True):
    tb, ta, cb, ca = (np.array(cell) for cell in case["cells"])
    largest = max(np.abs(cell).max() for cell in (tb, ta, cb, ca))
    value = (ta.mean() - tb.mean()) - (ca.mean() - cb.mean())
    test.near("difference_in_differences", "value", ours["value"], value, case, 1e-9, 1e-9 * largest)
    # A saturated regression with errors of its own in each cell (HC2 is s²/n of each).
    if all(np.ptp(cell) > 0 for cell in (tb, ta, cb, ca)):
        y = np.concatenate([tb, ta, cb, ca]) / largest
        group = np.repeat([1, 1, 0, 0], [len(tb), len(ta), len(cb), len(ca)])
        time = np.repeat([0, 1, 0, 1], [len(tb), len(ta), len(cb), len(ca)])
        fit = sm.OLS(y, np.column_stack([np.ones(len(y)), group, time, group * time])).fit(cov_type="HC2")
        error = ours["details"]["standard_error"]
        test.near("difference_in_differences", "error", error, fit.bse[3] * largest, case, 1e-6)

cases = []
for index in range(COUNT):
    n = test.random.randint(4, 50)
    x = numbers.normal(size=n) * 5 + 20
    y = 0.8 * x + numbers.normal(size=n) * test.random.choice([0.1, 1, 10])
    treated = numbers.integers(0, 2, size=n)
    treated[:4] = [0, 0, 1, 1]
    units = [[int(t), float(b), float(a)] for t, b, a in zip(treated, y, x, strict=True)]
    if index % 5 == 0:
        units.append([1, 3.0, None])
    cases.append({"units": units})
for case, ours in zip(cases, test.ask("panel_difference", cases), strict=True):
    rows = [row for row in case["units"] if None not in row]
    changes = [[after - before for t, before, after in rows if t == arm] for arm in (0, 1)]
    test.near("panel_difference", "value", ours["value"], np.mean(changes[1]) - np.mean(changes[0]), case, 1e-8, 1e-10)
    low, high = CompareMeans(DescrStatsW(changes[1]), DescrStatsW(changes[0])).tconfint_diff(usevar="unequal")
    test.near("panel_difference", "high", ours["high"], high, case, 1e-8, 1e-8)

for case, ours in zip(cases, test.ask("panel_before_after", cases), strict=True):
    rows = [row for row in case["units"] if None not in row]
    changes = DescrStatsW([after - before for t, before, after in rows])
    test.near("panel_before_after", "value", ours["value"], changes.mean, case, 1e-8, 1e-10)
    low, high = changes.tconfint_mean()
    test.near("panel_before_after", "low", ours["low"], low, case, 1e-8, 1e-8)
    test.near("panel_before_after", "high", ours["high"], high, case, 1e-8, 1e-8)
    test.near("panel_before_after", "p", ours["details"]["p_value"], changes.ttest_mean()[1], case, 1e-6, 1e-12)

# ---- CUPED: theta is the slope of a regression on the covariate and the arm ----

for case, ours in zip(cases, test.ask("cuped", cases), strict=True):
    rows = np.array([row for row in case["units"] if None not in row])
    arm, y, x = rows.T
    theta = sm.OLS(y, np.column_stack([np.ones(len(y)), arm, x])).fit().params[2]
    test.near("cuped", "theta", ours["details"]["theta"], theta, case, 1e-7)
    adjusted = y - theta * (x - x.mean())
    compare = CompareMeans(DescrStatsW(adjusted[arm == 1]), DescrStatsW(adjusted[arm == 0]))
    low, high = compare.tconfint_diff(usevar="unequal")
    test.near("cuped", "low", ours["low"], low, case, 1e-7, 1e-8)
    test.near("cuped", "high", ours["high"], high, case, 1e-7, 1e-8)
    test.near("cuped", "mean", ours["details"]["treated_mean"], adjusted[arm == 1].mean(), case, 1e-8)

# ---- Staggered starts ----


def staggered(periods, units, not_yet):
    """Callaway and Sant'Anna from the definition: {key: (estimate, influence of each unit)}."""
    n = len(units)
    start = np.array([math.inf if unit[0] is None or unit[0] > periods[-1] else unit[0] for unit in units])
    outcomes = np.array([unit[1] for unit in units])
    groups = sorted(set(start[np.isfinite(start)]))
    share = {g: np.mean(start == g) for g in groups}
    out = {}
    for g in groups:
        for i in range(1, len(periods)):
            t = periods[i]
            base = max(k for k in range(len(periods)) if periods[k] < g) if t >= g else i - 1
            change = outcomes[:, i] - outcomes[:, base]
            treated = start == g
            control = (start > t) & (start != g) if not_yet else np.isinf(start)
            a, b = change[treated].mean(), change[control].mean()
            influence = treated / treated.mean() * (change - a) - control / control.mean() * (change - b)
            out["cell", int(g), t] = (a - b, influence)

    def average(weights, keys, shares):
        """Σ weight·ATT, weight = share/Σ shares: and what the estimated shares add to the influence."""
        total = sum(weights)
        value = sum(w * out[k][0] for w, k in zip(weights, keys, strict=True)) / total
        influence = sum(w * out[k][1] for w, k in zip(weights, keys, strict=True)) / total
        for g, k in zip(shares, keys, strict=True):
            influence = influence + ((start == g) - share[g]) * (out[k][0] - value) / total
        return value, influence

    treated = [k for k in out if k[2] >= k[1]]
    out["simple"] = average([share[k[1]] for k in treated], treated, [k[1] for k in treated])
    cells = [k for k in out if k[0] == "cell"]
    for e in sorted({k[2] - k[1] for k in cells}):
        keys = [k for k in cells if k[2] - k[1] == e]
        out["dynamic", e] = average([share[k[1]] for k in keys], keys, [k[1] for k in keys])
    after = [out[k] for k in out if k[0] == "dynamic" and k[1] >= 0]
    out["overall_dynamic"] = tuple(np.mean([each[part] for each in after], axis=0) for part in (0, 1))
    for g in groups:
        own = [out[k] for k in treated if k[1] == g]
        out["group", int(g)] = tuple(np.mean([each[part] for each in own], axis=0) for part in (0, 1))
    keys = [("group", int(g)) for g in groups]
    out["overall_group"] = average([share[g] for g in groups], keys, groups)
    return {k: (v[0], math.sqrt(np.sum(v[1] ** 2)) / n) for k, v in out.items()}


cases = []
for index in range(COUNT):
    periods = [2000, 2001, 2002, 2003, 2005][: test.random.randint(2, 5)]
    units = []
    for start in [None, *periods[1:], 2010]:
        for _ in range(test.random.randint(2, 8)):
            y = numbers.normal() + numbers.normal(size=len(periods)).cumsum()
            if start is not None:
                y = y + test.random.choice([0, 1]) * (np.array(periods) >= start)
            units.append([start, [float(v) for v in y]])
    test.random.shuffle(units)
    cases.append({"periods": periods, "units": units, "not_yet": index % 2 == 1})
for case, ours in zip(cases, test.ask("staggered", cases), strict=True):
    theirs = staggered(case["periods"], case["units"], case["not_yet"])
    mine = {("cell", g, t): each for g, t, each in ours["cells"]}
    mine |= {("dynamic", int(e)): each for e, each in ours["dynamic"].items()}
    mine |= {("group", int(g)): each for g, each in ours["group"].items()}
    mine |= {name: ours[name] for name in ("simple", "overall_dynamic", "overall_group")}
    test.holds("staggered", "the same numbers", set(mine) == set(theirs), case)
    for key, (value, error) in theirs.items():
        test.near("staggered", f"{key}", mine[key]["value"], value, case, 1e-8, 1e-10)
        test.near("staggered", f"error of {key}", mine[key]["details"]["standard_error"], error, case, 1e-7)

# The jackknife knows nothing of influence functions. At 40 units a group the two agree to some percent.
periods = [1, 2, 3]
units = []
for start in [None, 2, 3]:
    for _ in range(40):
        y = numbers.normal(size=3) + (0 if start is None else start) * (np.array(periods) >= (start or 9))
        units.append([start, [float(v) for v in y]])
whole = {"periods": periods, "units": units, "not_yet": True}
without = [{**whole, "units": units[:i] + units[i + 1 :]} for i in range(len(units))]
[full, *parts] = test.ask("staggered", [whole, *without])
for name in ("simple", "overall_dynamic", "overall_group"):
    left_out = np.array([part[name]["value"] for part in parts])
    jackknife = math.sqrt((len(units) - 1) * left_out.var())
    test.near("staggered by jackknife", name, full[name]["details"]["standard_error"], jackknife, {}, 0.04)

# ---- Confidence sequences: the mixture martingale itself, by the root of ln M(s) = ln 1/α ----


def mixture_radius(n, sigma, alpha, tuned_n):
    def boundary(rho, v):
        # M = √(ρ/(v + ρ))·exp(s²/(2(v + ρ))); s where M = 1/α.
        def gap(s):
            return 0.5 * math.log(rho / (v + rho)) + s * s / (2 * (v + rho)) + math.log(alpha)

        return brentq(gap, 0, 1e3 * math.sqrt(v + rho), xtol=1e-13, rtol=1e-14)

    best = minimize_scalar(
        lambda r: boundary(math.exp(r), tuned_n), bounds=(-12, 18), method="bounded", options={"xatol": 1e-9}
    )
    return sigma * boundary(math.exp(best.x), n) / n


cases = []
for index in range(COUNT):
    low, high = (-1, 3) if index % 2 else (0, 1)
    n = test.random.randint(1 if index % 3 else 30, 300)
    case = {"values": [float(v) for v in numbers.uniform(low, high, n)], "tuned_n": test.random.choice([10, 200, 10**5])}
    if index % 3:
        case["bounds"] = [low, high]
    cases.append(case)
for case, ours in zip(cases, test.ask("mean_sequence", cases), strict=True):
    values = np.array(case["values"])
    sigma = (case["bounds"][1] - case["bounds"][0]) / 2 if "bounds" in case else values.std(ddof=1)
    radius = mixture_radius(len(values), sigma, 0.05, case["tuned_n"])
    test.near("mean_sequence", "radius", ours["details"]["radius"], radius, case, 1e-6)
    low = max(values.mean() - radius, case["bounds"][0]) if "bounds" in case else values.mean() - radius
    test.near("mean_sequence", "low", ours["low"], low, case, 1e-6, 1e-6)

cases = [{"treated": c["values"], "control": [float(v) for v in numbers.normal(size=50)], "tuned_n": 100} for c in cases]
for case, ours in zip(cases, test.ask("difference_sequence", cases), strict=True):
    arms = [np.array(case["treated"]), np.array(case["control"])]
    if len(arms[0]) < 30:
        test.holds("difference_sequence", "not before 30", ours["state"] == "undefined", case)
        continue
    radius = sum(mixture_radius(len(arm), arm.std(ddof=1), 0.025, 100) for arm in arms)
    test.near("difference_sequence", "radius", ours["details"]["radius"], radius, case, 1e-6)

test.finish()
