#!/usr/bin/env python3
"""A training with MLflow's client and the package's spool, beside a `millwright up` that is killed in the middle and
comes back: the training never fails, and every value is there exactly once. Then one beside a server that hangs, and
one whose process dies.

    tests/conformance/spooling_client.py
"""
import configparser
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/conformance"), str(ROOT / "tests/crash")]
from client_environment import run_within  # noqa: E402
from crash_rounds import Platform, call, wait_for  # noqa: E402

PACKAGE = ROOT / "python/millwright"
STEPS = 400
TRAINING = """
import sys, time
import mlflow, pandas
mlflow.set_experiment("spooled")
with mlflow.start_run(run_name=sys.argv[1]) as run:
    print(run.info.run_id, flush=True)
    mlflow.log_params({"depth": 3})
    for step in range(int(sys.argv[2])):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        if step % 100 == 50:
            with mlflow.start_run(run_name=f"{sys.argv[1]} {step}", nested=True):
                mlflow.log_metric("part", step)
        print(step, flush=True)
        time.sleep(0.01)
    rows = pandas.DataFrame({"a": [1, 2]})
    mlflow.log_input(mlflow.data.from_pandas(rows, name="rows"), context="training")
    mlflow.log_text("words", "notes/a.txt")
"""


def install(folder):
    """The package's entry points, as pip would write them."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    info = folder / f"millwright-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: millwright\nVersion: {project['version']}\n")
    points = configparser.ConfigParser(delimiters="=")
    points.optionxform = str
    points.read_dict(project["entry-points"])
    with open(info / "entry_points.txt", "w") as file:
        points.write(file)


class Trainings:
    def __init__(self, folder, platform):
        self.folder, self.platform = folder, platform
        install(folder / "site")

    def environment(self):
        return os.environ | {"MLFLOW_TRACKING_URI": f"http://{self.platform.control()}", "MILLWRIGHT_SPOOL": "1",
                             "MILLWRIGHT_SPOOL_DIR": str(self.folder / "spool"), "GIT_PYTHON_REFRESH": "quiet",
                             "MLFLOW_DISABLE_TELEMETRY": "true",
                             "PYTHONPATH": os.pathsep.join([str(self.folder / "site"), str(PACKAGE / "src")])}

    def begin(self, name, steps):
        process = subprocess.Popen([sys.executable, "-c", TRAINING, name, str(steps)], stdout=subprocess.PIPE,
                                   stderr=open(self.folder / f"{name}.log", "w"), text=True, env=self.environment())
        return process, process.stdout.readline().strip()

    def flush(self):
        done = subprocess.run([sys.executable, "-m", "millwright", "flush", f"http://{self.platform.control()}"],
                              env=self.environment(), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def until(process, step):
    for line in process.stdout:
        if line.strip() == str(step):
            return
    raise AssertionError(f"the training ended before step {step}")


class Asked:
    def __init__(self, platform):
        self.platform = platform

    def mlflow(self, method, path, body=None):
        status, answer = call(self.platform.control(), method, f"/api/2.0/mlflow/{path}", body, 30)
        assert status == 200, (path, status, answer)
        return answer

    def run(self, number):
        return self.mlflow("GET", f"runs/get?run_id={number}")["run"]

    def history(self, number, key):
        return self.mlflow("GET", f"metrics/get-history?run_id={number}&metric_key={key}&max_results=25000")["metrics"]


def server_killed(trainings, platform, asked):
    process, number = trainings.begin("killed", STEPS)
    until(process, 40)
    platform.kill()
    until(process, 170)  # a nested run begins and ends meanwhile
    platform.start()
    until(process, 220)
    platform.kill()
    platform.start()
    process.stdout.read()
    assert process.wait(60) == 0, (trainings.folder / "killed.log").read_text()
    trainings.flush()
    run = asked.run(number)
    assert run["info"]["run_id"] == number and run["info"]["status"] == "FINISHED", run["info"]
    steps = [(point["step"], point["value"]) for point in asked.history(number, "loss")]
    assert sorted(steps) == [(step, 1 / (step + 1)) for step in range(STEPS)], f"{len(steps)} points"
    assert run["data"]["params"] == [{"key": "depth", "value": "3"}], run["data"]["params"]
    assert [entry["dataset"]["name"] for entry in run["inputs"]["dataset_inputs"]] == ["rows"], run["inputs"]
    found = asked.mlflow("POST", "runs/search", {
        "experiment_ids": [run["info"]["experiment_id"]], "filter": f"tags.mlflow.parentRunId = '{number}'"})["runs"]
    parts = sorted((one["info"]["run_name"], one["data"]["metrics"][0]["value"]) for one in found)
    assert parts == [(f"killed {step}", step) for step in (150, 250, 350, 50)], parts
    assert {one["info"]["status"] for one in found} == {"FINISHED"}, found
    print(f"{STEPS} steps and 4 nested runs beside a server killed twice: everything there once")


def server_hangs(trainings, platform, asked):
    """Alive, with connections open, and silent: one call waits its 5 seconds, the next ones wait for nobody."""
    process, number = trainings.begin("hangs", 300)
    until(process, 40)
    pid = platform.process.pid
    os.kill(pid, signal.SIGSTOP)
    waits, before = [], time.monotonic()
    try:
        for line in process.stdout:
            waits.append(time.monotonic() - before)
            before = time.monotonic()
            if line.strip() == "200":
                break
    finally:
        os.kill(pid, signal.SIGCONT)
    process.stdout.read()
    assert process.wait(60) == 0, (trainings.folder / "hangs.log").read_text()
    trainings.flush()
    long = sorted(wait for wait in waits if wait > 1)
    assert len(long) <= 2 and sum(long) < 13, long  # the nested run's beginning is a read
    steps = [point["step"] for point in asked.history(number, "loss")]
    assert steps == list(range(300)) and asked.run(number)["info"]["status"] == "FINISHED", len(steps)
    print(f"a server that hangs: waits of more than a second: {', '.join(f'{wait:.1f} s' for wait in long)}")


def names_are_the_clients(asked):
    """The same request again makes no second run."""
    body = {"experiment_id": "0", "run_id": "0123456789abcdef" * 2, "run_name": "twice", "start_time": 5}
    first, second = (asked.mlflow("POST", "runs/create", body)["run"] for _ in range(2))
    assert first == second and first["info"]["run_id"] == body["run_id"], (first, second)
    status, answer = call(asked.platform.control(), "POST", "/api/2.0/mlflow/runs/create", body | {"run_id": "../x"})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer


def training_killed(trainings, asked):
    process, number = trainings.begin("dies", 10_000)
    until(process, 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # Its own heartbeats promise the next one within half a minute; this one promises it sooner.
    beat = f"/api/v1/runs/{number}/heartbeat"
    assert call(asked.platform.control(), "POST", beat, {"interval_seconds": 0.2})[0] == 200
    lost = wait_for("the end of a run whose process died", 60,
                    lambda: (run := asked.run(number))["info"]["status"] == "FAILED" and run)
    tags = {tag["key"]: tag["value"] for tag in lost["data"]["tags"]}
    assert tags["millwright.lost"].startswith("no heartbeat since "), tags
    assert lost["info"]["end_time"] <= time.time() * 1000, lost["info"]
    asked.mlflow("POST", "runs/log-metric", {"run_id": number, "key": "late", "value": 1, "timestamp": 1})
    assert call(asked.platform.control(), "POST", beat, {"interval_seconds": 30})[0] == 200
    again = asked.run(number)
    assert again["info"]["status"] == "RUNNING" and "end_time" not in again["info"], again["info"]
    assert call(asked.platform.control(), "POST", "/api/v1/runs/none/heartbeat", {"interval_seconds": 1})[0] == 404
    print("a run whose process died: failed with its reason, and running again when it was heard of")


def main():
    with tempfile.TemporaryDirectory() as directory:
        platform = Platform(directory, ["--lost-after", "3s"])
        try:
            platform.start()
            trainings, asked = Trainings(Path(directory), platform), Asked(platform)
            server_killed(trainings, platform, asked)
            server_hangs(trainings, platform, asked)
            names_are_the_clients(asked)
            training_killed(trainings, asked)
        finally:
            platform.stop()


if __name__ == "__main__":
    run_within("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))
    main()
