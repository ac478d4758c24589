"""Revenue models against customers one by one, statsmodels and scipy."""

import math
from fractions import Fraction

import numpy as np
from harness import COUNT, Agreement
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

test = Agreement("revenue")


def defined(estimate):
    return estimate["state"] != "undefined"


def random_customers(size):
    scale = test.random.choice([3, 1000, 10**12])
    rows = []
    for _ in range(size):
        start, end = (test.random.choice([0, test.random.randint(1, scale)]) for _ in range(2))
        rows.append([start, end, test.random.random() < 0.5])
    return rows


def check(model, ours, customers, case):
    cohort = [(start, end) for start, end, *_ in customers if start > 0]
    if not cohort:
        test.holds(model, "undefined", not any(defined(ours[each]) for each in ("gross", "net", "logo_churn")), case)
        return
    total = sum(start for start, _ in cohort)
    gross = Fraction(sum(min(start, end) for start, end in cohort), total)
    test.near(model, "gross", ours["gross"]["value"], float(gross), case)
    test.near(model, "net", ours["net"]["value"], float(Fraction(sum(end for _, end in cohort), total)), case)
    lost = sum(end == 0 for _, end in cohort)
    low, high = proportion_confint(lost, len(cohort), 0.05, "wilson")
    test.near(model, "logo churn", ours["logo_churn"]["value"], lost / len(cohort), case)
    test.near(model, "logo churn low", ours["logo_churn"]["low"], max(low, 0), case)
    test.near(model, "logo churn high", ours["logo_churn"]["high"], min(high, 1), case)


cases = [{"customers": rows} for rows in ([], [[5, 0, False]], [[0, 5, True]], [[5, 5, False]] * 9, [[7, 9, False]])]
cases += [{"customers": random_customers(test.random.randint(1, 60))} for _ in range(COUNT)]
for model in ("month_retention", "customer_retention"):
    for case, ours in zip(cases, test.ask(model, cases), strict=True):
        check(model, ours, case["customers"], case)
        cohort = np.array([row[:2] for row in case["customers"] if row[0] > 0], float)
        if model == "month_retention" or len(cohort) < 2:
            continue
        # The regression of y on x through the ratio, residuals by hand.
        for name, kept in (("gross", cohort.min(axis=1)), ("net", cohort[:, 1])):
            ratio = kept.sum() / cohort[:, 0].sum()
            residuals = kept - ratio * cohort[:, 0]
            error = math.sqrt(len(cohort) * (residuals**2).sum() / (len(cohort) - 1)) / cohort[:, 0].sum()
            if error < 1e-9:
                continue
            half = stats.t.ppf(0.975, len(cohort) - 1) * error
            test.near(model, f"{name} low", ours[name]["low"], ratio - half, case, 1e-7, 1e-9)
            test.near(model, f"{name} high", ours[name]["high"], ratio + half, case, 1e-7, 1e-9)

cases = []
for _ in range(COUNT):
    levels = [test.random.choice([0, test.random.randint(1, 900)]) for _ in range(test.random.randint(1, 20))]
    months = []
    for _ in range(test.random.randint(1, 8)):
        after = [level if test.random.random() < 0.6 else test.random.choice([0, 5, 900]) for level in levels]
        months.append([[x, y, False] for x, y in zip(levels, after)])
        levels = after
    cases.append({"months": months})
for case, ours in zip(cases, test.ask("span_retention", cases), strict=True):
    starts = [sum(row[0] for row in month) for month in case["months"]]
    if min(starts) == 0:
        test.holds("span_retention", "undefined", not defined(ours["net"]), case)
        continue
    gross = math.prod(sum(min(r[0], r[1]) for r in m) / s for m, s in zip(case["months"], starts))
    net = math.prod(sum(r[1] for r in m if r[0] > 0) / s for m, s in zip(case["months"], starts))
    test.near("span_retention", "gross", ours["gross"]["value"], gross, case)
    test.near("span_retention", "net", ours["net"]["value"], net, case)
    lost = sum(r[0] > 0 and r[1] == 0 for m in case["months"] for r in m)
    exposed = sum(r[0] > 0 for m in case["months"] for r in m)
    test.near("span_retention", "logo churn", ours["logo_churn"]["value"], lost / exposed, case)

cases = []
for _ in range(COUNT):
    start = test.random.choice([0, 1, test.random.randint(1, 10**6)])
    churned = test.random.choice([0, start, test.random.randint(0, start)])
    case = {"spend": test.random.choice([0.0, test.random.uniform(0, 1e9)]), "new": test.random.choice([0, 1, 500])}
    case |= {"arpa": test.random.choice([0.0, test.random.uniform(0, 1e6)]), "margin": test.random.uniform(-1, 1)}
    cases.append(case | {"start": start, "churned": churned})
for case, ours in zip(cases, test.ask("unit_economics", cases), strict=True):
    monthly = case["arpa"] * case["margin"]
    ltv = monthly / (case["churned"] / case["start"]) if case["churned"] else None
    cac = case["spend"] / case["new"] if case["new"] else None
    for name, expected in (
        ("cac", cac),
        ("ltv", ltv),
        ("ltv_to_cac", ltv / cac if ltv is not None and cac else None),
        ("payback", cac / monthly if cac is not None and monthly > 0 else None),
    ):
        if expected is None:
            test.holds("unit_economics", f"{name} undefined", not defined(ours[name]), case)
        else:
            test.near("unit_economics", name, ours[name]["value"], expected, case)
    if ltv is not None:
        ends = sorted(monthly / churn for churn in proportion_confint(case["churned"], case["start"], 0.05, "wilson"))
        test.near("unit_economics", "ltv low", ours["ltv"]["low"], ends[0], case, 1e-8)
        test.near("unit_economics", "ltv high", ours["ltv"]["high"], ends[1], case, 1e-8)

cases = [{"start": 10000, "end": 11000, "referred": 1200}]
for _ in range(COUNT):
    cases.append({name: int(math.exp(test.random.uniform(0, 40))) for name in ("start", "end", "referred")})
for case, ours in zip(cases, test.ask("earned_growth", cases), strict=True):
    expected = Fraction(case["end"], case["start"]) + Fraction(case["referred"], case["start"]) - 1
    test.near("earned_growth", "rate", ours["value"], float(expected), case)

cases = [{"customers": rows, "confidence": 0.95} for rows in ([], [[0, 1.0]], [[0, 2.0], [10, 2.0]] * 3)]
for _ in range(COUNT):
    scale = math.exp(test.random.uniform(-15, 25))
    size = test.random.randint(1, 60)
    rows = [[test.random.randint(-1, 11), scale * test.random.lognormvariate(0, 1)] for _ in range(size)]
    cases.append({"customers": rows, "confidence": test.random.choice([0.8, 0.95, 0.99])})
for case, ours in zip(cases, test.ask("monetized_nps", cases), strict=True):
    detractors = np.array([value for score, value in case["customers"] if 0 <= score <= 6])
    promoters = np.array([value for score, value in case["customers"] if 9 <= score <= 10])
    everyone = [value for score, value in case["customers"] if 0 <= score <= 10]
    for name, values in (("detractors", detractors), ("promoters", promoters)):
        if len(values) == 0:
            test.holds("monetized_nps", "undefined", not defined(ours[name]), case)
            continue
        test.near("monetized_nps", name, ours[name]["value"], values.mean(), case)
        if len(values) > 1 and values.std() > 0:
            low, high = stats.t.interval(case["confidence"], len(values) - 1, values.mean(), stats.sem(values))
            test.near("monetized_nps", "low", ours[name]["low"], low, case, 1e-8)
            test.near("monetized_nps", "high", ours[name]["high"], high, case, 1e-8)
    if everyone:
        test.near("monetized_nps", "at risk", ours["at_risk"]["value"], detractors.sum(), case)
    if len(detractors) > 1 and len(promoters) > 1 and detractors.std() + promoters.std() > 0:
        theirs = stats.ttest_ind(promoters, detractors, equal_var=False)
        limits = theirs.confidence_interval(case["confidence"])
        scale = abs(limits.high - limits.low)
        test.near("monetized_nps", "degrees", ours["premium"]["details"]["degrees_of_freedom"], theirs.df, case, 1e-8)
        test.near("monetized_nps", "premium low", ours["premium"]["low"], limits.low, case, 1e-8, 1e-9 * scale)
        test.near("monetized_nps", "premium high", ours["premium"]["high"], limits.high, case, 1e-8, 1e-9 * scale)

test.finish()
