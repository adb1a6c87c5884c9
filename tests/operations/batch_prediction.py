#!/usr/bin/env python3
"""Batch prediction on real processes: rate, memory, killed and gone on, recorded once.

A model file alone: ROWS rows of 30 features through 100 trees of depth 6, undisturbed and killed with SIGKILL, whose
outputs must be equal byte by byte. A registered model: its rows are recorded for its endpoint, once, however often it
was killed. `--rows 10000000` is the figure of docs/benchmarks.md; fewer rows are the test."""
import argparse
import hashlib
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, call, prepare  # noqa: E402

TREES, DEPTH, FEATURES = 100, 6, 30


def tree(rng):
    """A complete tree as XGBoost writes it; leaves stand behind the splits."""
    splits = 2 ** DEPTH - 1
    nodes = 2 * splits + 1
    inner = range(nodes)
    return {"left_children": [2 * i + 1 if i < splits else -1 for i in inner],
            "right_children": [2 * i + 2 if i < splits else -1 for i in inner],
            "parents": [2147483647 if i == 0 else (i - 1) // 2 for i in inner],
            "split_indices": [rng.randrange(FEATURES) if i < splits else 0 for i in inner],
            "split_conditions": [rng.randrange(1000) / 10 if i < splits else rng.uniform(-.05, .05) for i in inner],
            "default_left": [rng.randrange(2) if i < splits else 0 for i in inner],
            "split_type": [0] * nodes, "categories": [], "categories_nodes": [], "categories_segments": [],
            "categories_sizes": [], "tree_param": {"num_nodes": str(nodes)}}


def write_model(path):
    rng = random.Random(1)
    trees = {"gbtree_model_param": {"num_trees": str(TREES), "num_parallel_tree": "1", "size_leaf_vector": "0"},
             "tree_info": [0] * TREES, "trees": [tree(rng) for _ in range(TREES)]}
    learner = {"attributes": {}, "feature_names": [f"f{i}" for i in range(FEATURES)], "feature_types": [],
               "gradient_booster": {"model": trees, "name": "gbtree"},
               "learner_model_param": {"base_score": "2.5E-1", "num_class": "0", "num_feature": str(FEATURES),
                                       "num_target": "1"},
               "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}}}
    path.write_text(json.dumps({"learner": learner, "version": [1, 7, 4]}))


def query(text, *paths, to=None):
    """Rows of a query over the files, or a Parquet file of them."""
    words = [BIN / "batch_rows", text, *paths] + (["--to", to] if to else [])
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_rows(path, rows):
    """A tenth of the values is missing."""
    cells = ", ".join(f"CASE WHEN hash(i + {7 * f}) % 10 > 0 THEN (hash(i * 31 + {f * 7919}) % 1000)::FLOAT / 10 END "
                      f"AS f{f}" for f in range(FEATURES))
    query(f"SELECT i AS id, {cells} FROM range({rows}) t(i)", to=path)


def marker(output):
    try:
        return json.loads(Path(f"{output}.unfinished/progress.json").read_text())
    except (OSError, ValueError):
        return {"rows": 0}


def predict(*words):
    """(summary, peak memory in MiB, processor seconds)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([BIN / "millwright", "predict", *words, "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert err == "", f"not quiet: {err}"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(out), after.ru_maxrss / 1024, seconds


def predict_until(output, rows, *words):
    """Kills the prediction as soon as that many rows are done; true when it was not through by then."""
    process = subprocess.Popen([BIN / "millwright", "predict", *words], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        if marker(output)["rows"] >= rows:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.001)
    return process.wait() == -signal.SIGKILL


def alone(directory, rows, part_rows):
    """A model file and no control plane."""
    data, model = directory / "rows.parquet", directory / "model.json"
    write_rows(data, rows)
    write_model(model)
    whole, killed = directory / "whole.parquet", directory / "killed.parquet"
    common = ["--input", data, "--model", model, "--keep", "id", "--part-rows", str(part_rows)]
    summary, memory, seconds = predict(*common, "--output", whole)
    assert summary["rows"] == rows and summary["bad_rows"] == 0, summary
    print(f"{rows:,} rows of {FEATURES} features, {data.stat().st_size / 1e6:,.0f} MB: {summary['seconds']:.1f} s, "
          f"{summary['rows_per_second']:,.0f} rows/s, {rows / seconds:,.0f} rows per processor second, "
          f"{memory:.0f} MiB at most (load {os.getloadavg()[0]:.1f})")
    assert memory < 1000, memory

    assert predict_until(killed, rows // 2, *common, "--output", killed), "it was through before it could be killed"
    assert not killed.exists(), "visible before it was whole"
    done = marker(killed)["rows"]
    summary, _, _ = predict(*common, "--output", killed)
    assert summary["resumed_at"] == done and 0 < done < rows, (summary, done)
    assert whole.read_bytes() == killed.read_bytes(), "another output than that of the undisturbed run"
    print(f"killed after {done:,} rows, gone on: {summary['seconds']:.1f} s, the same {whole.stat().st_size:,} bytes")
    assert not Path(f"{killed}.unfinished").exists()
    counted = query(f"SELECT count(*), count(probability), count(DISTINCT id) FROM read_parquet('{whole}')", whole)[0]
    assert counted == [rows, rows, rows], counted


def registered(directory, rows):
    """A model of the control plane's: the answers are those of its endpoint, and each row is recorded once."""
    platform = Platform(directory)
    platform.start()
    try:
        prepare(platform, directory)
        data, output = directory / "toys.parquet", directory / "toys_out.parquet"
        # A row a minute of event time, an hour a window.
        query("SELECT i AS id, make_timestamptz(1577836800000000 + i * 60000000) AS at, (i % 97) / 97 AS x, "
              f"CASE WHEN i % 5 > 0 THEN (i % 89) / 89 END AS z FROM range({rows}) t(i)", to=data)
        common = ["toy@candidate", "--input", data, "--output", output, "--keep", "all", "--part-rows", str(rows // 12),
                  "--home", platform.home]
        kills = sum(predict_until(output, rows * share // 10, *common) for share in (2, 5))
        summary, _, _ = predict(*common)
        assert kills and summary["rows"] == rows and summary["version"] == 1, (kills, summary)
        print("registered:", summary)
        origin = platform.get(f"/api/v1/lineage/origin?of=predictions:{summary['batch']}")
        digests = {entry["digest"] for entry in origin["data"]}
        assert f"sha256:{hashlib.sha256(data.read_bytes()).hexdigest()}" in digests, origin["data"]
        of_file = platform.get(f"/api/v1/lineage/sha256:{hashlib.sha256(output.read_bytes()).hexdigest()}")
        assert any(entry["name"] == "toy@1" for entry in of_file["artifacts"]), of_file
        windows = platform.get("/api/v1/endpoints/toy/windows?to=2020-02-01T00:00:00Z")["windows"]
        assert [window["rows"] for window in windows] == [60] * (rows // 60), windows[:3]
        assert not any(window["repeated_rows"] or window["requests"] for window in windows)
        sample = query(f"SELECT x, z, probability FROM read_parquet('{output}') LIMIT 200", output)
        body = {"inputs": [{"name": name, "shape": [len(sample)], "datatype": "FP64",
                            "data": [row[i] for row in sample]} for i, name in enumerate("xz")]}
        status, reply = call(platform.inference(), "POST", "/v2/models/toy/infer", body)
        assert status == 200, reply
        online = [struct.pack("<f", value) for value in reply["outputs"][0]["data"]]
        assert online == [struct.pack("<f", row[2]) for row in sample], "other answers than the endpoint's"
    finally:
        platform.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory:
        alone(Path(directory), rows, max(rows // 10, 10_000))
        registered(Path(directory), 6_000)
    print("batch prediction: all well")


if __name__ == "__main__":
    main()
