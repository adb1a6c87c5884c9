#!/usr/bin/env python3
"""Distances, tests and noise floors against SciPy and re-implementations; prints the table of docs/oracles.md.

    tests/conformance/monitoring_oracles.py [--programs build/release/bin]

Needs SciPy and NumPy: Debian's python3-scipy, or `tools/oracles` unpacks them into build/deps/oracles
without installing anything, since python3-scipy's dependencies conflict with libboost1.81-dev. Without
them the script says so and passes: the known answers stand in distances_test.cc too.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ORACLES = ROOT / "build/deps/oracles/usr/lib"


def with_oracles():
    """Starts over with Debian's Python on the unpacked packages, when there are any."""
    if not ORACLES.exists() or "MILLWRIGHT_ORACLES" in os.environ:
        return
    libraries = [str(ORACLES / "x86_64-linux-gnu" / each) for each in ("", "blas", "lapack")]
    environment = {**os.environ, "MILLWRIGHT_ORACLES": "1", "LD_LIBRARY_PATH": ":".join(libraries),
                   "PYTHONPATH": str(ORACLES / "python3/dist-packages")}
    os.execve("/usr/bin/python3", ["python3", *sys.argv], environment)


class Driver:
    """The program under test: JSON lines in and out."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what, **question):
        self.process.stdin.write(json.dumps({"ask": what, **question}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Table:
    """Worst differences, one row an algorithm."""

    def __init__(self):
        self.rows = {}

    def add(self, algorithm, oracle, tolerance, ours, theirs, relative=False):
        scale = max(abs(theirs), 1e-300) if relative else 1
        difference = abs(ours - theirs) / scale
        if math.isnan(difference):
            difference = math.inf
        row = self.rows.setdefault(algorithm, [oracle, tolerance, relative, 0.0, 0])
        row[3] = max(row[3], difference)
        row[4] += 1

    def print(self):
        print("| algorithm | oracle | tolerance | worst difference | cases |\n|---|---|---|---|---|")
        for name, (oracle, tolerance, relative, worst, cases) in self.rows.items():
            kind = " rel" if relative else ""
            print(f"| {name} | {oracle} | {tolerance:.0e}{kind} | {worst:.1e} | {cases} |")

    def ok(self):
        return all(worst <= tolerance for _, tolerance, _, worst, _ in self.rows.values())


def random_counts(rng, size):
    return [float(rng.choice([0, 1, 5, 50, 1000]) * rng.random() // 1) for _ in range(size)]


def check_bins(driver, table, rng, np, stats, jensenshannon):
    for _ in range(200):
        size = rng.choice([2, 3, 20, 130])
        p, q = random_counts(rng, size), random_counts(rng, size)
        if sum(p) <= 0 or sum(q) <= 0:
            continue
        ours = driver.ask("bins", p=p, q=q)
        x, y = np.array(p) / sum(p), np.array(q) / sum(q)
        table.add("Jensen-Shannon, base 2", "scipy jensenshannon(p,q,2)^2", 1e-12, ours["jensen_shannon"],
                  float(np.nan_to_num(jensenshannon(x, y, 2))) ** 2)
        if all(b > 0 or a == 0 for a, b in zip(p, q)):
            table.add("Kullback-Leibler", "scipy entropy", 1e-12, ours["kullback_leibler"],
                      float(stats.entropy(x, y)))
        table.add("L-infinity", "numpy", 1e-12, ours["l_infinity"], float(np.max(np.abs(x - y))))
        table.add("total variation", "numpy", 1e-12, ours["total_variation"], float(np.sum(np.abs(x - y)) / 2))
        # Eps of a double under the root is 1.5e-8 where the shares are equal.
        overlap = float(np.sum(np.sqrt(x * y)))
        table.add("Hellinger, squared", "numpy 1 - sum sqrt(pq)", 1e-12, ours["hellinger"] ** 2, 1 - overlap)
        xs, ys = np.where(x > 0, x, 1e-4), np.where(y > 0, y, 1e-4)
        table.add("PSI", "numpy, zero share 1e-4", 1e-12, ours["population_stability"],
                  float(np.sum((xs - ys) * np.log(xs / ys))))
        kept = [(a, b) for a, b in zip(p, q) if a + b > 0]
        if len(kept) > 1:
            chi, p_value, _, _ = stats.chi2_contingency(np.array(kept).T, correction=False)
            table.add("chi-square contingency", "scipy chi2_contingency", 1e-10, ours["chi_square"], float(chi), True)
            if p_value > 1e-290:
                table.add("its p-value", "scipy chi2_contingency", 1e-10, ours["chi_square_p"], float(p_value), True)


def random_sample(rng, size):
    kind = rng.choice(["normal", "ties", "skewed"])
    if kind == "ties":
        return [float(rng.randint(0, 9)) for _ in range(size)]
    if kind == "skewed":
        return [rng.expovariate(1) ** 3 for _ in range(size)]
    return [rng.gauss(rng.choice([0, 0.3]), 1) for _ in range(size)]


def check_samples(driver, table, rng, np, stats):
    for _ in range(120):
        a = random_sample(rng, rng.choice([1, 2, 7, 50, 300]))
        b = random_sample(rng, rng.choice([1, 3, 10, 64, 500]))
        ours = driver.ask("samples", a=a, b=b)
        exact = stats.ks_2samp(a, b, mode="exact")
        limit = stats.ks_2samp(a, b, mode="asymp")
        table.add("Kolmogorov-Smirnov D", "scipy ks_2samp", 1e-12, ours["ks"], float(exact.statistic))
        table.add("its exact p", "scipy ks_2samp exact", 1e-9, ours["ks_p"], float(exact.pvalue))
        if not math.isnan(limit.pvalue):  # SciPy has none for samples whose effective size rounds to 0
            table.add("its limit p", "scipy ks_2samp asymp", 1e-6, ours["ks_limit_p"], float(limit.pvalue))
        table.add("Wasserstein-1", "scipy wasserstein_distance", 1e-10, ours["wasserstein"],
                  float(stats.wasserstein_distance(a, b)), True)


def check_tails(driver, table, rng, stats):
    for _ in range(300):
        degrees = rng.choice([1, 2, 9, 19, 127, 999])
        x, p = rng.random() * 3 * degrees, rng.random()
        # Between 141 and some 500 SciPy's own expansion is off by 3e-6, where ours still counts exactly.
        n, d = rng.choice([2, 10, 100, 139, 500, 1000, 50000]), rng.random()
        d = d if rng.random() < 0.3 else d * 2 / math.sqrt(n)
        ours = driver.ask("tails", degrees=degrees, x=x, p=p, n=n, d=d)
        table.add("chi-square tail", "scipy chi2.sf", 1e-10, ours["chi_square_tail"],
                  float(stats.chi2.sf(x, degrees)), True)
        table.add("chi-square quantile", "scipy chi2.ppf", 1e-10, ours["chi_square_quantile"],
                  float(stats.chi2.ppf(p, degrees)), True)
        table.add("normal quantile", "scipy norm.ppf", 1e-12, ours["normal_quantile"], float(stats.norm.ppf(p)))
        table.add("one-sample KS tail", "scipy kstwo.sf", 1e-6, ours["kolmogorov_tail"], float(stats.kstwo.sf(d, n)))
    for _ in range(100):
        n, m = rng.randint(1, 2000), rng.randint(1, 2000)
        a, b = rng.randint(0, n), rng.randint(0, m)
        pooled = (a + b) / (n + m)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        if spread == 0:
            continue
        ours = driver.ask("proportions", of=[a, n, b, m])
        z = (a / n - b / m) / spread
        table.add("two proportions, z", "pooled formula in Python", 1e-10, ours["z"], z)
        table.add("its p-value", "scipy norm.sf", 1e-10, ours["p"], float(2 * stats.norm.sf(abs(z))))


def align(p, p_nan, q, q_nan):
    """The rules of TensorFlow Data Validation, written down once more and differently."""
    inf = {"inf": math.inf, "-inf": -math.inf}
    sides = [[tuple(inf.get(x, x) for x in bucket) for bucket in side] for side in (p, q)]
    bounds = sorted({x for side in sides for low, high, _ in side
                     for x in (low, high) if low != high and not math.isinf(low) and not math.isinf(high)})
    points = sorted({low for side in sides for low, high, _ in side if low == high and not math.isinf(low)})
    out = []
    for side in sides:
        counts = []
        for left, right in zip(bounds, bounds[1:]):
            counts.append(sum(c * max(0.0, min(high, right) - max(low, left)) / (high - low) for low, high, c in side
                              if low != high and not math.isinf(low) and not math.isinf(high)))
        counts += [sum(c for low, high, c in side if low == high == value) for value in points]
        out.append(counts)
    infinite = [sum(c for low, high, c in side if math.isinf(low) or math.isinf(high)) for side in sides]
    out[0] += [infinite[0], 0]
    out[1] += [0, infinite[1]]
    if p_nan > 0 or q_nan > 0:
        out[0] += [p_nan, 0]
        out[1] += [0, q_nan]
    return out


def random_histogram(rng):
    edges = sorted({float(rng.randint(-10, 10)) / 2 for _ in range(rng.randint(1, 6))})
    out = [["-inf", edges[0], float(rng.randint(1, 9))]] if rng.random() < 0.3 else []
    for low, high in zip(edges, edges[1:]):
        if rng.random() < 0.3:
            out.append([low, low, float(rng.randint(1, 20))])
        out.append([low, high, float(rng.randint(0, 20))])
    if rng.random() < 0.3:
        out.append([edges[-1], "inf", float(rng.randint(1, 9))])
    return out


def check_alignment(driver, table, rng, np, jensenshannon):
    for _ in range(300):
        p, q = random_histogram(rng), random_histogram(rng)
        p_nan, q_nan = rng.choice([0, 0, 3]), rng.choice([0, 0, 5])
        ours = driver.ask("align", p=p, q=q, p_nan=p_nan, q_nan=q_nan, tfdv_compat=True)
        x, y = (np.array(side) for side in align(p, p_nan, q, q_nan))
        if x.sum() <= 0 or y.sum() <= 0:
            continue
        theirs = float(np.nan_to_num(jensenshannon(x / x.sum(), y / y.sum(), 2))) ** 2
        table.add("TFDV alignment, then JSD", "its rules in Python", 1e-12, ours["jensen_shannon"], theirs)


def check_golden(driver, table):
    """The worked example: p = (.1,.2,.3,.4) against an even q, and the two small samples."""
    ours = driver.ask("bins", p=[0.1, 0.2, 0.3, 0.4], q=[0.25] * 4)
    for name, value in {"jensen_shannon": 0.04020158234614192, "kullback_leibler": 0.10644013528622318,
                        "population_stability": 0.22821740957339182, "l_infinity": 0.15, "total_variation": 0.2,
                        "hellinger": 0.16789959640267477}.items():
        table.add("golden vectors", "golden.json", 1e-12, ours[name], value)
    ours = driver.ask("samples", a=[1, 1, 2, 3, 5, 8, 13, 21], b=[2, 2, 2, 3, 4, 4, 9, 30, 31, 40])
    for name, value in {"ks": 0.3, "ks_p": 0.7227478403948991, "wasserstein": 6.15}.items():
        table.add("golden vectors", "golden.json", 1e-12, ours[name], value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=os.environ.get("MILLWRIGHT_BIN", str(ROOT / "build/release/bin")))
    options = parser.parse_args()
    with_oracles()
    try:
        import numpy as np
        from scipy import stats
        from scipy.spatial.distance import jensenshannon
    except ImportError as error:
        print(f"SciPy is not here ({error}); run tools/oracles")
        return 0
    rng = random.Random(1)
    driver, table = Driver(f"{options.programs}/monitoring_oracle"), Table()
    np.seterr(all="ignore")
    check_golden(driver, table)
    check_bins(driver, table, rng, np, stats, jensenshannon)
    check_samples(driver, table, rng, np, stats)
    check_tails(driver, table, rng, stats)
    check_alignment(driver, table, rng, np, jensenshannon)
    driver.close()
    table.print()
    return 0 if table.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
