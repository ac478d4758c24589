"""The journey questions in the best SQL (or expressions) for each peer, on the same data.

usage: peers.py EVENTS.csv ANSWERS_DIRECTORY THREADS ROUNDS [PEER...]

EVENTS.csv has customer, time (seconds since the start of 2018, UTC), touchpoint, score (empty: none), sorted by customer and
time. For each peer and question one line `peer question milliseconds` (the median of the rounds, warm), and a file
ANSWERS_DIRECTORY/peer.question with the rows. A peer whose package is missing is left out, with a line on stderr.
"""

import os
import statistics
import sys
import time

CSV, ANSWERS, THREADS, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
WANTED = sys.argv[5:] or ["duckdb", "clickhouse", "polars"]

STEPS = ["ad_impression", "site_visit", "product_view", "add_to_cart", "checkout_start", "purchase"]
WINDOW = 30 * 86400
WEEK = 7 * 86400
YEAR_START = 1514764800  # 2018-01-01T00:00:00Z
FIRST_WEEK, WEEKS = 8, 12


def read_stages():
    """Touchpoints in the order of their frequency, and the stage of each, from the file beside the data."""
    with open(os.path.join(os.path.dirname(CSV), "stages.csv"), encoding="utf-8") as file:
        rows = [line.strip().split(",") for line in file]
    return [name for name, _ in rows], [int(stage) for _, stage in rows]


NAMES, STAGES = read_stages()


def write_answer(peer, question, rows):
    lines = sorted(",".join(str(value) for value in row) for row in rows)
    with open(os.path.join(ANSWERS, f"{peer}.{question}"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def measure(peer, questions):
    for question, ask in questions.items():
        rows = ask()
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            rows = ask()
            times.append(time.perf_counter() - start)
        write_answer(peer, question, rows)
        print(peer, question, f"{statistics.median(times) * 1e3:.2f}", flush=True)


def whole(rows):
    return [tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in row) for row in rows]


# ---- DuckDB -----------------------------------------------------------------------------------------------------------


def duckdb_funnel():
    """Latest start of each attempt, level by level, by ASOF joins."""
    parts = [f"f AS MATERIALIZED (SELECT c, t, p FROM ev WHERE p IN ({', '.join(repr(s) for s in STEPS)}))"]
    parts.append(f"l1 AS MATERIALIZED (SELECT c, t, t s FROM f WHERE p = '{STEPS[0]}')")
    for i in range(1, len(STEPS)):
        parts.append(
            f"l{i + 1} AS MATERIALIZED (SELECT x.c, x.t, y.s FROM (SELECT c, t FROM f WHERE p = '{STEPS[i]}') x "
            f"ASOF JOIN l{i} y ON x.c = y.c AND x.t > y.t WHERE x.t - y.s <= {WINDOW})"
        )
    counts = ["SELECT 0 lvl, (SELECT count(DISTINCT c) FROM ev) n"]
    counts += [f"SELECT {i}, (SELECT count(DISTINCT c) FROM l{i})" for i in range(1, len(STEPS) + 1)]
    return "WITH " + ",\n".join(parts) + "\n" + " UNION ALL ".join(counts) + " ORDER BY 1"


def exactly(rows):
    """Customers who got at least so far → exactly so far."""
    reached = [n for _, n in rows] + [0]
    return [(i, reached[i] - reached[i + 1]) for i in range(len(rows)) if reached[i] > reached[i + 1]]


def run_duckdb():
    import duckdb

    db = duckdb.connect(config={"threads": THREADS})
    db.execute(f"CREATE TYPE tp AS ENUM ({', '.join(repr(n) for n in NAMES)})")
    db.execute(
        "CREATE TABLE ev AS SELECT column0::UINTEGER c, column1::UINTEGER t, column2::tp p, column3::UTINYINT v "
        f"FROM read_csv('{CSV}', header = false, columns = {{'column0': 'UINTEGER', 'column1': 'UINTEGER', "
        "'column2': 'VARCHAR', 'column3': 'UTINYINT'}) ORDER BY c, t"
    )
    stage = "CASE enum_code(p) " + " ".join(f"WHEN {i} THEN {s}" for i, s in enumerate(STAGES)) + " END"
    weeks = ", ".join(f"sum((b >> (w0 + {i})) & 1)" for i in range(WEEKS))
    funnel = duckdb_funnel()
    sql = lambda text: whole(db.execute(text).fetchall())
    measure(
        f"duckdb-{duckdb.__version__}",
        {
            "funnel": lambda: exactly(sql(funnel)),
            # Relies on the stored order, which is right as long as nothing is inserted.
            "transition_graph": lambda: sql(
                "SELECT a, b, count(*), sum(dt) FROM (SELECT c, p b, lag(p) OVER () a, lag(c) OVER () pc, "
                "t::INTEGER - lag(t) OVER ()::INTEGER dt FROM ev) WHERE c = pc GROUP BY a, b"
            ),
            "variants": lambda: sql(
                "SELECT array_to_string(p, '>') path, n FROM (SELECT p, count(*) n FROM (SELECT arg_min(p, t, 12) p "
                "FROM ev GROUP BY c) GROUP BY p ORDER BY n DESC LIMIT 500) ORDER BY n DESC, path LIMIT 20"
            ),
            "retention": lambda: sql(
                f"WITH m AS (SELECT min(t) f, bit_or(1::UBIGINT << (t // {WEEK})) b FROM ev GROUP BY c), "
                f"w AS (SELECT f // {WEEK} w0, b FROM m WHERE f // {WEEK} BETWEEN {FIRST_WEEK} AND "
                f"{FIRST_WEEK + WEEKS - 1}) SELECT w0, {weeks} FROM w GROUP BY w0"
            ),
            "nps": lambda: sql(
                "SELECT p, mo, count(*), count(*) FILTER (v >= 9), count(*) FILTER (v <= 6) FROM (SELECT p, v, "
                f"month(make_timestamp((t::BIGINT + {YEAR_START}) * 1000000)) mo FROM ev WHERE v IS NOT NULL) "
                "GROUP BY p, mo"
            ),
            "time_in_stage": lambda: sql(
                f"WITH r AS (SELECT c, s, t FROM (SELECT c, t, s, lag(s) OVER () ls, lag(c) OVER () pc FROM (SELECT c, "
                f"t, {stage} s FROM ev)) WHERE pc IS NULL OR pc <> c OR ls <> s), d AS (SELECT lag(s) OVER () s, c, "
                "t - lag(t) OVER () d, lag(c) OVER () pc FROM r) SELECT s, count(*), quantile_disc(d, 0.5), "
                "quantile_disc(d, 0.9) FROM d WHERE pc = c GROUP BY s"
            ),
        },
    )


# ---- ClickHouse -------------------------------------------------------------------------------------------------------


def run_clickhouse():
    import csv
    import io
    import tempfile

    import chdb
    from chdb import session

    directory = tempfile.mkdtemp(prefix="chdb")
    db = session.Session(directory)
    settings = f" SETTINGS max_threads = {THREADS}, max_memory_usage = 17000000000"
    in_order = settings + ", optimize_aggregation_in_order = 1"

    def sql(text):
        rows = csv.reader(io.StringIO(str(db.query(text, "CSV"))))
        return [tuple(int(v) if v.lstrip("-").isdigit() else v for v in row) for row in rows]

    enum = ", ".join(f"'{name}' = {i}" for i, name in enumerate(NAMES))
    db.query("CREATE DATABASE j ENGINE = Atomic")
    db.query(
        f"CREATE TABLE j.ev (c UInt32, t DateTime('UTC'), p Enum8({enum}), v Nullable(UInt8)) ENGINE = MergeTree "
        "ORDER BY (c, t)"
    )
    db.query(
        f"INSERT INTO j.ev SELECT c, t + {YEAR_START}, p, v FROM file('{CSV}', 'CSV', "
        f"'c UInt32, t UInt32, p String, v Nullable(UInt8)')" + settings
    )
    db.query("OPTIMIZE TABLE j.ev FINAL")
    steps = ", ".join(f"p = '{s}'" for s in STEPS)
    week = f"intDiv(toUnixTimestamp(%s) - {YEAR_START}, {WEEK})"
    weeks = ", ".join(f"sum(bitAnd(bitShiftRight(b, w0 + {i}), 1))" for i in range(WEEKS))
    stage = f"{STAGES}::Array(UInt8)[toInt16(p) + 1]"
    measure(
        f"clickhouse-{chdb.engine_version if hasattr(chdb, 'engine_version') else chdb.__version__}",
        {
            "funnel": lambda: sql(
                f"SELECT lvl, count() FROM (SELECT windowFunnel({WINDOW})(t, {steps}) lvl FROM j.ev GROUP BY c) "
                "GROUP BY lvl" + in_order
            ),
            "transition_graph": lambda: sql(
                "SELECT a, b, count(), sum(dt) FROM (SELECT arrayPopBack(groupArray(p) AS g) ga, arrayPopFront(g) gb, "
                "arrayDifference(groupArray(toUnixTimestamp(t))) gd FROM j.ev GROUP BY c) ARRAY JOIN ga AS a, gb AS b, "
                "arrayPopFront(gd) AS dt GROUP BY a, b" + in_order
            ),
            "variants": lambda: sql(
                "SELECT arrayStringConcat(arrayMap(x -> toString(x), s), '>') path, n FROM (SELECT s, count() n FROM "
                "(SELECT groupArray(12)(p) s FROM j.ev GROUP BY c) GROUP BY s ORDER BY n DESC LIMIT 500) "
                "ORDER BY n DESC, path LIMIT 20" + in_order
            ),
            "retention": lambda: sql(
                f"SELECT w0, {weeks} FROM (SELECT {week % 'min(t)'} w0, groupBitOr(bitShiftLeft(toUInt64(1), "
                f"{week % 't'})) b FROM j.ev GROUP BY c) WHERE w0 BETWEEN {FIRST_WEEK} AND {FIRST_WEEK + WEEKS - 1} "
                "GROUP BY w0" + in_order
            ),
            "nps": lambda: sql(
                "SELECT p, toMonth(t) mo, count(), countIf(v >= 9), countIf(v <= 6) FROM j.ev WHERE v IS NOT NULL "
                "GROUP BY p, mo" + settings
            ),
            # quantileExact takes rank floor(q·n); a level just below q makes that ⌈q·n⌉−1, also where q·n is whole.
            "time_in_stage": lambda: [
                (stage, n, *quantiles.strip("[]").split(","))
                for stage, n, quantiles in sql(
                    "SELECT st, count(), quantilesExact(0.499999999999, 0.899999999999)(d) FROM (SELECT s1 st, d FROM "
                    f"(SELECT groupArray(toUnixTimestamp(t)) ts, groupArray({stage}) s, arrayPopBack(arrayCompact(s)) "
                    "s1, arrayPopFront(arrayDifference(arrayFilter((a, x, y) -> x <> y, ts, s, "
                    "arrayPushFront(arrayPopBack(s), 255::UInt8)))) d FROM j.ev GROUP BY c) ARRAY JOIN s1, d) "
                    "GROUP BY st" + in_order
                )
            ],
        },
    )
    db.close()


# ---- Polars -----------------------------------------------------------------------------------------------------------


def run_polars():
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import polars as pl

    ev = pl.read_csv(
        CSV,
        has_header=False,
        new_columns=["c", "t", "p", "v"],
        schema_overrides={"column_1": pl.UInt32, "column_2": pl.UInt32, "column_3": pl.String, "column_4": pl.UInt8},
    )
    code = {name: i for i, name in enumerate(NAMES)}
    ev = ev.with_columns(pl.col("p").replace_strict(code, return_dtype=pl.UInt8)).set_sorted("c")
    name = lambda column: pl.col(column).replace_strict({i: n for n, i in code.items()}, return_dtype=pl.String)
    stages = {i: s for i, s in enumerate(STAGES)}
    c, t, p = pl.col("c"), pl.col("t").cast(pl.Int64), pl.col("p")
    same = c == c.shift(1)

    def funnel():
        steps = ev.lazy().filter(p.is_in([code[s] for s in STEPS])).select("c", t.alias("t"), "p")
        level = steps.filter(p == code[STEPS[0]]).select("c", "t", pl.col("t").alias("s"))
        plans = [ev.lazy().select(pl.col("c").n_unique())]
        plans.append(level.select(pl.col("c").n_unique()))
        for step in STEPS[1:]:
            level = (
                steps.filter(p == code[step])
                .select("c", "t")
                .sort("t")
                .join_asof(level.sort("t"), on="t", by="c", allow_exact_matches=False, check_sortedness=False)
                .filter(pl.col("t") - pl.col("s") <= WINDOW)
            )
            plans.append(level.select(pl.col("c").n_unique()))
        return exactly([(i, frame.item()) for i, frame in enumerate(pl.collect_all(plans))])

    def transition_graph():
        return (
            ev.lazy()
            .select(p.shift(1).alias("a"), p.alias("b"), (t - t.shift(1)).alias("d"), same.alias("same"))
            .filter(pl.col("same"))
            .group_by("a", "b")
            .agg(pl.len().alias("n"), pl.col("d").sum())
            .with_columns(name("a"), name("b"))
            .collect()
            .rows()
        )

    def variants():
        top = (
            ev.lazy()
            .group_by("c", maintain_order=False)
            .agg(p.head(12))
            .group_by("p")
            .agg(pl.len().alias("n"))
            .sort("n", descending=True)
            .head(500)
            .collect()
        )
        rows = [(">".join(NAMES[i] for i in path), n) for path, n in top.rows()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:20]

    def retention():
        week = (t // WEEK).alias("w")
        return (
            ev.lazy()
            .select("c", week)
            .with_columns(pl.col("w").min().over("c").alias("w0"))
            .filter(pl.col("w0").is_between(FIRST_WEEK, FIRST_WEEK + WEEKS - 1))
            .filter(pl.col("w") - pl.col("w0") < WEEKS)
            .unique()
            .group_by("w0")
            .agg([(pl.col("w") - pl.col("w0") == i).sum().alias(str(i)) for i in range(WEEKS)])
            .collect()
            .rows()
        )

    def nps():
        v = pl.col("v")
        return (
            ev.lazy()
            .filter(v.is_not_null())
            .select("p", ((t + YEAR_START) * 1_000_000).cast(pl.Datetime("us")).dt.month().alias("mo"), "v")
            .group_by("p", "mo")
            .agg(pl.len().alias("n"), (v >= 9).sum().alias("pro"), (v <= 6).sum().alias("det"))
            .with_columns(name("p"))
            .collect()
            .rows()
        )

    def time_in_stage():
        stays = (
            ev.lazy()
            .select("c", t.alias("t"), p.replace_strict(stages, return_dtype=pl.UInt8).alias("s"))
            .filter((pl.col("s") != pl.col("s").shift(1)).fill_null(True) | (c != c.shift(1)).fill_null(True))
            .select(pl.col("s").shift(1).alias("st"), (pl.col("t") - pl.col("t").shift(1)).alias("d"), same.alias("same"))
            .filter(pl.col("same"))
        )
        rank = lambda q: pl.col("d").sort().get((q * pl.len()).ceil().cast(pl.Int64) - 1)
        return (
            stays.group_by("st")
            .agg(pl.len().alias("n"), rank(0.5).alias("median"), rank(0.9).alias("p90"))
            .collect()
            .rows()
        )

    measure(
        f"polars-{pl.__version__}",
        {
            "funnel": funnel,
            "transition_graph": transition_graph,
            "variants": variants,
            "retention": retention,
            "nps": nps,
            "time_in_stage": time_in_stage,
        },
    )


for wanted in WANTED:
    try:
        {"duckdb": run_duckdb, "clickhouse": run_clickhouse, "polars": run_polars}[wanted]()
    except ModuleNotFoundError as error:
        print(f"{wanted} is left out: {error}", file=sys.stderr)
