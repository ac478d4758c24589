"""BG/NBD and Gamma-Gamma against their definitions in scipy: likelihood, maximum, observed information, expectations."""

import math

import numpy as np
from harness import COUNT, SEED, Agreement
from scipy import integrate, optimize, special
from scipy.special import gammaln
from statsmodels.tools.numdiff import approx_hess3

test = Agreement("lifetime_value")
numpy_random = np.random.default_rng(SEED)


def simulate(size, r, alpha, a, b, p, q, v):
    """[frequency, recency, age, mean value, count] of customers of the models, in whole days."""
    rows = []
    for _ in range(size):
        rate, leaves = numpy_random.gamma(r, 1 / alpha), numpy_random.beta(a, b)
        age = int(numpy_random.integers(100, 400))
        days = set()
        at = 0.0
        while len(days) < 10000:
            at += numpy_random.exponential(1 / max(rate, 1e-9))
            if at >= age:
                break
            days.add(math.ceil(at))
            if numpy_random.random() < leaves:
                break
        x = len(days)
        scale = numpy_random.gamma(q, 1 / v)
        value = float(numpy_random.gamma(p * x, 1 / scale)) / x if x else 0.0
        rows.append([x, max(days, default=0), age, value, int(numpy_random.integers(1, 3))])
    return rows


def bg_nbd_log_likelihood(log_parameters, rows, unit):
    """Fader, Hardie & Lee (2005), equation (6), with a sum in logarithms."""
    r, alpha, a, b = np.exp(log_parameters)
    x, recency, age, _, count = rows
    recency, age = recency / unit, age / unit
    start = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    beta = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore", invalid="ignore"):
        gone = np.log(a) - np.log(b + x - 1) - (r + x) * np.log(alpha + recency)
    return float((count * (start + beta + np.logaddexp(alive, np.where(x > 0, gone, -np.inf)))).sum())


def gamma_gamma_log_likelihood(log_parameters, rows, _):
    """Fader & Hardie (2013), equation (1a)."""
    p, q, v = np.exp(log_parameters)
    x, _, _, m, count = (column[rows[0] > 0] for column in rows)
    terms = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(m)
    return float((count * (terms + p * x * np.log(x) - (p * x + q) * np.log(m * x + v))).sum())


def check_fit(model, ours, likelihood, start, case):
    rows = np.array(case["rows"], float).T
    unit = case["time_unit_days"]
    at = np.log(ours["parameters"])
    if not ours["converged"]:
        test.holds(model, "why it did not converge", ours["problem"] != "" and "standard_errors" not in ours, case)
        # Theirs, held within the same distance, ends at its edge too: there is no maximum to be found.
        bounds = [(each - 13.5, each + 13.5) for each in start]
        theirs = optimize.minimize(lambda z: -likelihood(z, rows, unit), start, method="L-BFGS-B", bounds=bounds)
        far = max(abs(theirs.x - start))
        test.holds(model, f"no maximum where theirs is {list(theirs.x)}", far > 4, case)
        return False
    value = likelihood(at, rows, unit)
    test.near(model, "log-likelihood", ours["log_likelihood"], value, case, 1e-8, 1e-6)
    # Far out the differences of their Γ functions lose every digit.
    def within(z):
        return -likelihood(z, rows, unit) if max(abs(z - start)) < 12 else math.inf

    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    theirs = optimize.minimize(within, start, method="Nelder-Mead", options=options)
    test.holds(model, f"their maximum {-theirs.fun} is above ours {value}", -theirs.fun <= value + 1e-3, case)
    if -theirs.fun > value - 1e-9:
        for ours_at, theirs_at in zip(at, theirs.x):
            test.near(model, "parameter", ours_at, theirs_at, case, 1e-3, 1e-3)
    information = -approx_hess3(at, likelihood, args=(rows, unit), epsilon=2e-3)
    errors = np.sqrt(np.diag(np.linalg.pinv(information)))
    for ours_error, error, parameter in zip(ours["standard_errors"], errors, ours["parameters"]):
        if error < 1:
            test.near(model, "standard error", ours_error / parameter, error, case, 5e-3, 1e-9)
        else:
            # The likelihood is almost level there, and their differences of it have few digits left.
            test.holds(model, f"{ours_error / parameter} says that nothing is known", ours_error > parameter / 2, case)
    return True


def draw(low, high):
    return math.exp(test.random.uniform(math.log(low), math.log(high)))


cases = []
for _ in range(COUNT):
    size = test.random.randint(60, 400)
    parameters = [draw(0.3, 3), draw(20, 90), draw(0.4, 2), draw(1, 6), draw(2, 8), draw(3, 8), draw(5, 50)]
    rows = simulate(size, *parameters)
    cases.append({"rows": rows, "time_unit_days": test.random.choice([1.0, 7.0, 30.4])})

converged = 0
for case, ours in zip(cases, test.ask("bg_nbd_fit", cases), strict=True):
    start = np.array([0, math.log(100 / case["time_unit_days"]), 0, 0.7])
    converged += check_fit("bg_nbd_fit", ours, bg_nbd_log_likelihood, start, case)
test.holds("bg_nbd_fit", f"only {converged} converge", converged > 0.6 * len(cases), {})

converged = 0
for case, ours in zip(cases, test.ask("gamma_gamma_fit", cases), strict=True):
    start = np.array([1.0, 1.0, 3.0])
    converged += check_fit("gamma_gamma_fit", ours, gamma_gamma_log_likelihood, start, case)
test.holds("gamma_gamma_fit", f"only {converged} converge", converged > 0.6 * len(cases), {})


# ---- Expectations ----------------------------------------------------------------------------------------------------
def expected(r, alpha, a, b, t):
    """E[X(t)] over p by adaptive quadrature in the logarithm of p's odds."""

    def integrand(odds):
        p, q = special.expit(odds), special.expit(-odds)
        density = math.exp(a * special.log_expit(odds) + b * special.log_expit(-odds) - special.betaln(a, b))
        return density * -math.expm1(-r * math.log1p(p * t / alpha)) / p if p > 0 else density * r * t / alpha

    middle = math.log(a / b)
    width = math.sqrt(1 / a + 1 / b)
    # The density falls like e^(a·odds) on the left and e^(−b·odds) on the right of a middle that may be narrow.
    edges = {middle + width * each for each in (-10, -3, 0, 3, 10)}
    edges |= {middle - each / a for each in (1, 4, 15, 45, 90)} | {middle + each / b for each in (1, 4, 15, 45, 90)}
    edges = sorted(edges)
    return sum(integrate.quad(integrand, low, high, limit=200, epsrel=1e-11)[0] for low, high in zip(edges, edges[1:]))


cases = []
for parameters in ([0.2426, 30.9, 0.7929, 2.4258], [1, 2, 1, 1], [0.5, 3, 1 + 1e-9, 2], [2, 5, 0.05, 1], [1, 1, 50, 80]):
    for history in ([0, 0, 10, 0, 1], [2, 30, 38, 0, 1], [26, 216, 217, 0, 1], [500, 1, 1000, 0, 1]):
        cases += [{"parameters": parameters, "history": history, "days": days} for days in (1e-6, 1.0, 364.0, 1e5)]
for _ in range(COUNT):
    parameters = [math.exp(test.random.uniform(-4, 4)) for _ in range(4)]
    x = test.random.choice([0, 1, 2, test.random.randint(0, 300)])
    age = test.random.uniform(0, 1000)
    history = [x, test.random.uniform(0, age) if x else 0, age, 0, 1]
    cases.append({"parameters": parameters, "history": history, "days": math.exp(test.random.uniform(-5, 8))})
for case, ours in zip(cases, test.ask("bg_nbd_expectations", cases), strict=True):
    r, alpha, a, b = case["parameters"]
    x, recency, age, *_ = case["history"]
    t = case["days"]
    test.near("expected_purchases", "E[X(t)]", ours["purchases"]["value"], expected(r, alpha, a, b, t), case, 1e-7)
    alive = 1.0
    if x > 0:
        log_odds = math.log(a / (b + x - 1)) + (r + x) * math.log((alpha + age) / (alpha + recency))
        alive = float(special.expit(-log_odds))
    test.near("probability_alive", "P(alive)", ours["alive"]["value"], alive, case, 1e-9, 1e-300)
    future = alive * expected(r + x, alpha + age, a, b + x, t)
    test.near("future_purchases", "E[Y(t)]", ours["future"]["value"], future, case, 1e-7, 1e-300)
    if abs(a - 1) > 0.05 and t > 0.1 and x < 50:
        # The closed form of the paper, where it does not cancel.
        z = t / (alpha + age + t)
        series = special.hyp2f1(r + x, b + x, a + b + x - 1, z)
        rest = 1 - ((alpha + age) / (alpha + age + t)) ** (r + x) * series
        if math.isfinite(series) and abs(rest) > 1e-4:
            closed = (a + b + x - 1) / (a - 1) * rest * alive
            test.near("future_purchases", "formula (10)", ours["future"]["value"], closed, case, 1e-6)

cases = []
for _ in range(COUNT):
    p, q, v = (math.exp(test.random.uniform(-3, 3)) for _ in range(3))
    x = test.random.randint(0, 20)
    history = [x, 0, 1, math.exp(test.random.uniform(-5, 5)) if x else 0.0, 1]
    cases.append({"p": p, "q": q, "v": v, "history": history})
for case, ours in zip(cases, test.ask("gamma_gamma_value", cases), strict=True):
    p, q, v = case["p"], case["q"], case["v"]
    x, _, _, m, _ = case["history"]
    if p * x + q <= 1:
        test.holds("gamma_gamma_value", "undefined", ours["state"] == "undefined", case)
        continue
    # Shrinkage form of the paper: a weighted mean of the population's and one's own.
    own = p * x / (p * x + q - 1)
    expected_value = (1 - own) * v * p / (q - 1) + own * m if abs(q - 1) > 1e-6 else p * (v + m * x) / (p * x + q - 1)
    test.near("gamma_gamma_value", "E[M]", ours["value"], expected_value, case, 1e-7)

cases = []
for _ in range(COUNT // 4):
    x, age = test.random.choice([0, 1, 5, 40]), test.random.uniform(1, 1000)
    case = {"parameters": [math.exp(test.random.uniform(-3, 3)) for _ in range(4)]}
    case["history"] = [x, test.random.uniform(0, age) if x else 0, age, test.random.uniform(1, 90) if x else 0.0, 1]
    case |= {"period_days": test.random.choice([7.0, 30.4, 365.0]), "periods": test.random.choice([1, 12, 36])}
    cases.append(case | {"discount_rate": test.random.choice([0.0, 0.01, 0.5, -0.05])})
for case, ours in zip(cases, test.ask("clv", cases), strict=True):
    r, alpha, a, b = case["parameters"]
    x, recency, age, m, _ = case["history"]
    alive = 1.0
    if x > 0:
        log_odds = math.log(a / (b + x - 1)) + (r + x) * math.log((alpha + age) / (alpha + recency))
        alive = float(special.expit(-log_odds))
    ends = [k * case["period_days"] for k in range(case["periods"] + 1)]
    until = [0.0] + [alive * expected(r + x, alpha + age, a, b + x, t) for t in ends[1:]]
    value = 6 * (15 + m * x) / (6 * x + 4 - 1)
    total = sum(value * step / (1 + case["discount_rate"]) ** (k + 1) for k, step in enumerate(np.diff(until)))
    test.near("clv", "value", ours["value"], total, case, 1e-7, 1e-300)

test.finish()
