"""Conformance against pm4py on the same net, and rework and hand-offs against their definitions."""

import heapq
import itertools
import math
from collections import Counter

from harness import COUNT, Agreement
from map_net import net_of
from pm4py.algo.conformance.alignments.petri_net import algorithm as alignments
from pm4py.algo.conformance.tokenreplay import algorithm as token_replay
from pm4py.algo.evaluation.replay_fitness import algorithm as replay_fitness
from pm4py.objects.log.obj import Event, EventLog, Trace
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

test = Agreement("paths")
NAMES = "abcdefgh"


def node(name, start=False, end=False, optional=False):
    return {"name": name, "start": start, "end": end, "optional": optional}


def random_map():
    names = NAMES[: test.random.randint(1, 7)]
    share_optional = test.random.choice([0, 0.2, 0.5])
    nodes = [
        node(n, test.random.random() < 0.3, test.random.random() < 0.3, test.random.random() < share_optional)
        for n in names
    ]
    test.random.choice(nodes)["start"] = True
    test.random.choice(nodes)["end"] = True
    density = test.random.choice([0.1, 0.25, 0.5])
    edges = [[a, b] for a in names for b in names if test.random.random() < density]
    return {"nodes": nodes, "edges": edges}


def walk(map_graph):
    """A way through the map with some noise: visits left out, added, exchanged."""
    after = {n["name"]: [b for a, b in map_graph["edges"] if a == n["name"]] for n in map_graph["nodes"]}
    at = test.random.choice([n["name"] for n in map_graph["nodes"] if n["start"]])
    run = [at]
    while len(run) < 10 and after[at] and test.random.random() < 0.9:
        at = test.random.choice(after[at])
        run.append(at)
    for _ in range(test.random.choice([0, 0, 1, 2, 4])):
        place = test.random.randrange(len(run) + 1)
        kind = test.random.randrange(3)
        if kind == 0 and len(run) > 1 and place < len(run):
            del run[place]
        elif kind == 1:
            run.insert(place, test.random.choice(NAMES))
        elif place + 1 < len(run):
            run[place], run[place + 1] = run[place + 1], run[place]
    return run


def log_of(runs):
    return EventLog([Trace([Event({"concept:name": v}) for v in run]) for run in runs])


def brute_cost(map_graph, run):
    """Cost of an optimal alignment by Dijkstra's algorithm over (visits, touchpoint), straight from the definition."""
    nodes = {n["name"]: n for n in map_graph["nodes"]}
    after = {None: [n["name"] for n in map_graph["nodes"] if n["start"]]}
    for source, target in map_graph["edges"]:
        after.setdefault(source, []).append(target)
    seen = set()
    queue = [(0, 0, "", None)]
    while queue:
        cost, visits, _, at = heapq.heappop(queue)
        if (visits, at) in seen:
            continue
        seen.add((visits, at))
        if visits == len(run) and at is not None and nodes[at]["end"]:
            return cost
        if visits < len(run):
            heapq.heappush(queue, (cost + 1, visits + 1, at or "", at))
        for to in after.get(at, []):
            heapq.heappush(queue, (cost + (0 if nodes[to]["optional"] else 1), visits, to, to))
            if visits < len(run) and run[visits] == to:
                heapq.heappush(queue, (cost, visits + 1, to, to))
    return None


def check_moves(case, run, ours, map_graph):
    """The alignment is one: it spells the run, it is a way of the map, and it costs what it says."""
    nodes = map_graph["nodes"]
    edges = {tuple(e) for e in map_graph["edges"]}
    visits, at, cost, fine = [], None, 0, True
    for kind, number, visit in ours["moves"]:
        if visit >= 0:
            visits.append(visit)
        name = nodes[number]["name"] if number >= 0 else None
        if kind != 1:
            fine = fine and (nodes[number]["start"] if at is None else (at, name) in edges)
            at = name
        if kind == 0:
            fine = fine and run[visit] == name
        if kind == 3:
            fine = fine and nodes[number]["optional"]
        cost += kind in (1, 2)
    fine = fine and visits == list(range(len(run))) and cost == ours["cost"]
    fine = fine and any(n["name"] == at and n["end"] for n in nodes)
    test.holds("conformance", "moves are an alignment", fine, case)
    # Each log move and each model move is in exactly one deviation, a wrong order in two.
    kinds = Counter(d[0] for d in ours["deviations"])
    explained = kinds["MISSING"] + kinds["AD_HOC"] + kinds["LOOP"] + 2 * kinds["WRONG_ORDER"]
    test.holds("conformance", "deviations explain the cost", explained == ours["cost"], case)


def compare_conformance(case, ours):
    map_graph, runs = case["map"], case["runs"]
    net, initial, final = net_of(map_graph)
    log = log_of(runs)
    replayed = token_replay.apply(log, net, initial, final, parameters={"show_progress_bar": False})
    total = Counter()
    for run, mine, theirs in zip(runs, ours["runs"], replayed, strict=True):
        for what in ("produced", "consumed", "missing", "remaining"):
            value = theirs[f"{what}_tokens"]
            total[what] += value
            test.near("token replay", what, mine["tokens"][what], value, [case, run])
        test.near("token replay", "fitness", mine["tokens"]["fitness"], theirs["trace_fitness"], [case, run])
    f = 0.5 * (1 - total["missing"] / total["consumed"]) + 0.5 * (1 - total["remaining"] / total["produced"])
    test.near("token replay", "of the log", ours["token"]["value"], f, case)

    cheapest = brute_cost(map_graph, [])
    if cheapest is None:
        test.holds("conformance", "no way through", ours["alignment"]["state"] == "undefined", case)
        return
    aligned = alignments.apply_log(log, net, initial, final, parameters={"show_progress_bar": False})
    fitnesses, costs = [], 0
    for run, mine, theirs in zip(runs, ours["runs"], aligned, strict=True):
        test.near("alignment", "cost", mine["cost"], theirs["cost"] // 10000, [case, run])
        test.near("alignment", "cost by brute force", mine["cost"], brute_cost(map_graph, run), [case, run])
        fitness = 1 - mine["cost"] / (len(run) + cheapest)
        test.near("alignment", "fitness", mine["fitness"], theirs["fitness"], [case, run])
        test.near("alignment", "fitness by definition", mine["fitness"], fitness, [case, run])
        check_moves(case, run, mine, map_graph)
        fitnesses.append(fitness)
        costs += mine["cost"]
    whole = replay_fitness.evaluate(aligned, variant=replay_fitness.Variants.ALIGNMENT_BASED)
    test.near("alignment", "mean of the log", ours["alignment"]["value"], whole["averageFitness"], case)
    log_fitness = 1 - costs / sum(len(run) + cheapest for run in runs)
    test.near("alignment", "log fitness", ours["alignment"]["details"]["log_fitness"], log_fitness, case)
    conforming = sum(mine["cost"] == 0 for mine in ours["runs"])
    low, high = proportion_confint(conforming, len(runs), 0.05, "wilson")
    test.near("conforming", "share", ours["conforming"]["value"], conforming / len(runs), case)
    test.near("conforming", "low", ours["conforming"]["low"], max(low, 0), case)
    test.near("conforming", "high", ours["conforming"]["high"], min(high, 1), case)


one = {"nodes": [node("a", True, True)], "edges": []}
again = {"nodes": [node("a", True, True)], "edges": [["a", "a"]]}
cycle = {"nodes": [node("a", True), node("b"), node("c", end=True)], "edges": [["a", "b"], ["b", "c"], ["c", "a"]]}
apart = {"nodes": [node("a", True, True), node("b")], "edges": [["b", "b"]]}
nowhere = {"nodes": [node("a", True), node("b", end=True)], "edges": [["b", "a"]]}
passed = {
    "nodes": [node("a", True, optional=True), node("b", optional=True), node("c", end=True, optional=True)],
    "edges": [["a", "b"], ["b", "c"], ["c", "b"]],
}
cases = [
    {"map": m, "runs": [["a"], ["b"], ["a", "a"], ["a", "b", "c"], ["c", "b", "a"], ["x"], ["a", "b", "c", "a", "b", "c"]]}
    for m in (one, again, cycle, apart, nowhere, passed)
]
for _ in range(COUNT):
    map_graph = random_map()
    cases.append({"map": map_graph, "runs": [walk(map_graph) for _ in range(test.random.randint(1, 6))]})
for case, ours in zip(cases, test.ask("conformance", cases), strict=True):
    compare_conformance(case, ours)


# ---- Rework and hand-offs -------------------------------------------------------------------------------------------


def random_runs():
    runs = []
    for _ in range(test.random.randint(1, 30)):
        time, run = 0, []
        for _ in range(test.random.randint(1, 12)):
            time += int(test.random.expovariate(1e-9))
            run.append([test.random.choice("abcde"), time, test.random.choice(["x", "y", "z", None])])
        runs.append(run)
    return runs


def compare_share(model, what, estimate, count, n, case):
    low, high = proportion_confint(count, n, 0.05, "wilson")
    test.near(model, what, estimate["value"], count / n, case)
    test.near(model, f"{what} low", estimate["low"], max(low, 0), case)
    test.near(model, f"{what} high", estimate["high"], min(high, 1), case)


cases = [{"runs": [[["a", 0, None]]]}, {"runs": [[["a", 0, "x"], ["a", 5, "y"], ["a", 5, "x"]]]}]
cases += [{"runs": random_runs()} for _ in range(COUNT)]
for case, ours in zip(cases, test.ask("rework", cases), strict=True):
    runs = [Counter(visit[0] for visit in run) for run in case["runs"]]
    compare_share("rework", "any", ours["any"], sum(max(c.values()) > 1 for c in runs), len(runs), case)
    for name, estimate in ours["touchpoints"].items():
        compare_share("rework", name, estimate, sum(c[name] > 1 for c in runs), len(runs), case)
        test.near("rework", "repeats", estimate["details"]["repeats"], sum(max(c[name] - 1, 0) for c in runs), case)

for case, ours in zip(cases, test.ask("handoffs", cases), strict=True):
    waits, in_runs, ping_pongs, pairs, with_department = {}, Counter(), Counter(), 0, 0
    for run in case["runs"]:
        known = [(time, department) for _, time, department in run if department is not None]
        with_department += bool(known)
        pairs += max(len(known) - 1, 0)
        seen = set()
        for (t0, d0), (t1, d1) in itertools.pairwise(known):
            if d0 != d1:
                waits.setdefault((d0, d1), []).append(t1 - t0)
                seen.add((d0, d1))
        in_runs.update(seen)
        collapsed = [d for d, _ in itertools.groupby(d for _, d in known)]
        ping_pongs.update((a, b) for a, b, c in zip(collapsed, collapsed[1:], collapsed[2:], strict=False) if a == c)
    if pairs:
        compare_share("handoffs", "share", ours["share"], sum(map(len, waits.values())), pairs, case)
    else:
        test.holds("handoffs", "undefined without pairs", ours["share"]["state"] == "undefined", case)
    test.holds("handoffs", "pairs", {(a, b): n for a, b, n, *_ in ours["pairs"]}
               == {pair: len(each) for pair, each in waits.items()}, case)
    test.holds("handoffs", "ping-pongs", {(a, b): n for a, b, n, _ in ours["ping_pongs"]} == ping_pongs, case)
    for a, b, _, in_run, wait in ours["pairs"]:
        compare_share("handoffs", "runs", in_run, in_runs[a, b], with_department, case)
        each = sorted(waits[a, b])
        test.near("handoffs", "median", wait["value"], each[math.ceil(len(each) / 2) - 1] / 1e6, case)
        test.near("handoffs", "mean", wait["details"]["mean"], sum(each) / len(each) / 1e6, case)


# ---- What goes with a deviation -------------------------------------------------------------------------------------

cases = [{"k1": a, "n1": 1, "k2": b, "n2": 1} for a in (0, 1) for b in (0, 1)]
for _ in range(COUNT):
    n1, n2 = (int(math.exp(test.random.uniform(0, 14))) for _ in range(2))
    cases.append({"k1": test.random.randint(0, n1), "n1": n1, "k2": test.random.randint(0, n2), "n2": n2})
for case, ours in zip(cases, test.ask("newcombe", cases), strict=True):
    low, high = confint_proportions_2indep(case["k1"], case["n1"], case["k2"], case["n2"], method="newcomb")
    test.near("newcombe", "low", ours[0], low, case, 1e-9, 1e-9)
    test.near("newcombe", "high", ours[1], high, case, 1e-9, 1e-9)

cases = [{"sorted": [5] * 10}, {"sorted": [1, 2]}, {"sorted": [0] * 9 + [2**60]}]
for _ in range(COUNT):
    values = [int(test.random.expovariate(1e-9)) for _ in range(int(math.exp(test.random.uniform(1, 7))))]
    cases.append({"sorted": sorted([*values, 1])})
for case, ours in zip(cases, test.ask("median_variance", cases), strict=True):
    values = case["sorted"]
    n = len(values)
    c = max(1, math.floor((n + 1) / 2 - math.sqrt(n) + 0.5))
    z = stats.norm.isf(stats.binom.cdf(c - 1, n, 0.5))
    test.near("median_variance", "variance", ours, ((values[n - c] - values[c - 1]) / (2 * z)) ** 2, case)

test.finish()
