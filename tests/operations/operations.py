#!/usr/bin/env python3
"""The verbs of somebody on call, on real processes: backup while a run is going, restore elsewhere, doctor with the
control plane up, down and with a damaged package, changes, status --watch."""
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, call, millwright, wait_for, write_files  # noqa: E402

GOAL = """goal: toy-goal
outcome: Toys are found before they break.
owner: toys
model: toy
predict: {label: y, type: binary_classification, threshold: 0.5}
kpi: {require: saving >= -5%, costs: {missed: 3 EUR, flagged: 1 EUR}}
targets:
  - {name: a, require: f1 >= 0.5}
"""


def verb(home, *words):
    return subprocess.run([BIN / "millwright", *words, "--home", home], capture_output=True, text=True, check=False)


def doctor(platform):
    """(exit code, check -> row, seconds)"""
    begin = time.monotonic()
    done = verb(platform.home, "doctor", "--json")
    rows = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    return done.returncode, rows, time.monotonic() - begin


def answer(platform):
    body = {"inputs": [{"name": "x", "shape": [3], "datatype": "FP64", "data": [0.1, 0.5, 0.9]},
                       {"name": "z", "shape": [3], "datatype": "FP64", "data": [None, 0.2, 0.7]}]}
    status, reply = call(platform.inference(), "POST", "/v2/models/toy/infer", body)
    assert status == 200, reply
    return reply["outputs"]


def versions(platform):
    return [(version["version"], version["package"]) for version in platform.get("/api/v1/models/toy")["versions"]]


def run_state(platform, run):
    return platform.get(f"/api/v1/runs/{run}")["state"]


def back_up_and_restore(first, directory):
    """A backup in the middle of a run, restored beside the running original."""
    status, started = call(first.control(), "POST", "/api/v1/pipelines/crash/runs", {})
    assert status == 201, started
    run = started["id"]
    tasks = f"/api/v1/runs/{run}"
    wait_for("a running step", 20, lambda: any(task["state"] == "running" for task in first.get(tasks)["tasks"]))
    archive = Path(directory, "backup.tar")
    done = verb(first.home, "backup", archive)
    assert done.returncode == 0, done.stderr
    print(done.stdout.splitlines()[0])
    listed = subprocess.run(["tar", "-tf", archive], capture_output=True, text=True, check=True).stdout.split()
    assert "millwright.db" in listed and "token" in listed and listed[-1] == "manifest.json", listed

    checked = verb(first.home, "restore", archive, "--check")
    assert checked.returncode == 0, checked.stderr
    second = Platform(Path(directory, "second"))
    restored = verb(second.home, "restore", archive, "--json")
    assert restored.returncode == 0, restored.stderr
    report = json.loads(restored.stdout)
    print("restored:", report)
    assert report["open_steps"] == 1 and report["endpoints"] == 1, report
    again = verb(second.home, "restore", archive)
    assert again.returncode == 1 and "not empty" in again.stderr, again.stderr

    second.start()
    wait_for("the restored endpoint", 30, lambda: second.get("/api/v1/endpoints/toy")["ready"])
    assert answer(second) == answer(first)
    assert versions(second) == versions(first)
    goals = [platform.get("/api/v1/goals")["goals"] for platform in (first, second)]
    assert goals[0] == goals[1] and goals[0], goals
    for platform, name in ((second, "restored"), (first, "original")):
        wait_for(f"the {name} run's success", 60, lambda p=platform: run_state(p, run) == "succeeded")
    tried = max(task["attempts"] for task in second.get(tasks)["tasks"])
    assert tried == 2, "the step that was running was not tried again"
    second.stop()


def look_with_the_doctor(platform):
    code, rows, seconds = doctor(platform)
    bad = [row for row in rows.values() if row["state"] == "bad"]
    assert not bad and code in (0, 1), bad
    assert seconds < 5, seconds
    assert "to the bit" in rows["endpoint toy"]["value"], rows["endpoint toy"]
    assert rows["package toy"]["state"] == "ok" and rows["database"]["state"] == "ok"
    for name in ("disk", "inodes", "fsync", "clock", "limits", "last backup", "restore tested", "steps", "isolation",
                 "model server", "control plane", "database log"):
        assert name in rows, (name, sorted(rows))
    assert rows["last backup"]["state"] == "ok" and rows["restore tested"]["state"] == "ok"
    text = verb(platform.home, "doctor").stdout
    print(text)
    assert max(map(len, text.splitlines())) <= 100
    return seconds


def look_while_it_is_down(platform):
    platform.kill()
    code, rows, seconds = doctor(platform)
    assert code == 2 and rows["control plane"]["state"] == "bad" and seconds < 5, (code, rows["control plane"], seconds)
    assert "to the bit" in rows["endpoint toy"]["value"], rows["endpoint toy"]
    assert rows["database"]["state"] == "ok"
    platform.start()
    wait_for("a report of the model server", 30, lambda: platform.get("/api/v1/endpoints/toy")["ready"])


def look_at_damage(platform):
    model = next((platform.home / "serve/packages").glob("*/model.json"))
    whole = model.read_bytes()
    model.chmod(0o600)
    model.write_bytes(whole[:-1] + b" ")
    code, rows, _ = doctor(platform)
    assert code == 2 and rows["package toy"]["state"] == "bad", rows["package toy"]
    assert "model.json" in rows["package toy"]["value"], rows["package toy"]
    model.write_bytes(whole)


def look_at_changes(platform):
    done = verb(platform.home, "changes", "--since", "1h", "--json")
    assert done.returncode == 0, done.stderr
    changes = json.loads(done.stdout)["changes"]
    kinds = {change["kind"] for change in changes}
    assert kinds == {"goal", "pipeline", "run", "version", "alias", "deployment"}, kinds
    assert [change["at"] for change in changes] == sorted(change["at"] for change in changes)
    assert any("is live" in change["text"] for change in changes)
    print(verb(platform.home, "changes", "--since", "1h").stdout)
    nothing = verb(platform.home, "changes", "--since", "2100-01-01T00:00:00Z")
    assert nothing.stdout.startswith("nothing changed"), nothing.stdout
    assert verb(platform.home, "changes", "--since", "soon").returncode == 2


def look_at_the_watch(platform):
    watch = subprocess.Popen([BIN / "millwright", "status", "--watch", "--home", platform.home],
                             stdout=subprocess.PIPE, text=True)
    lines = []
    try:
        while not lines or not lines[-1].startswith("make-model"):
            lines.append(watch.stdout.readline().rstrip("\n"))
    finally:
        watch.kill()
        watch.wait()
    assert max(map(len, lines)) <= 80 and any("ready" in line for line in lines), lines


def main():
    directory = tempfile.mkdtemp(prefix="mwoperations")
    Path(directory, "first").mkdir()
    Path(directory, "second").mkdir()
    platform = Platform(Path(directory, "first"))
    try:
        folder = write_files(directory)
        (folder / "goal.yaml").write_text(GOAL)
        platform.start()
        millwright(platform, "apply", "-f", folder)
        millwright(platform, "run", "make-model")
        wait_for("the endpoint", 30, lambda: platform.get("/api/v1/endpoints/toy")["ready"])
        assert doctor(platform)[1]["last backup"]["state"] == "warn"
        back_up_and_restore(platform, directory)
        seconds = look_with_the_doctor(platform)
        look_while_it_is_down(platform)
        look_at_damage(platform)
        look_at_changes(platform)
        look_at_the_watch(platform)
        print(f"doctor took {seconds:.2f} s")
    finally:
        platform.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
