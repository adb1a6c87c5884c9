#!/usr/bin/env python3
"""Kills Millwright's processes at seeded random moments and checks that nothing is lost or done twice."""
import argparse
import collections
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

BIN = Path(os.environ.get("MILLWRIGHT_BIN", Path(__file__).resolve().parents[2] / "build/release/bin"))
STEPS = ["one", "two", "three", "four", "left", "right", "join", "eight", "nine", "ten"]
AFTER = {"two": ["one"], "three": ["two"], "four": ["three"], "left": ["four"], "right": ["four"],
         "join": ["left", "right"], "eight": ["join"], "nine": ["eight"], "ten": ["nine"]}
STEP = """#!/bin/sh
echo "start $1 $MILLWRIGHT_ATTEMPT_ID" >> "$2"
sleep 0.25
echo "$1" > "$3"
echo "end $1 $MILLWRIGHT_ATTEMPT_ID" >> "$2"
"""
MODEL_PIPELINE = """pipeline: %(name)s
defaults: {retries: 3, backoff: 100ms}
steps:
  import: {uses: import, with: {rows: rows.csv}}
  rows: {uses: sql, file: rows.sql, inputs: {t: import.rows}, with: {event_time: at, %(times)s key: id, label: y}}
  split: {uses: split, inputs: {rows: rows.rows}, with: {train: [2020-01-01, 2020-03-01], stop_early_on: 14d,
          evaluate_until: 2020-03-20}}
  train: {uses: train, inputs: {rows: split.train, stop_early: split.stop_early},
          with: {algorithm: xgboost, max_depth: 3, max_rounds: 20, early_stopping_rounds: 5, seed: 1}}
  register: {uses: register, inputs: {model: train.model}, with: {model: toy, alias: candidate}}
  deploy: {uses: deploy, inputs: {version: register.version}, with: {endpoint: toy}}
"""


def wait_for(what, seconds, ask):
    """The first true answer of `ask`, or an error that says what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def call(address, method, path, body=None, timeout=5):
    """(status, JSON) of one request; OSError when nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


class Platform:
    """One home; its control plane is started, killed and started again."""

    def __init__(self, directory, words=()):
        self.home = Path(directory, "home")
        self.words = words
        self.log = open(Path(directory, "up.log"), "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "millwright", "up", "--home", self.home, "--listen", "127.0.0.1:0",
             "--inference-listen", "127.0.0.1:0", *self.words], stdout=self.log, stderr=self.log)
        wait_for("the control plane's answer", 30, self.healthy)

    def healthy(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the control plane ended by itself with {self.process.returncode}")
        try:
            if self.addresses()["pid"] != self.process.pid:
                return False
            return call(self.control(), "GET", "/ready")[0] == 200
        except (OSError, ValueError, KeyError):
            return False

    def addresses(self):
        return json.loads((self.home / "addresses.json").read_text())

    def control(self):
        return urllib.parse.urlparse(self.addresses()["console"]).netloc

    def serve_record(self):
        """What the model server says of itself; a pid of 0 while one starts."""
        try:
            return json.loads((self.home / "serve/serve.json").read_text())
        except (OSError, ValueError):
            return {"pid": 0, "address": ""}

    def inference(self):
        return urllib.parse.urlparse(self.serve_record()["address"]).netloc

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.log.close()

    def get(self, path):
        """Asks until the control plane answers: it may be starting again."""
        def ask():
            try:
                return call(self.control(), "GET", path)
            except (OSError, ValueError, KeyError):
                return None
        status, body = wait_for(f"an answer to {path}", 30, ask)
        assert status == 200, (path, status, body)
        return body

    def predict(self):
        """Whether the model server answers a prediction."""
        body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]},
                           {"name": "z", "shape": [1], "datatype": "FP64", "data": [None]}]}
        try:
            status, answer = call(self.inference(), "POST", "/v2/models/toy/infer", body)
        except (OSError, ValueError, KeyError):
            return False
        assert status == 200, answer
        return True


def processes():
    """pid -> (parent, command line) of everything that runs."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                found[int(entry.name)] = (parent, (entry / "cmdline").read_bytes().decode(errors="replace"))
            except (OSError, IndexError):
                pass
    return found


def shims(home):
    return [pid for pid, (_, words) in processes().items() if "mw-shim" in words and str(home) in words]


def steps_of(home):
    mine = set(shims(home))
    return [pid for pid, (parent, _) in processes().items() if parent in mine and pid not in mine]


class Acknowledged(threading.Thread):
    """Logs metric points all through a round and remembers those that were acknowledged."""

    def __init__(self, platform, run):
        super().__init__()
        self.platform, self.run_id, self.points, self.stopped = platform, run, [], threading.Event()

    def run(self):
        step = 0
        while not self.stopped.is_set():
            step += 1
            point = {"name": "acknowledged", "step": step, "value": step, "time": step}
            body = {"attempt_id": "client", "metrics": [point]}
            try:
                if call(self.platform.control(), "POST", f"/api/v1/runs/{self.run_id}/log", body)[0] == 200:
                    self.points.append(step)
            except (OSError, ValueError, KeyError):
                pass
            self.stopped.wait(0.01)

    def end(self):
        self.stopped.set()
        self.join()


def strike(platform, victim, counts):
    """Kills one process of that kind, if there is one; a killed control plane is started again."""
    if victim == "control plane":
        before = platform.serve_record()
        platform.kill()
        assert platform.predict(), "no prediction while the control plane was away"
        platform.start()
        after = platform.serve_record()
        assert before["pid"] == after["pid"], "the model server was not adopted"
    elif victim == "model server":
        pid = platform.serve_record()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for("another model server", 30,
                 lambda: platform.serve_record()["pid"] not in (0, pid) and platform.predict())
    else:
        found = shims(platform.home) if victim == "shim" else steps_of(platform.home)
        if not found:
            return
        try:
            os.kill(random.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            return  # it ended by itself in that moment
    counts[victim] += 1


def check_ledger(ledger, events):
    """No attempt started twice; none of a step after its success."""
    starts = [line.split()[1:] for line in ledger.read_text().splitlines() if line.startswith("start")]
    attempts = collections.Counter(attempt for _, attempt in starts)
    twice = [attempt for attempt, count in attempts.items() if count > 1]
    assert not twice, f"attempts started twice: {twice}"
    succeeded = {event["step"]: event["attempt_id"] for event in events if event["to"] == "succeeded" and event["step"]}
    assert sorted(succeeded) == sorted(STEPS), succeeded
    for step in STEPS:
        last = [attempt for name, attempt in starts if name == step][-1]
        assert last == succeeded[step], f"step {step} ran again after its success was committed"


def one_round(platform, directory, seed, counts):
    chance = random.Random(seed)
    random.seed(seed)
    ledger = Path(directory, "ledger")
    ledger.write_text("")
    status, answer = call(platform.control(), "POST", "/api/v1/pipelines/crash/runs", {})
    assert status == 201, answer
    run = answer["id"]
    client = Acknowledged(platform, run)
    client.start()
    try:
        for _ in range(3):
            time.sleep(chance.uniform(0.05, 0.8))
            strike(platform, chance.choice(["control plane", "shim", "step", "model server", "control plane"]), counts)
        ended = wait_for("the run's end", 60, lambda: (lambda r: r if r["state"] in ("succeeded", "failed", "canceled")
                                                       else None)(platform.get(f"/api/v1/runs/{run}")))
    finally:
        client.end()
    assert ended["state"] == "succeeded", (ended["state"], ended["cause"])
    check_ledger(ledger, platform.get(f"/api/v1/runs/{run}/events")["events"])
    kept = {point["step"] for point in platform.get(f"/api/v1/runs/{run}/metrics/acknowledged")["points"]}
    lost = [step for step in client.points if step not in kept]
    assert not lost, f"acknowledged and lost: {lost}"
    wait_for("the last shim's end", 5, lambda: not shims(platform.home))
    return len(client.points)


def write_files(directory):
    folder = Path(directory, "files")
    folder.mkdir()
    (folder / "step.sh").write_text(STEP)
    lines = ["pipeline: crash", "defaults: {retries: 8, backoff: 50ms, cache: false, cpu: 0.1}", "steps:"]
    for step in STEPS:
        after = f", after: [{', '.join(AFTER[step])}]" if step in AFTER else ""
        lines.append(f"  {step}: {{run: [sh, {folder}/step.sh, {step}, {directory}/ledger, \"{{outputs.done}}\"], "
                     f"outputs: {{done: file}}{after}}}")
    (folder / "crash.yaml").write_text("\n".join(lines) + "\n")
    (folder / "model.yaml").write_text(MODEL_PIPELINE % {"name": "make-model", "times": ""})
    chance = random.Random(7)
    rows = ["id,day,x,z,y"]
    for i in range(3000):
        x, z = chance.random(), chance.random()
        rows.append(f"{i},{i % 78},{x:.4f},{z:.4f},{int(x + 0.3 * chance.random() > 0.6)}")
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "rows.sql").write_text(
        "SELECT id, TIMESTAMPTZ '2020-01-01 00:00:00+00' + INTERVAL (day) DAY AS at, x, z, y = 1 AS y FROM t\n")
    return folder


def millwright(platform, *words):
    done = subprocess.run([BIN / "millwright", *words, "--home", platform.home], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def arguments(description, rounds):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def run_rounds(options, prepare, one_round, words=()):
    """Prepares one platform in a directory of its own and runs round by round on it until one fails: (passed, failed).
    `prepare` and `one_round` get platform and directory, a round its seed too; `words` are of the platform's command
    line. What failed is kept for a look."""
    directory = tempfile.mkdtemp(prefix="mwcrash")
    platform = Platform(directory, words)
    passed, failed = 0, 0
    try:
        platform.start()
        prepare(platform, directory)
        for seed in range(options.seed, options.seed + options.rounds):
            try:
                one_round(platform, directory, seed)
                passed += 1
            except AssertionError as error:
                print(f"round {seed} failed: {error}", flush=True)
                failed = 1
                break
    finally:
        platform.stop()
        if failed:
            print(f"kept for a look: {directory}")
        else:
            shutil.rmtree(directory)
    return passed, failed


def prepare(platform, directory):
    millwright(platform, "apply", "-f", write_files(directory))
    millwright(platform, "run", "make-model")
    wait_for("the first prediction", 30, platform.predict)


def main():
    options = arguments(__doc__, 20).parse_args()
    counts, points = collections.Counter(), []
    passed, failed = run_rounds(options, prepare, lambda platform, directory, seed: points.append(
        one_round(platform, directory, seed, counts)))
    print(f"killed: {dict(counts)}; {sum(points)} acknowledged points, none lost")
    print(f"rounds: {passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
