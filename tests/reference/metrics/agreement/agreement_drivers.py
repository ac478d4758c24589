"""Drivers against all subsets by numpy's least squares; logistic regression and churn risk against scikit-learn and
statsmodels."""

import csv
import gzip
import itertools
import math
import os
import warnings

import numpy as np
import statsmodels.api as sm
from harness import COUNT, Agreement
from scipy import stats
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
test = Agreement("drivers")
numbers = np.random.default_rng(test.random.randrange(2**32))


def names(count):
    return [f"x{j}" for j in range(count)]


# ---- Drivers ----


def r_squared(x, y):
    design = np.column_stack([np.ones(len(y)), x])
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return 1 - residuals @ residuals / ((y - y.mean()) @ (y - y.mean()))


def lmg(x, y):
    """From the definition: the mean over all orders of what each driver adds, order by order for few drivers."""
    count = x.shape[1]
    value = {s: r_squared(x[:, s], y) for k in range(count + 1) for s in itertools.combinations(range(count), k)}
    out = np.zeros(count)
    for s in value:
        weight = math.factorial(len(s)) * math.factorial(count - len(s) - 1) if len(s) < count else 0
        for j in set(range(count)) - set(s):
            out[j] += weight * (value[tuple(sorted((*s, j)))] - value[s])
    return out / math.factorial(count)


def relative_weights(x, y):
    x = (x - x.mean(0)) / x.std(0)
    y = (y - y.mean()) / y.std()
    left, singular, right = np.linalg.svd(x, full_matrices=False)
    z = left @ right  # the closest orthonormal matrix; columns of length 1
    to_y = z.T @ y / math.sqrt(len(y))
    loading = right.T @ np.diag(singular) @ right / math.sqrt(len(y))
    return loading**2 @ to_y**2


cases = []
for index in range(COUNT):
    count = test.random.randint(1, 6)
    n = test.random.randint(count + 2, 60)
    shared = test.random.choice([0, 0.5, 2, 10])
    x = numbers.normal(size=(n, count)) + shared * numbers.normal(size=(n, 1))
    y = x @ numbers.normal(size=count) + test.random.choice([0, 0.1, 1, 10]) * numbers.normal(size=n)
    if index % 5 == 1:
        x, y = np.round(x * 2), np.round(y)
    if index % 7 == 2:
        x, y = x * 1e120, y * 1e-90
    rows = [[float(b), [float(v) for v in a]] for a, b in zip(x, y, strict=True)]
    if index % 3 == 1:
        rows.append([None, [1.0] * count])
        rows.append([1.0, [None] + [1.0] * (count - 1)])
    cases.append({"names": names(count), "rows": rows})
for case, ours in zip(cases, test.ask("drivers", cases), strict=True):
    complete = [row for row in case["rows"] if row[0] is not None and None not in row[1]]
    x, y = np.array([row[1] for row in complete]), np.array([row[0] for row in complete])
    scaled = x / np.abs(x).max(0).clip(1e-300)
    rank = np.linalg.matrix_rank(scaled - scaled.mean(0), tol=1e-9)
    if rank < x.shape[1] or np.ptp(y) == 0:
        test.holds("drivers", "redundant drivers are undefined", ours["r_squared"]["state"] == "undefined", case)
        continue
    y = y / np.abs(y).max()
    test.near("drivers", "r_squared", ours["r_squared"]["value"], r_squared(scaled, y), case, 1e-8, 1e-10)
    for j, (share, weight) in enumerate(zip(lmg(scaled, y), relative_weights(scaled, y), strict=True)):
        test.near("drivers", "lmg", ours["drivers"][j]["lmg"]["value"], share, case, 1e-7, 1e-9)
        test.near("drivers", "weight", ours["drivers"][j]["relative_weight"]["value"], weight, case, 1e-7, 1e-9)
        test.near("drivers", "correlation", ours["drivers"][j]["correlation"], np.corrcoef(scaled[:, j], y)[0, 1], case)

# ---- Logistic regression ----


def separable(x, y):
    """Whether a direction never hurts and somewhere helps: a linear programme (Konis 2007)."""
    signed = np.column_stack([np.ones(len(y)), x]) * (2 * y - 1)[:, None]
    size = signed.shape[1]
    best = linprog(-signed.sum(0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=[(-1, 1)] * size)
    return -best.fun > 1e-7


def logistic_case(index, penalty):
    count = test.random.randint(1, 4)
    n = test.random.randint(count + 4, 80)
    x = numbers.normal(size=(n, count)) * 10.0 ** test.random.randint(-3, 3) + test.random.choice([0, 5])
    strength = test.random.choice([0, 1, 3, 30])
    z = (x - x.mean(0)) / x.std(0)
    y = (strength * z[:, 0] + numbers.logistic(size=n) > 0).astype(int)
    if index % 4 == 1:
        x = np.round(x, 1)
    if index % 11 == 3:
        y[:] = 1
    return {
        "names": names(count),
        "rows": [[int(b), [float(v) for v in a]] for a, b in zip(x, y, strict=True)],
        "penalty": penalty,
    }


def matrices(case):
    return np.array([row[1] for row in case["rows"]]), np.array([row[0] for row in case["rows"]])


edge = [
    {"names": ["x0"], "rows": [[0, [1]], [0, [2]], [1, [2]], [1, [3]], [1, [4]]], "penalty": 0},
    {"names": ["x0"], "rows": [[i % 2, [i / 7.0]] for i in range(40)], "penalty": 0},
    {"names": ["x0"], "rows": [[int(i > 20), [i * 1e200]] for i in range(40)], "penalty": 0},
]
cases = edge + [logistic_case(index, 0) for index in range(COUNT)]
for case, ours in zip(cases, test.ask("logistic", cases), strict=True):
    x, y = matrices(case)
    deviation = x.std(0)
    varying = np.ptp(x, axis=0) > 0
    scaled = (x / np.abs(x).max(0).clip(1e-300))[:, varying]
    z = (scaled - scaled.mean(0)) / scaled.std(0)
    if len(set(y)) == 1:
        test.holds("logistic", "one class", ours["state"] == "one_class", case)
    elif np.linalg.matrix_rank(z, tol=1e-9) < z.shape[1]:
        test.holds("logistic", "collinear", ours["state"] == "collinear", case)
    elif separable(z, y):
        test.holds("logistic", f"separated, not {ours['state']}", ours["state"] == "separated", case)
    else:
        theirs = sm.Logit(y, sm.add_constant(z, has_constant="add")).fit(disp=0, maxiter=200, tol=1e-14)
        test.holds("logistic", f"ok, not {ours['state']}", ours["state"] == "ok", case)
        if ours["state"] != "ok":
            continue
        test.near("logistic", "log likelihood", ours["log_likelihood"], theirs.llf, case, 1e-8)
        mine = [each["standardized"] for each in ours["coefficients"] if not each["constant"]]
        for j, each in enumerate(mine):
            test.near("logistic", "beta", each["value"], theirs.params[j + 1], case, 1e-5, 1e-6)
            test.near("logistic", "error", each["details"]["standard_error"], theirs.bse[j + 1], case, 1e-4, 1e-6)

cases = [logistic_case(index, test.random.choice([0.01, 1, 100])) for index in range(COUNT)]
for case, ours in zip(cases, test.ask("logistic", cases), strict=True):
    x, y = matrices(case)
    if len(set(y)) == 1:
        test.holds("logistic", "one class", ours["state"] == "one_class", case)
        continue
    theirs = LogisticRegression(C=1 / case["penalty"], solver="lbfgs", tol=1e-12, max_iter=10000)
    theirs.fit(StandardScaler().fit_transform(x), y)
    for j, each in enumerate(ours["coefficients"]):
        if not each["constant"]:
            value = each["standardized"]["value"]
            test.near("logistic penalised", "beta", value, theirs.coef_[0][j], case, 1e-4, 1e-5)
    varying = np.ptp(x, axis=0) > 0
    z = (x - x.mean(0))[:, varying] / x.std(0)[varying]
    if varying.any() and np.linalg.matrix_rank(z, tol=1e-9) == z.shape[1]:
        test.holds("logistic penalised", "separated", ours["separated"] == separable(z, y), case)

# ---- Area under the curve ----


def delong(yes, no):
    """The variance straight from the definition, pair by pair."""
    won = (yes[:, None] > no[None, :]) + 0.5 * (yes[:, None] == no[None, :])
    variance = 0
    for means, size in [(won.mean(1), len(yes)), (won.mean(0), len(no))]:
        variance += means.var(ddof=1) / size if size > 1 else 0
    return math.sqrt(variance)


cases = []
for index in range(COUNT):
    n = test.random.randint(2, 60)
    scores = numbers.normal(size=n) + (index % 3) * np.arange(n) / n
    if index % 2:
        scores = np.round(scores)
    cases.append({"cases": [[test.random.randint(0, 1), float(s)] for s in scores]})
for case, ours in zip(cases, test.ask("auc", cases), strict=True):
    labels, scores = np.array([c[0] for c in case["cases"]]), np.array([c[1] for c in case["cases"]])
    if len(set(labels)) == 1:
        test.holds("auc", "one class is undefined", ours["state"] == "undefined", case)
        continue
    value = roc_auc_score(labels, scores)
    test.near("auc", "value", ours["value"], value, case)
    error = delong(scores[labels == 1], scores[labels == 0])
    if "low" not in ours:
        few = min(labels.sum(), len(labels) - labels.sum()) < 2
        test.holds("auc", "no interval", few or error < 1e-12 or value in (0, 1), case)
        continue
    test.near("auc", "error", ours["details"]["standard_error"], error, case, 1e-8)
    half = stats.norm.ppf(0.975) * error / (value * (1 - value))
    test.near("auc", "low", ours["low"], 1 / (1 + math.exp(-(math.log(value / (1 - value)) - half))), case, 1e-8)

# ---- Churn risk ----


def check_risk(case, ours, labels, x):
    """Each fold anew by scikit-learn, with the folds that we name."""
    ids = {row[2]: i for i, row in enumerate(case["rows"])}
    fold = np.full(len(labels), -1)
    for each in ours["scores"]:
        fold[ids[each[0]]] = each[3]
    said = np.zeros(len(labels))
    for k in range(case["folds"]):
        seen = fold != k
        if seen.all():
            continue
        scaler = StandardScaler().fit(x[seen])
        model = LogisticRegression(C=1 / case["penalty"], tol=1e-12, max_iter=10000)
        model.fit(scaler.transform(x[seen]), labels[seen])
        said[~seen] = model.predict_proba(scaler.transform(x[~seen]))[:, 1]
    brief = {"rows": len(labels)}
    for each in ours["scores"]:
        test.near("risk", "probability", each[2], said[ids[each[0]]], brief, 1e-3, 1e-5)
    test.near("risk", "auc", ours["auc"]["value"], roc_auc_score(labels, said), brief, 2e-4)
    test.near("risk", "brier", ours["brier"]["value"], brier_score_loss(labels, said), brief, 1e-4)
    slope = sm.Logit(labels, sm.add_constant(np.log(said / (1 - said)))).fit(disp=0, maxiter=200)
    test.near("risk", "slope", ours["calibration_slope"]["value"], slope.params[1], brief, 1e-3)
    error = ours["calibration_slope"]["details"]["standard_error"]
    test.near("risk", "slope's error", error, slope.bse[1], brief, 1e-3)


cases = []
for _ in range(max(COUNT // 20, 3)):
    n = test.random.randint(80, 200)
    x = numbers.normal(size=(n, 3)) * [1, 10, 100]
    y = (x[:, 0] + x[:, 1] / 20 + 2 * numbers.logistic(size=n) > 0).astype(int)
    rows = [[int(b), [float(v) for v in a], f"c{i}"] for i, (a, b) in enumerate(zip(x, y, strict=True))]
    cases.append({"names": names(3), "rows": rows, "penalty": test.random.choice([0.1, 1, 10]), "folds": 4})
for case, ours in zip(cases, test.ask("risk", cases), strict=True):
    check_risk(case, ours, np.array([row[0] for row in case["rows"]]), np.array([row[1] for row in case["rows"]]))


def telco(path):
    """The customers of a telephone company; words become a 0/1 feature for each value but the first."""
    with gzip.open(path, "rt") as file:
        table = list(csv.DictReader(file))
    columns = {}
    for name in table[0]:
        values = [row[name] for row in table]
        if name == "churn":
            continue
        if name in ("tenure", "monthly_charges", "total_charges") or set(values) <= {"0", "1"}:
            columns[name] = [float(v) if v not in ("", "NA") else None for v in values]
        else:
            for word in sorted(set(values))[1:]:
                columns[f"{name}={word}"] = [float(v == word) for v in values]
    rows = [
        [int(row["churn"] == "Yes"), [column[i] for column in columns.values()], f"customer-{i}"]
        for i, row in enumerate(table)
    ]
    return {"names": list(columns), "rows": rows, "penalty": 1, "folds": 5}


data = os.environ.get("THROUGHLINE_DATA", "../shared/data") + "/churn/telco_churn.csv.gz"
if os.path.exists(data):
    case = telco(data)
    [ours] = test.ask("risk", [case])
    case["rows"] = [row for row in case["rows"] if None not in row[1]]
    labels, x = np.array([row[0] for row in case["rows"]]), np.array([row[1] for row in case["rows"]])
    theirs = LogisticRegression(C=1, tol=1e-12, max_iter=10000).fit(StandardScaler().fit_transform(x), labels)
    for j, each in enumerate(ours["model"]["coefficients"]):
        test.near("risk of telco", case["names"][j], each["standardized"]["value"], theirs.coef_[0][j], {}, 1e-3, 1e-4)
    check_risk(case, ours, labels, x)
    print(
        f"drivers: telco_churn: n {len(labels)}, auc {ours['auc']['value']:.4f}"
        f" [{ours['auc']['low']:.4f}, {ours['auc']['high']:.4f}], brier {ours['brier']['value']:.4f},"
        f" calibration slope {ours['calibration_slope']['value']:.3f}"
    )
else:
    test.holds("risk of telco", f"{data} is there", "CI" not in os.environ, {})
    print(f"drivers: {data} is missing: the telephone company's customers are not compared")

test.finish()
