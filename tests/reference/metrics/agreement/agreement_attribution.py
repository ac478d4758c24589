"""Attribution against the definitions: numpy chains in which each channel is removed in turn, and Shapley's formula over
all coalitions."""

import itertools
import math

import numpy as np
from harness import COUNT, Agreement

test = Agreement("attribution")
FIRST, LAST, LINEAR, POSITION, TIME_DECAY, MARKOV, SHAPLEY = range(7)
RULES = {"first": FIRST, "last": LAST, "linear": LINEAR, "position": POSITION, "time_decay": TIME_DECAY}


def random_path(channels, magnitude):
    length = test.random.choice([1, 1, 2, 3, 5, 9])
    conversions = int(magnitude ** test.random.random()) - 1
    times = sorted((test.random.uniform(0, 60) for _ in range(length)), reverse=True)
    return {
        "channels": [test.random.choice(channels) for _ in range(length)],
        "conversions": conversions,
        "value": conversions * test.random.uniform(0, 90),
        "nulls": int(magnitude ** test.random.random()) - 1,
        "days_before": times,
    }


def path(channels, conversions, nulls=0):
    times = [float(len(channels) - i) for i in range(len(channels))]
    value = 3.0 * conversions
    return {"channels": channels, "conversions": conversions, "value": value, "nulls": nulls, "days_before": times}


cases = [
    [],
    [path(["a"], 1)],
    [path(["a"], 0, 5)],
    [path(["a", "a", "a"], 4)],
    [path(["a", "b"], 1), path(["b", "a"], 1)],
    [path(["a", "b", "a", "b"], 10**9, 1), path(["b", "c"], 1, 10**9)],
    [path(["C1", "C2", "C3"], 1), path(["C1"], 0, 1), path(["C2", "C3"], 0, 1)],
]
for _ in range(COUNT):
    channels = "abcdef"[: test.random.randint(1, 6)]
    magnitude = test.random.choice([3, 30, 10**6])
    cases.append([random_path(channels, magnitude) for _ in range(test.random.randint(1, 25))])


def weights(path, rule, half_life):
    n = len(path["channels"])
    if rule == FIRST:
        return [1.0] + [0.0] * (n - 1)
    if rule == LAST:
        return [0.0] * (n - 1) + [1.0]
    if rule == POSITION and n > 2:
        return [0.4] + [0.2 / (n - 2)] * (n - 2) + [0.4]
    if rule == TIME_DECAY:
        raw = [2 ** (-days / half_life) for days in path["days_before"]]
        return [each / sum(raw) for each in raw]
    return [1 / n] * n


def by_touches(paths, rule, half_life):
    credit = {}
    for each in paths:
        for channel, weight in zip(each["channels"], weights(each, rule, half_life)):
            credit[channel] = credit.get(channel, 0) + weight * each["conversions"]
    return credit


def conversion_probability(paths, removed):
    """Of the chain in which whoever would come to `removed` is lost: P(conversion from the start), by solving."""
    channels = sorted({channel for each in paths for channel in each["channels"]})
    index = {channel: i + 1 for i, channel in enumerate(channels)}  # 0 is the start
    size = len(channels) + 1
    counts = np.zeros((size, size + 2))  # to states, conversion and null
    for each in paths:
        states = [0] + [index[channel] for channel in each["channels"]]
        total = each["conversions"] + each["nulls"]
        for a, b in itertools.pairwise(states):
            counts[a, b] += total
        counts[states[-1], size] += each["conversions"]
        counts[states[-1], size + 1] += each["nulls"]
    shares = counts / np.where(counts.sum(1) == 0, 1, counts.sum(1))[:, None]
    if removed is not None:
        shares[:, index[removed]] = 0
    return np.linalg.solve(np.eye(size) - shares[:, :size], shares[:, size])[0]


def shapley(paths):
    """Σ over coalitions of |S|!(n−|S|−1)!/n!·(v(S ∪ i) − v(S))."""
    channels = sorted({channel for each in paths for channel in each["channels"]})
    worth = {
        subset: sum(each["conversions"] for each in paths if set(each["channels"]) <= set(subset))
        for size in range(len(channels) + 1)
        for subset in itertools.combinations(channels, size)
    }
    n = len(channels)
    credit = {}
    for channel in channels:
        others = [each for each in channels if each != channel]
        for size in range(n):
            factor = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for subset in itertools.combinations(others, size):
                gain = worth[tuple(sorted(subset + (channel,)))] - worth[subset]
                credit[channel] = credit.get(channel, 0) + factor * gain
    return credit


def compare(model, ours, credit, value_of, total, case):
    for channel, expected in credit.items():
        found = ours["channels"][channel]
        test.near(model, "credit", found["conversions"], expected, case, 1e-8, 1e-9 * max(total, 1))
        if value_of is not None:
            test.near(model, "value", found["value"], value_of[channel], case, 1e-8, 1e-9 * max(total, 1))


for name, rule in RULES.items():
    inputs = [{"paths": paths, "rule": rule, "half_life_days": test.random.choice([1.0, 7.0, 30.0])} for paths in cases]
    for case, ours in zip(inputs, test.ask("attribution", inputs), strict=True):
        total = sum(each["conversions"] for each in case["paths"])
        if total == 0:
            test.holds(name, "undefined", ours["undefined_reason"] != "", case)
            continue
        # The value is shared out by the same weights.
        value = by_touches([dict(each, conversions=each["value"]) for each in case["paths"]], rule, case["half_life_days"])
        compare(name, ours, by_touches(case["paths"], rule, case["half_life_days"]), value, total, case)

inputs = [{"paths": paths, "rule": MARKOV} for paths in cases]
for case, ours in zip(inputs, test.ask("attribution", inputs), strict=True):
    total = sum(each["conversions"] for each in case["paths"])
    if total == 0:
        test.holds("markov", "undefined", ours["undefined_reason"] != "", case)
        continue
    paths = [each for each in case["paths"] if each["conversions"] + each["nulls"] > 0]
    whole = conversion_probability(paths, None)
    channels = sorted({channel for each in paths for channel in each["channels"]})
    effects = {channel: 1 - conversion_probability(paths, channel) / whole for channel in channels}
    for channel, effect in effects.items():
        test.near("markov", "removal effect", ours["channels"][channel]["removal_effect"], effect, case, 1e-7, 1e-9)
    credit = {channel: effect / sum(effects.values()) * total for channel, effect in effects.items()}
    compare("markov", ours, credit, None, total, case)

inputs = [{"paths": paths, "rule": SHAPLEY} for paths in cases]
for case, ours in zip(inputs, test.ask("attribution", inputs), strict=True):
    total = sum(each["conversions"] for each in case["paths"])
    if total == 0:
        test.holds("shapley", "undefined", ours["undefined_reason"] != "", case)
        continue
    paths = [each for each in case["paths"] if each["conversions"] > 0]
    compare("shapley", ours, shapley(paths), None, total, case)

test.finish()
