"""Standards, charts and health, against statsmodels and numpy written from the definitions."""

import math

import numpy as np
from harness import COUNT, Agreement
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

test = Agreement("standards")
numbers = np.random.default_rng(test.random.randrange(2**32))

cases = [{"kept": 0, "breached": 0}, {"kept": 5, "breached": 0}, {"kept": 0, "breached": 5}]
cases += [{"kept": int(10 ** test.random.uniform(0, 6)), "breached": test.random.randint(0, 1000)} for _ in range(COUNT)]
for case, ours in zip(cases, test.ask("breach_share", cases), strict=True):
    n = case["kept"] + case["breached"]
    if n == 0:
        test.holds("breach_share", "undefined without any", ours["state"] == "undefined", case)
        continue
    low, high = proportion_confint(case["breached"], n, 0.05, "wilson")
    test.near("breach_share", "value", ours["value"], case["breached"] / n, case)
    test.near("breach_share", "low", ours["low"], max(low, 0), case, 1e-9, 1e-12)
    test.near("breach_share", "high", ours["high"], min(high, 1), case)

cases = [{"p_values": [], "rate": 0.05}, {"p_values": [0, 1, 1], "rate": 0.05}]
for index in range(COUNT):
    p = numbers.uniform(size=test.random.randint(1, 60)) ** test.random.choice([1, 3])
    p_values = [float(v) for v in (np.round(p, 1) if index % 3 == 0 else p)]
    cases.append({"p_values": p_values, "rate": test.random.choice([0.01, 0.05, 0.2])})
for case, ours in zip(cases, test.ask("benjamini_hochberg", cases), strict=True):
    if not case["p_values"]:
        test.holds("benjamini_hochberg", "none", ours["adjusted"] == [], case)
        continue
    rejected, adjusted, _, _ = multipletests(case["p_values"], case["rate"], method="fdr_bh")
    for mine, theirs in zip(ours["adjusted"], adjusted, strict=True):
        test.near("benjamini_hochberg", "adjusted", mine, theirs, case)
    if np.abs(adjusted - case["rate"]).min() > 1e-12:
        test.holds("benjamini_hochberg", "rejected", ours["rejected"] == [bool(r) for r in rejected], case)

cases = []
for index in range(COUNT):
    n = numbers.integers(0 if index % 4 == 0 else 1, 300, size=test.random.randint(1, 50))
    rate = test.random.choice([0, 0.02, 0.3, 1])
    case = {"counts": [[int(numbers.binomial(k, rate)), int(k)] for k in n]}
    if index % 2:
        case["center"] = test.random.choice([0, 0.02, 0.3])
    elif index % 3 == 0:
        case["baseline"] = test.random.randint(1, len(n))
    cases.append(case)
for case, ours in zip(cases, test.ask("p_chart", cases), strict=True):
    failures, n = np.array(case["counts"]).T
    used = slice(0, case.get("baseline", len(n)))
    if "center" not in case and n[used].sum() == 0:
        test.holds("p_chart", "undefined without trials", ours["state"] == "undefined", case)
        continue
    center = case["center"] if "center" in case else failures[used].sum() / n[used].sum()
    test.near("p_chart", "center", ours["center"], center, case)
    for i in np.flatnonzero(n):
        half = 3 * math.sqrt(center * (1 - center) / n[i])
        share = failures[i] / n[i]
        test.near("p_chart", "low", ours["points"][i][1], max(center - half, 0), case)
        test.near("p_chart", "high", ours["points"][i][2], min(center + half, 1), case)
        if abs(abs(share - center) - half) > 1e-12:
            signal = 0 if abs(share - center) <= half else int(np.sign(share - center))
            test.holds("p_chart", "signal", ours["points"][i][3] == signal, case)

cases = [{"values": [1.0, 1.0, 1.0]}, {"values": []}, {"values": [3.0]}]
for index in range(COUNT):
    scale = 10.0 ** test.random.randint(-5, 5)
    values = scale * (numbers.normal(size=test.random.randint(2, 150)) + 3)
    values[len(values) // 2 :] += scale * test.random.choice([0, 1, -2])
    case = {"values": [float(v) for v in values]}
    if index % 2:
        case |= {"mean": 3 * scale, "standard_deviation": scale}
    elif index % 3 == 0:
        case["baseline"] = test.random.randint(2, len(values))
    cases.append(case)


def usual(case):
    values = np.array(case["values"][: case.get("baseline", len(case["values"]))])
    if "mean" in case:
        return case["mean"], case["standard_deviation"]
    return (values.mean(), values.std(ddof=1)) if len(values) > 1 else (0, 0)


for case, ours in zip(cases, test.ask("ewma", cases), strict=True):
    mean, deviation = usual(case)
    if deviation == 0:
        test.holds("ewma", "undefined without spread", ours["state"] == "undefined", case)
        continue
    values = np.array(case["values"])
    for i in range(len(values)):
        # z as a weighted sum, not by the recursion.
        weights = 0.1 * 0.9 ** np.arange(i, -1, -1)
        z = weights @ values[: i + 1] + 0.9 ** (i + 1) * mean
        half = 2.814 * deviation * math.sqrt((weights**2).sum())
        test.near("ewma", "z", ours["points"][i][0], z, case, 1e-9)
        test.near("ewma", "high", ours["points"][i][2], mean + half, case, 1e-9)
        test.holds("ewma", "signal", (ours["points"][i][3] != 0) == (abs(z - mean) > half), case)

for restart in [False, True]:
    for case, ours in zip(cases, test.ask("cusum", [c | {"restart": restart} for c in cases]), strict=True):
        mean, deviation = usual(case)
        if deviation == 0:
            test.holds("cusum", "undefined without spread", ours["state"] == "undefined", case)
            continue
        y = (np.array(case["values"]) - mean) / deviation
        begin = 0
        signals = []
        for i in range(len(y)):
            # The largest sum of a stretch that ends here, not by the recursion.
            up = max(0, np.cumsum((y[begin : i + 1] - 0.5)[::-1]).max())
            down = max(0, np.cumsum((-y[begin : i + 1] - 0.5)[::-1]).max())
            test.near("cusum", "C", abs(ours["points"][i][0]), max(up, down), case, 1e-8, 1e-8)
            if max(up, down) > 5:
                signals.append(i)
                begin = i + 1 if restart else begin
        test.holds("cusum", "signals", ours["signals"] == signals, case)
        test.holds("cusum", "an onset for each", len(ours["onsets"]) == len(signals), case)

cases = []
for _ in range(COUNT):
    count = test.random.randint(1, 12)
    scores = [test.random.choice([None, 0.0, 100.0, test.random.uniform(0, 100)]) for _ in range(count)]
    components = [[f"c{i}", test.random.uniform(0.1, 5), score] for i, score in enumerate(scores)]
    cases.append({"components": components, "min_coverage": test.random.choice([0, 0.5, 0.9])})
for case, ours in zip(cases, test.ask("health", cases), strict=True):
    weights = np.array([w for _, w, _ in case["components"]])
    there = np.array([s is not None for _, _, s in case["components"]])
    coverage = weights[there].sum() / weights.sum()
    test.near("health", "coverage", ours["coverage"], coverage, case)
    if not there.any() or coverage < case["min_coverage"]:
        test.holds("health", "undefined", ours["score"]["state"] == "undefined", case)
        continue
    scores = np.array([s or 0 for _, _, s in case["components"]])
    value = np.average(scores[there], weights=weights[there])
    test.near("health", "score", ours["score"]["value"], value, case, 1e-10, 1e-10)
    total = 0.0
    for name in sorted(ours["contributions"]):
        total += ours["contributions"][name]
    test.holds("health", "contributions add up", total == ours["score"]["value"], case)

test.finish()
