"""pm4py on the same variants and the same map.

usage: pm4py_peer.py QUESTION.json ANSWER.json SECONDS

QUESTION.json: {"map": {"nodes": [{"name", "start", "end", "optional"}], "edges": [[from, to]]}, "variants": [[name, …]],
"runs": [n, …]}. ANSWER.json: for each way of aligning {"seconds", "costs": [per variant, or null]}, and for the replay
{"seconds", "fitness"}. Each variant is aligned once, as pm4py itself does with the runs of a log; in random order, a few
at a time, until all are or a way has taken SECONDS.
"""

import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../reference/metrics/agreement"))

from map_net import net_of, net_without_silent_ways  # noqa: E402
from pm4py.algo.conformance.alignments.petri_net import algorithm as alignments  # noqa: E402
from pm4py.algo.conformance.tokenreplay import algorithm as token_replay  # noqa: E402
from pm4py.objects.log.obj import Event, EventLog, Trace  # noqa: E402

QUIET = {"show_progress_bar": False}
AT_A_TIME = 100

with open(sys.argv[1], encoding="utf-8") as file:
    question = json.load(file)
log = EventLog([Trace([Event({"concept:name": name}) for name in variant]) for variant in question["variants"]])
order = list(range(len(log)))
random.Random(1).shuffle(order)
answer = {}


def align(name, net, variant):
    seconds, costs = 0, [None] * len(log)
    for first in range(0, len(order), AT_A_TIME):
        some = order[first : first + AT_A_TIME]
        part = EventLog([log[i] for i in some])
        begin = time.perf_counter()
        aligned = alignments.apply_log(part, *net, variant=variant, parameters=QUIET)
        seconds += time.perf_counter() - begin
        for i, each in zip(some, aligned, strict=True):
            costs[i] = each["cost"] // 10000
        if seconds > float(sys.argv[3]):
            break
    answer[name] = {"seconds": seconds, "costs": costs}


net = net_of(question["map"])
begin = time.perf_counter()
replayed = token_replay.apply(log, *net, parameters=QUIET)
answer["pm4py, token replay"] = {"seconds": time.perf_counter() - begin}
total = {
    what: sum(n * each[f"{what}_tokens"] for n, each in zip(question["runs"], replayed, strict=True))
    for what in ("missing", "consumed", "remaining", "produced")
}
answer["pm4py, token replay"]["fitness"] = (
    1 - total["missing"] / total["consumed"] + 1 - total["remaining"] / total["produced"]
) / 2
# As a caller gets it who chooses nothing, and the fastest of its ways on the smaller net.
align("pm4py, default", net, alignments.DEFAULT_VARIANT)
if not any(node["optional"] for node in question["map"]["nodes"]):
    align(
        "pm4py, fastest",
        net_without_silent_ways(question["map"]),
        alignments.Variants.VERSION_DIJKSTRA_LESS_MEMORY,
    )
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(answer, file)
