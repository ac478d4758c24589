"""Holds models against independent implementations on random inputs.

A family's test is agreement_<family>.py: it makes inputs from a seeded generator, edge cases first, asks the program
model_calls for our answers, and compares each with the other implementation's. What is compared is printed, so that a
family of which nothing was compared cannot pass for one that agrees.
"""

import json
import math
import os
import random
import subprocess
import sys

COUNT = int(os.environ.get("THROUGHLINE_AGREEMENT_COUNT", "100"))
SEED = int(os.environ.get("THROUGHLINE_AGREEMENT_SEED", "20261122"))


class Agreement:
    def __init__(self, family):
        self.family = family
        self.random = random.Random(f"{SEED} {family}")
        self.failures = []
        self.compared = {}

    def ask(self, model, inputs):
        """Our answers to a list of inputs (dicts), in their order."""
        lines = "".join(json.dumps({"model": model, "input": each}, allow_nan=False) + "\n" for each in inputs)
        done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"{model}: model_calls failed: {done.stderr[-2000:]}")
        # A NaN or an infinity is written as null, which no comparison takes for a number.
        return [json.loads(line) for line in done.stdout.splitlines()]

    def near(self, model, what, ours, theirs, case, relative=1e-9, absolute=1e-12):
        """Both are numbers and agree, or the case is remembered."""
        self.compared[model] = self.compared.get(model, 0) + 1
        fine = isinstance(ours, (int, float)) and math.isfinite(ours)
        if not fine or not math.isclose(ours, float(theirs), rel_tol=relative, abs_tol=absolute):
            self.failures.append(f"{model}: {what} is {ours}, they say {theirs}, of {json.dumps(case)[:600]}")

    def holds(self, model, what, condition, case):
        self.compared[model] = self.compared.get(model, 0) + 1
        if not condition:
            self.failures.append(f"{model}: {what}, of {json.dumps(case)[:600]}")

    def finish(self):
        for model, count in sorted(self.compared.items()):
            print(f"{self.family}: {model}: {count} comparisons")
        for failure in self.failures[:20]:
            print("DIFFERS", failure)
        print(f"{self.family}: {len(self.failures)} differ (seed {SEED}, {COUNT} inputs per model)")
        sys.exit(1 if self.failures or not self.compared else 0)
