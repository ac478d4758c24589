"""Quantiles and intervals against scipy and statsmodels."""

import math

from harness import COUNT, Agreement
from scipy import special, stats
from statsmodels.stats.proportion import proportion_confint

test = Agreement("intervals")
levels = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999]

cases = [{"successes": k, "n": n, "confidence": 0.95} for k, n in [(0, 1), (1, 1), (0, 10), (8, 10), (550, 1000)]]
for _ in range(COUNT):
    n = int(math.exp(test.random.uniform(0, 18)))
    cases.append({"successes": test.random.randint(0, n), "n": n, "confidence": test.random.choice(levels)})
for case, ours in zip(cases, test.ask("wilson", cases), strict=True):
    low, high = proportion_confint(case["successes"], case["n"], 1 - case["confidence"], "wilson")
    test.near("wilson", "low", ours[0], max(low, 0), case)
    test.near("wilson", "high", ours[1], min(high, 1), case)

cases = [{"p": p} for p in [1e-300, 1e-15, 0.025, 0.5, 0.975, 1 - 1e-12]]
cases += [{"p": test.random.random()} for _ in range(COUNT)]
for case, ours in zip(cases, test.ask("normal_quantile", cases), strict=True):
    test.near("normal_quantile", "x", ours, stats.norm.ppf(case["p"]), case, 1e-10)

cases = []
for _ in range(COUNT):
    cases.append({"p": test.random.uniform(1e-6, 1 - 1e-6), "degrees": math.exp(test.random.uniform(0, 15))})
for case, ours in zip(cases, test.ask("student_t_quantile", cases), strict=True):
    test.near("student_t_quantile", "x", ours, stats.t.ppf(case["p"], case["degrees"]), case, 1e-8)

cases = []
for _ in range(COUNT):
    a, b = (math.exp(test.random.uniform(-3, 8)) for _ in range(2))
    cases.append({"x": test.random.random(), "a": a, "b": b})
for case, ours in zip(cases, test.ask("incomplete_beta", cases), strict=True):
    test.near("incomplete_beta", "I", ours, special.betainc(case["a"], case["b"], case["x"]), case, 1e-9, 1e-14)

test.finish()
