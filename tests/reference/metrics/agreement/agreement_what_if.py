"""What-if against a chain worked out by numpy, and its intervals against numerical derivatives along every count."""

import math
from collections import Counter

import numpy as np
from harness import COUNT, Agreement
from scipy import special, stats

test = Agreement("what_if")
Z = stats.norm.ppf(0.975)


def case_of(runs, goal, changes, revenue=None):
    """The graph of runs [[name, time], …], and a question."""
    starts, ends, edges, names = Counter(), Counter(), {}, set()
    for run in runs:
        starts[run[0][0]] += 1
        ends[run[-1][0]] += 1
        names.update(name for name, _ in run)
        for (a, t0), (b, t1) in zip(run, run[1:], strict=False):
            edges.setdefault((a, b), []).append(t1 - t0)
    return {
        "starts": {n: starts[n] for n in sorted(names)},
        "ends": {n: ends[n] for n in sorted(names)},
        "edges": [[a, b, times] for (a, b), times in sorted(edges.items())],
        "goal": goal,
        "changes": changes,
        "revenue": revenue or {},
    }


def random_case():
    names = "abcdef"[: test.random.randint(2, 6)]
    shares = {n: [test.random.random() ** 2 + 0.02 for _ in range(len(names) + 1)] for n in names}
    runs = []
    for _ in range(test.random.choice([1, 5, 50, 200])):
        at, time, run = test.random.choice(names), 0, []
        while at != "end" and len(run) < 40:
            run.append([at, time])
            time += 1 + int(test.random.expovariate(1e-8))
            at = test.random.choices([*names, "end"], shares[at])[0]
        runs.append(run)
    seen = sorted({name for run in runs for name, _ in run})
    goal = test.random.choice(seen)
    changes, fixed = [], set()
    for _ in range(test.random.randint(0, 2)):
        a, b = test.random.choice(seen), test.random.choice([*seen, ""])
        if a == goal or a in fixed:
            continue
        fixed.add(a)
        change = {"from": a, "to": b, "share": test.random.choice([0, 0.1, 0.5, 0.9, 1])}
        if b:
            change["seconds"] = test.random.choice([0, 10.0, 500.0])
        changes.append(change)
    revenue = {n: test.random.choice([-100, 0, 2500]) for n in seen if test.random.random() < 0.7}
    return case_of(runs, goal, changes, revenue)


class Chain:
    """Counts as one vector, so that derivatives can be taken along it."""

    def __init__(self, case):
        self.case = case
        self.names = sorted(case["starts"])
        self.starts = np.array([case["starts"][n] for n in self.names], float)
        self.ways = [(n, "") for n in self.names if case["ends"][n]] + [(a, b) for a, b, _ in case["edges"]]
        self.counts = np.array(
            [case["ends"][n] for n in self.names if case["ends"][n]] + [len(t) for *_, t in case["edges"]], float
        )
        self.means = {(a, b): np.mean(t) / 1e6 for a, b, t in case["edges"]}
        self.variances = {(a, b): np.var(t) / 1e12 for a, b, t in case["edges"]}

    def values(self, changed, starts, counts, means):
        """conversion, seconds, seconds to goal, revenue."""
        index = {n: i for i, n in enumerate(self.names)}
        size, goal = len(self.names), index[self.case["goal"]]
        share = np.zeros((size, size + 1))  # the last column: the run ends
        for (a, b), count in zip(self.ways, counts, strict=True):
            share[index[a], index[b] if b else size] = count
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        time = np.zeros((size, size + 1))
        for (a, b), mean in means.items():
            time[index[a], index[b]] = mean
        for change in self.case["changes"] if changed else []:
            a, b = index[change["from"]], index[change["to"]] if change["to"] else size
            others = 1 - share[a, b]
            scale = (1 - change["share"]) / others if others > 1e-12 else 0
            share[a] *= scale
            share[a, b] = change["share"]
            if "seconds" in change:
                time[a, b] = change["seconds"]
        start = starts / starts.sum()
        share[goal] = 0
        steps = np.linalg.matrix_power(np.eye(size) + share[:, :size], size)
        inner = np.where(steps[:, [goal]] > 0, share[:, :size], 0)  # only from where the goal can be reached
        to_it = lambda right: np.linalg.solve(np.eye(size) - inner, right)  # noqa: E731
        # Least squares: touchpoints that nobody can leave, nor comes to, do not spoil the others.
        solve = lambda right: np.linalg.lstsq(np.eye(size) - share[:, :size], right, rcond=None)[0]  # noqa: E731
        h = to_it(np.eye(size)[goal])
        seconds = solve((share * time).sum(axis=1))
        weighted = (share[:, :size] * time[:, :size] * h).sum(axis=1)
        revenue = np.array([float(self.case["revenue"].get(n, 0)) for n in self.names])
        reached = start @ h
        to_goal = start @ to_it(weighted) / reached if reached > 1e-12 else 0.0
        return np.array([reached, start @ seconds, to_goal, start @ solve(revenue)])

    def answer(self, changed):
        return self.values(changed, self.starts, self.counts, self.means)

    def derivatives(self, changed):
        """Of all four numbers along each start, each count and each mean time, by central differences."""
        rows = []
        for k, value in enumerate(self.starts):
            step = value * 1e-5
            up, down = self.starts.copy(), self.starts.copy()
            up[k] += step
            down[k] -= step
            if value > 0:
                d = self.values(changed, up, self.counts, self.means)
                rows.append(((d - self.values(changed, down, self.counts, self.means)) / (2 * step), value))
        for k, value in enumerate(self.counts):
            step = value * 1e-5
            up, down = self.counts.copy(), self.counts.copy()
            up[k] += step
            down[k] -= step
            d = self.values(changed, self.starts, up, self.means)
            rows.append(((d - self.values(changed, self.starts, down, self.means)) / (2 * step), value))
        for way, mean in self.means.items():
            step = max(mean, 1) * 1e-4
            d = self.values(changed, self.starts, self.counts, {**self.means, way: mean + step})
            d = (d - self.values(changed, self.starts, self.counts, {**self.means, way: mean - step})) / (2 * step)
            rows.append((d, self.variances[way] / len(next(t for a, b, t in self.case["edges"] if (a, b) == way))))
        return np.array([d for d, _ in rows]), np.array([weight for _, weight in rows])


def endless(case, changed):
    """Whether some run could come to where it is never over."""
    follows = {n: {b for a, b, _ in case["edges"] if a == n} | ({""} if case["ends"][n] else set()) for n in case["starts"]}
    for change in case["changes"] if changed else []:
        if change["share"] == 1:
            follows[change["from"]] = {change["to"]}
        elif change["share"] == 0:
            follows[change["from"]].discard(change["to"])
        else:
            follows[change["from"]].add(change["to"])
    follows[case["goal"]] = {""}

    def reach(begin):
        seen, stack = set(), [begin]
        while stack:
            at = stack.pop()
            if at not in seen:
                seen.add(at)
                stack.extend(follows.get(at, []))
        return seen

    return any("" not in reach(n) for s, count in case["starts"].items() if count for n in reach(s) if n)


def compare(case, ours):
    impossible = any(
        c["share"] < 1 and all(b == c["to"] for a, b, _ in case["edges"] if a == c["from"])
        and (c["to"] == "" or not case["ends"][c["from"]])
        for c in case["changes"]
    )
    if impossible:
        test.holds("what_if", "no other way", "no other way" in ours.get("error", ""), case)
        return
    chain = Chain(case)
    values = [chain.answer(changed) for changed in (False, True)]
    slopes = [chain.derivatives(changed) for changed in (False, True)]
    for k, name in enumerate(["conversion", "seconds", "seconds_to_goal", "revenue"]):
        numbers = ours[name]
        for which, changed in (("before", False), ("after", True)):
            nowhere = name == "seconds_to_goal" and values[changed][0] < 1e-12
            if (name in ("seconds", "revenue") and endless(case, changed)) or nowhere:
                test.holds("what_if", f"{name} undefined", numbers[which]["state"] == "undefined", case)
                continue
            test.near("what_if", f"{name} {which}", numbers[which]["value"], values[changed][k], case, 1e-7, 1e-7)
            slope, weight = slopes[changed]
            error = math.sqrt((slope[:, k] ** 2 * weight).sum())
            compare_interval(name, which, numbers[which], error, case)
        if numbers["before"]["state"] == numbers["after"]["state"] == "ok":
            difference = values[1][k] - values[0][k]
            test.near("what_if", f"{name} difference", numbers["difference"]["value"], difference, case, 1e-6, 1e-6)
            error = math.sqrt(((slopes[1][0] - slopes[0][0])[:, k] ** 2 * weight).sum())
            compare_interval(name, "difference", numbers["difference"], error, case)
        else:
            test.holds("what_if", "difference undefined", numbers["difference"]["state"] == "undefined", case)


def compare_interval(name, which, estimate, error, case):
    value = estimate["value"]
    if "low" not in estimate:
        test.holds("what_if", f"{name} {which} has no error", error < 1e-4 * max(1, abs(value)), case)
        return
    low, high = value - Z * error, value + Z * error
    if name == "conversion" and which != "difference":
        logit, half = math.log(value / (1 - value)), Z * error / (value * (1 - value))
        low, high = special.expit(logit - half), special.expit(logit + half)
    close = 1e-4 * max(high - low, 1e-3 * max(1, abs(value)))
    test.near("what_if", f"{name} {which} low", estimate["low"], low, case, 0, close)
    test.near("what_if", f"{name} {which} high", estimate["high"], high, case, 0, close)


hour = 3_600_000_000
shop = [[["a", 0], ["b", hour], ["c", 3 * hour]]] * 30 + [[["a", 0], ["b", 2 * hour]]] * 50 + [[["a", 0]]] * 20
cases = [
    case_of([[["a", 0]]], "a", []),  # one touchpoint, which is the goal
    case_of(shop, "c", [{"from": "b", "to": "c", "share": 0.6}], {"c": 5000, "a": -20}),
    case_of(shop, "c", [{"from": "a", "to": "c", "share": 0.5, "seconds": 60}]),  # a new way
    case_of(shop, "c", [{"from": "a", "to": "a", "share": 1, "seconds": 60}]),  # a trap
    case_of(shop, "c", [{"from": "b", "to": "c", "share": 0}]),  # the goal out of reach
    case_of([[["a", 0], ["b", 7]]], "b", [{"from": "a", "to": "b", "share": 0.5}]),  # nothing to keep in proportion
]
while len(cases) < COUNT + 6:
    cases.append(random_case())
for case, ours in zip(cases, test.ask("what_if", cases), strict=True):
    compare(case, ours)

test.finish()
