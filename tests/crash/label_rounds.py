#!/usr/bin/env python3
"""Kills the control plane at seeded random moments of a replay with labels; in the end every window holds exactly what
it holds after an undisturbed replay."""
import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crash_rounds import BIN, Platform, call, millwright, wait_for

ROWS = 30_000
DAYS = 90
# What is compared. All of it is independent of the order in which pieces and labels came.
COUNTS = ["rows", "sampled_rows", "dropped_rows", "repeated_rows", "flagged_rows", "requests", "failures", "labelled",
          "label_sum", "labelled_prediction_sum"]
PIPELINE = """pipeline: labels
defaults: {retries: 3, backoff: 100ms}
steps:
  import: {uses: import, with: {rows: rows.csv}}
  rows: {uses: sql, file: rows.sql, inputs: {t: import.rows},
         with: {event_time: at, known_at: known, key: id, label: y}}
  split: {uses: split, inputs: {rows: rows.rows}, with: {train: [2020-01-01, 2020-03-01], stop_early_on: 14d,
          evaluate_until: 2020-03-20}}
  train: {uses: train, inputs: {rows: split.train, stop_early: split.stop_early},
          with: {algorithm: xgboost, max_depth: 3, max_rounds: 20, early_stopping_rounds: 5, seed: 1}}
  register: {uses: register, inputs: {model: train.model}, with: {model: toy, alias: candidate}}
  deploy: {uses: deploy, inputs: {version: register.version}, with: {endpoint: toy}}
"""


def write_files(directory):
    folder = Path(directory, "files")
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(PIPELINE)
    chance = random.Random(7)
    rows = ["id,minute,x,z,y,delay"]
    for i in range(ROWS):
        x, z = chance.random(), chance.random()
        # One in forty never gets a label; the others within minutes or days.
        delay = "" if chance.random() < 0.025 else chance.choice([5, 60, 600, 6000])
        rows.append(f"r{i},{i * DAYS * 1440 // ROWS},{x:.4f},{z:.4f},{int(x + 0.3 * chance.random() > 0.6)},{delay}")
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "rows.sql").write_text(
        "WITH timed AS (SELECT *, TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_minutes(minute) AS moment FROM t)\n"
        "SELECT id, moment AS \"at\", x, z, y = 1 AS y, moment + to_minutes(delay) AS known FROM timed\n")
    return folder


def replay(platform, endpoint, rate):
    """Starts a replay of the rows to that endpoint."""
    return subprocess.Popen([BIN / "millwright", "replay", endpoint, "--rate", str(rate), "--json", "--home",
                             platform.home], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"the replay failed: {err}{out}"
    return json.loads(out)


def windows(platform, endpoint):
    """What each window of the endpoint holds; None while there is no answer."""
    try:
        status, body = call(platform.control(), "GET", f"/api/v1/endpoints/{endpoint}/windows", timeout=30)
    except (OSError, ValueError, KeyError):
        return None
    assert status == 200, body
    return {window["from"]: [window[count] for count in COUNTS] for window in body["windows"]}


def total(held, count):
    return sum(window[COUNTS.index(count)] for window in (held or {}).values())


def settled(platform, endpoint, summary):
    """The windows, once all rows and labels of the replay have arrived."""
    def ask():
        held = windows(platform, endpoint)
        done = total(held, "rows") >= summary["rows"] and total(held, "labelled") >= summary["labels"]["sent"]
        return held if done else None
    try:
        return wait_for("the last window's arrival", 60, ask)
    except AssertionError as error:
        held = windows(platform, endpoint)
        raise AssertionError(f"{error}: rows {total(held, 'rows')} of {summary['rows']}, labelled "
                             f"{total(held, 'labelled')} of {summary['labels']['sent']}, dropped "
                             f"{total(held, 'dropped_rows')}") from error


def deploy(platform, endpoint):
    millwright(platform, "deploy", "toy@1", "--endpoint", endpoint)


def differences(expected, held):
    return [f"{start}: {dict(zip(COUNTS, held.get(start, [])))} instead of {dict(zip(COUNTS, expected.get(start, [])))}"
            for start in sorted(expected.keys() | held.keys()) if expected.get(start) != held.get(start)]


def one_round(platform, seed, expected, options):
    chance = random.Random(seed)
    endpoint = f"toy-{seed}"
    deploy(platform, endpoint)
    process = replay(platform, endpoint, options.rate)
    kills = 0
    try:
        for _ in range(chance.randint(1, 4)):
            time.sleep(chance.uniform(0.05, 1.0))
            if process.poll() is not None:
                break
            platform.kill()
            kills += 1
            time.sleep(chance.choice([0, 0, 0.3]))
            platform.start()
        summary = finished(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert summary["failed"] == 0, summary["first_failure"]
    held = settled(platform, endpoint, summary)
    platform.kill()  # what was counted is what a restart finds
    platform.start()
    again = wait_for("an answer", 30, lambda: windows(platform, endpoint))
    for found in (held, again):
        wrong = differences(expected, found)
        assert not wrong, f"{len(wrong)} windows differ: {wrong[0]}"
    return kills + 1, summary["labels"]["retries"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=12_000, help="requests a second")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="mwlabels")
    platform = Platform(directory)
    failed, kills, retries = 0, 0, 0
    try:
        folder = write_files(directory)
        platform.start()
        millwright(platform, "apply", "-f", folder)
        millwright(platform, "run", "labels")
        deploy(platform, "undisturbed")
        summary = finished(replay(platform, "undisturbed", options.rate))
        expected = settled(platform, "undisturbed", summary)
        print(f"undisturbed: {len(expected)} windows, " +
              ", ".join(f"{count} {total(expected, count):,.10g}" for count in COUNTS), flush=True)
        assert total(expected, "labelled") == summary["labels"]["sent"] > 0.9 * ROWS
        for seed in range(options.seed, options.seed + options.rounds):
            try:
                killed, retried = one_round(platform, seed, expected, options)
                kills, retries = kills + killed, retries + retried
            except AssertionError as error:
                print(f"round {seed} failed: {error}", flush=True)
                failed += 1
                break
    finally:
        platform.stop()
        if failed:
            print(f"kept for a look: {directory}")
        else:
            shutil.rmtree(directory)
    print(f"killed {kills} times, batches of labels sent again {retries} times")
    print(f"rounds: {seed - options.seed + 1 - failed} equal, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
