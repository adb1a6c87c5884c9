#!/usr/bin/env python3
"""Our sketches beside Apache DataSketches (its package from PyPI, version and digest pinned): errors against exact
answers over 200 streams, single and merged, and values a second of processor time.

sketch_bench.py build/release [STREAMS]    exit 1 when an error is beyond its bound in more than 1 % of streams
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "build/datasketches"
REQUIREMENTS = ROOT / "bench/sketch_requirements.txt"
COUNT, PARTS, K, LG = 100_000, 8, 1024, 12
RANK_ERROR = 2.296 / K**0.9723
DISTINCT_ERROR = 2.58 * 1.04 / math.sqrt(2**LG)


def within_venv():
    """Runs this script again in the virtual environment that holds the peer; makes it the first time."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    stamp = VENV / "requirements"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                        "--only-binary", ":all:", "-r", REQUIREMENTS], check=True)
        stamp.write_text(REQUIREMENTS.read_text())
    os.execv(VENV / "bin/python", [VENV / "bin/python", *sys.argv])


def streams(np, count):
    """Lognormal, normal with ties, uniform and Zipf-like, in turns, half of them sorted; no two share a value."""
    for seed in range(count):
        random = np.random.default_rng(seed)
        values = (random.lognormal(size=COUNT), np.round(random.normal(size=COUNT) * 500), random.random(COUNT) * 1e6,
                  np.floor(random.lognormal(2, 3, COUNT)))[seed % 4]
        values = values + seed * 1e7
        yield np.sort(values) if seed % 8 > 3 else values


def rank_error(np, values, quantiles):
    """How far the ranks of these 999 quantiles are from the shares that were asked for."""
    ordered = np.sort(values)
    shares = np.arange(1, 1000) / 1000
    low = np.searchsorted(ordered, quantiles, "left") / len(ordered)
    high = np.searchsorted(ordered, quantiles, "right") / len(ordered)
    return float(np.max(np.maximum(np.maximum(low - shares, shares - high), 0)))


def peer_answers(np, ds, values):
    shares = [i / 1000 for i in range(1, 1000)]
    kll, merged = ds.kll_doubles_sketch(K), ds.kll_doubles_sketch(K)
    kll.update(values)
    union = ds.hll_union(LG)
    for part in np.array_split(values, PARTS):
        piece, distinct = ds.kll_doubles_sketch(K), ds.hll_sketch(LG)
        piece.update(part)
        merged.merge(piece)
        for value in part.tolist():
            distinct.update(value)
        union.update(distinct)
    return {"quantiles": kll.get_quantiles(shares), "merged_quantiles": merged.get_quantiles(shares),
            "merged_distinct": union.get_result().get_estimate()}


def our_answers(np, program, made):
    with tempfile.NamedTemporaryFile() as file:
        np.concatenate(made).tofile(file.name)
        lines = subprocess.run([program, file.name, str(len(made[0])), str(PARTS)], check=True, capture_output=True,
                               text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def rates(np, ds, program):
    """On 4 M lognormal doubles, medians of 5: values a second of processor time of KLL, the peer's KLL and HLL; then
    the bytes of both KLL."""
    turns, values = [], np.random.default_rng(1).lognormal(size=4_000_000)
    for _ in range(5):
        ours = our_answers(np, program, [values])[0]
        peer = ds.kll_doubles_sketch(K)
        start = time.process_time()
        peer.update(values)
        rate = len(values) / (time.process_time() - start)
        turns.append((ours["kll_rate"], rate, ours["hll_rate"], ours["kll_bytes"], len(peer.serialize())))
    return [sorted(column)[2] for column in zip(*turns)]


def frequent_error(np, values, answers):
    """How far counts are from the truth, beyond what the sketch admits; and whether the top is there."""
    texts, counts = np.unique(values.astype(np.int64), return_counts=True)
    exact = dict(zip(map(str, texts.tolist()), counts.tolist()))
    worst = max((abs(exact[text] - count) for text, count in answers["frequent"].items()), default=0)
    above = [text for text, count in exact.items() if count > 2 * answers["frequent_error"]]
    top = sorted(above, key=lambda text: -exact[text])[:10]
    return worst <= answers["frequent_error"] and all(text in answers["frequent"] for text in top)


def show(name, ours, peer, bound):
    outside = sum(error > bound for error in ours)
    line = f"{name:34} {max(ours):9.5f} {sorted(ours)[len(ours) // 2]:9.5f}"
    line += f" {max(peer):9.5f} {sorted(peer)[len(peer) // 2]:9.5f}" if peer else " " * 20
    print(f"{line} {bound:9.5f} {outside:4} of {len(ours)}")
    return outside <= len(ours) / 100


def main():
    within_venv()
    import datasketches as ds
    import numpy as np
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    program = Path(sys.argv[1]) / "bin/sketch_answers_bench"
    made = list(streams(np, count))
    ours = our_answers(np, program, made)
    peers = [peer_answers(np, ds, values) for values in made]
    distinct = [len(np.unique(values)) for values in made]

    def ranks(side, key):
        return [rank_error(np, values, np.array(one[key])) for values, one in zip(made, side)]

    def counts(side, key):
        return [abs(one[key] / exact - 1) for one, exact in zip(side, distinct)]

    print(f"{count} streams of {COUNT:,} values{'':11} ours worst   median     peer's   median     bound  beyond")
    good = show(f"KLL {K}, rank", ranks(ours, "quantiles"), ranks(peers, "quantiles"), RANK_ERROR)
    good &= show(f"KLL {K}, rank, {PARTS} merged", ranks(ours, "merged_quantiles"), ranks(peers, "merged_quantiles"),
                 RANK_ERROR)
    good &= show(f"HLL {LG}, distinct, {PARTS} merged", counts(ours, "merged_distinct"),
                 counts(peers, "merged_distinct"), DISTINCT_ERROR)
    bad = sum(not frequent_error(np, values, one) for values, one in zip(made, ours))
    print(f"frequent texts: {bad} of {count} streams beyond their own error or without a frequent text")

    kll, peer, hll, kll_bytes, peer_bytes = rates(np, ds, program)
    print(f"KLL {K}: {kll / 1e6:.0f} M values/s beside {peer / 1e6:.0f}: {kll / peer:.1f}x; {kll_bytes:,} bytes beside "
          f"{peer_bytes:,}")
    print(f"HLL {LG}: {hll / 1e6:.0f} M values/s (the package has no call for many values)")
    return 0 if good and bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
