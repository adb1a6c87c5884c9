#!/usr/bin/env python3
"""Kills the control plane at seeded random moments of a replay with labels; in the end every window holds exactly what
it holds after an undisturbed replay."""
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from crash_rounds import BIN, MODEL_PIPELINE, arguments, call, millwright, run_rounds, wait_for

ROWS = 30_000
DAYS = 90
# What is compared. All of it is independent of the order in which pieces and labels came.
COUNTS = ["rows", "sampled_rows", "dropped_rows", "repeated_rows", "flagged_rows", "requests", "failures", "refused",
          "labelled", "label_sum", "labelled_prediction_sum"]


def write_files(directory):
    folder = Path(directory, "files")
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(MODEL_PIPELINE % {"name": "labels", "times": "known_at: known,"})
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


def one_round(platform, seed, expected, rate):
    chance = random.Random(seed)
    endpoint = f"toy-{seed}"
    deploy(platform, endpoint)
    process = replay(platform, endpoint, rate)
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


def undisturbed(platform, directory, rate):
    """What every window has to hold."""
    millwright(platform, "apply", "-f", write_files(directory))
    millwright(platform, "run", "labels")
    deploy(platform, "undisturbed")
    summary = finished(replay(platform, "undisturbed", rate))
    expected = settled(platform, "undisturbed", summary)
    print(f"undisturbed: {len(expected)} windows, " +
          ", ".join(f"{count} {total(expected, count):,.10g}" for count in COUNTS), flush=True)
    assert total(expected, "labelled") == summary["labels"]["sent"] > 0.9 * ROWS
    return expected


def main():
    parser = arguments(__doc__, 10)
    parser.add_argument("--rate", type=int, default=12_000, help="requests a second")
    options = parser.parse_args()
    expected, counts = {}, []
    passed, failed = run_rounds(
        options, lambda platform, directory: expected.update(undisturbed(platform, directory, options.rate)),
        lambda platform, _, seed: counts.append(one_round(platform, seed, expected, options.rate)))
    print(f"killed {sum(kills for kills, _ in counts)} times, "
          f"batches of labels sent again {sum(retries for _, retries in counts)} times")
    print(f"rounds: {passed} equal, {failed} not")
    return failed


if __name__ == "__main__":
    sys.exit(main())
