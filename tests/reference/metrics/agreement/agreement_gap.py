"""Expectation against performance, against scipy; mobi.csv as real answers."""

import csv
import os

import numpy as np
from harness import COUNT, Agreement
from scipy import stats

test = Agreement("gap")
numbers = np.random.default_rng(test.random.randrange(2**32))


def usable(score):
    return score is not None and 1 <= score <= 10


def attribute(name, n, stated):
    level = numbers.uniform(2, 9)
    overall = numbers.normal(5, 2, n)
    performance = np.round(level + 0.5 * numbers.normal() * overall + numbers.normal(size=n))
    expectation = np.round(numbers.uniform(3, 10, n))
    answers = [[float(v) for v in row] for row in zip(expectation, performance, overall, strict=True)]
    for answer in answers:
        if test.random.random() < 0.1:
            answer[test.random.randrange(3)] = None
    out = {"name": name, "answers": answers, "traffic": numbers.uniform(0, 9), "revenue": numbers.uniform(0, 9)}
    return out | ({"importance": float(numbers.integers(1, 10))} if stated else {})


def check(case, ours):
    brief = {"attributes": len(case["attributes"])}
    priority = []
    performance, importance = [], []
    for each, mine in zip(case["attributes"], ours, strict=True):
        both = np.array([a[:2] for a in each["answers"] if usable(a[0]) and usable(a[1])])
        if len(both) == 0:
            test.holds("gap", "undefined without pairs", mine["gap"]["state"] == "undefined", each)
        else:
            test.near("gap", "value", mine["gap"]["value"], (both[:, 1] - both[:, 0]).mean(), each)
            if len(both) > 1 and np.ptp(both[:, 1] - both[:, 0]) > 0:
                paired = stats.ttest_rel(both[:, 1], both[:, 0])
                low, high = paired.confidence_interval(0.95)
                test.near("gap", "low", mine["gap"]["low"], low, each)
                test.near("gap", "high", mine["gap"]["high"], high, each)
                test.near("gap", "p", mine["gap"]["details"]["p_value"], paired.pvalue, each, 1e-7)
            else:
                test.holds("gap", "no interval", "low" not in mine["gap"], each)
        rated = np.array([a[1:] for a in each["answers"] if usable(a[1]) and a[2] is not None]).reshape(-1, 2)
        if "importance" in each:
            weight = each["importance"]
        elif len(rated) < 3 or np.ptp(rated[:, 0]) == 0 or np.ptp(rated[:, 1]) == 0:
            test.holds("gap", "no correlation", mine["importance"]["state"] == "undefined", each)
            weight = None
        else:
            theirs = stats.pearsonr(rated[:, 0], rated[:, 1])
            weight = theirs.statistic
            test.near("gap", "importance", mine["importance"]["value"], weight, each)
            if len(rated) > 3 and abs(weight) < 1 - 1e-12:
                interval = theirs.confidence_interval(0.95)
                test.near("gap", "importance's low", mine["importance"]["low"], interval.low, each, 1e-8)
        scores = [a[1] for a in each["answers"] if usable(a[1])]
        if scores and weight is not None:
            performance.append((mine, np.mean(scores), weight))
        if len(both) and weight is not None:
            worth = -(both[:, 1] - both[:, 0]).mean() * max(weight, 0) * each["traffic"] * each["revenue"]
            test.near("gap", "priority", mine["priority"], worth, each)
            priority.append((worth, mine["rank"]))
    if performance:
        middle = np.mean([p for _, p, _ in performance]), np.mean([w for _, _, w in performance])
        names = {(1, 0): "CONCENTRATE_HERE", (1, 1): "KEEP_UP", (0, 0): "LOW_PRIORITY", (0, 1): "OVERKILL"}
        for mine, p, w in performance:
            if min(abs(p - middle[0]), abs(w - middle[1])) > 1e-9:
                expected = names[int(w >= middle[1]), int(p >= middle[0])]
                test.holds("gap", f"{expected}, not {mine['quadrant']}", mine["quadrant"] == expected, brief)
    ranks = [rank for _, rank in sorted(priority, key=lambda pair: pair[1])]
    test.holds("gap", "ranks count from 1", ranks == list(range(1, len(ranks) + 1)), brief)
    worths = [worth for worth, _ in sorted(priority, key=lambda pair: pair[1])]
    test.holds("gap", "ranked by priority", all(a >= b - 1e-9 for a, b in zip(worths, worths[1:], strict=False)), brief)


cases = [{"attributes": []}]
for index in range(COUNT):
    stated = index % 3 == 0
    count = test.random.randint(1, 8)
    cases.append({"attributes": [attribute(f"a{i}", test.random.randint(0, 40), stated) for i in range(count)]})
for case, ours in zip(cases, test.ask("gap", cases), strict=True):
    check(case, ours)

data = os.environ.get("THROUGHLINE_DATA", "../shared/data") + "/surveys/mobi.csv"
if os.path.exists(data):
    with open(data) as file:
        rows = [{name: float(v) for name, v in row.items() if v not in ("", "NA")} for row in csv.DictReader(file)]
    attributes = []
    for name in ["PERQ1", "PERQ2", "PERQ3", "PERQ4", "PERQ5", "PERQ6", "PERQ7"]:
        answers = [[row.get("CUEX1"), row.get(name), row.get("CUSA1")] for row in rows]
        attributes.append({"name": name, "answers": answers, "traffic": 1.0, "revenue": 1.0})
    [ours] = test.ask("gap", [{"attributes": attributes}])
    check({"attributes": attributes}, ours)
    worst = min(ours, key=lambda each: each["rank"])
    name = attributes[ours.index(worst)]["name"]
    gap = worst["gap"]
    print(f"gap: mobi: first {name}: {gap['value']:.3f} [{gap['low']:.3f}, {gap['high']:.3f}], {worst['quadrant']}")
else:
    test.holds("gap", f"{data} is there", "CI" not in os.environ, {})
    print(f"gap: {data} is missing: the mobile-phone customers are not compared")

test.finish()
