#!/usr/bin/env python3
"""What a real MLflow keeps, brought into Millwright and out again, compared field by field through MLflow's client.

    tests/conformance/mlflow_transfer.py

A database, a file store and a server of MLflow 3.18 (mlflow_requirements.txt) are imported; one import is killed
again and again and goes on; the export is opened by MLflow, and imported into another home. Artifacts' places are
the one thing that differs, so they are compared by what lies there.
"""
import concurrent.futures
import contextlib
import copy
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from client_environment import python_of, run_within
from guarded_server import PASSWORD, USER, guarded
from transfer_snapshots import compare, snapshot
from transfer_sources import ACCURACY_STEP, NO_NUMBER, Older, make, multiply

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
if __name__ == "__main__":
    run_within("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))
    os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet",
                       "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
                       "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false", "MLFLOW_REGISTRY_URI": "",
                       "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1", "MLFLOW_ALLOW_FILE_STORE": "true"})

from crash_rounds import BIN, Platform  # noqa: E402


class Home:
    """A control plane of its own, for a `with`."""

    def __init__(self, directory, name):
        self.folder = Path(directory, name)
        self.folder.mkdir()
        self.platform = Platform(self.folder)

    def __enter__(self):
        self.platform.start()
        self.url = f"http://{self.platform.control()}"
        return self

    def __exit__(self, *_):
        self.platform.stop()

    def millwright(self, *words):
        """The report of a verb."""
        ran = subprocess.run([BIN / "millwright", *words, "--home", self.platform.home, "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        assert ran.returncode in (0, 1), f"{words} ended with {ran.returncode}: {ran.stderr}\n{ran.stdout[-3000:]}"
        return json.loads(ran.stdout)


def as_runs_tell(facts):
    """MLflow's databases keep 0 for NaN of a model; what its run logged is NaN, and so is what is made of both."""
    facts = copy.deepcopy(facts)
    for model in facts["logged models"].values():
        model["metrics"] = [[*metric[:3], "NaN", *metric[4:]] if metric[0] == NO_NUMBER else metric
                            for metric in model["metrics"]]
    return facts


def database(directory, _):
    """MLflow's database in, out, and in again."""
    uri = f"sqlite:///{directory}/made/mlflow.db"
    Path(directory, "made").mkdir()
    make(uri, f"{directory}/made/artifacts", 2)
    multiply(f"{directory}/made/mlflow.db", 210)
    before = snapshot(uri)
    with Home(directory, "first") as home:
        killed_import(home, uri)
        report = home.millwright("import", "mlflow", uri)
        runs = report["counts"]["run"]
        assert runs.get("imported", 0) + runs.get("known", 0) == len(before["runs"]), runs
        compare("database -> home, after an import that was killed", as_runs_tell(before), snapshot(home.url))
        again = home.millwright("import", "mlflow", uri)
        for kind in ("run", "logged model"):
            assert again["counts"][kind] == {"known": len(before[f"{kind}s"])}, again["counts"]
        assert not again["counts"].keys() & {"point", "model metric", "dataset input"}, again["counts"]
        home.millwright("export", "mlflow", f"{directory}/out")
        only = home.millwright("export", "mlflow", "--experiment", "churn", f"{directory}/only")
        exported = {kind: states["exported"] for kind, states in only["counts"].items()}
        of_each = {"experiment": 1, "run": 3, "logged model": 4, "dataset input": 4, "model input": 1,
                   "model output": 3, "model metric": 4}
        assert exported.items() >= of_each.items(), only["counts"]
        refused = subprocess.run([BIN / "millwright", "export", "mlflow", "--home", home.platform.home,
                                  f"{directory}/out"], stderr=subprocess.PIPE, text=True, check=False)
        assert refused.returncode == 1 and "holds an mlflow.db already" in refused.stderr, refused.stderr
    compare("home -> database that MLflow opens", before, snapshot(f"sqlite:///{directory}/out/mlflow.db"))
    with Home(directory, "second") as home:
        home.millwright("import", "mlflow", f"{directory}/out/mlflow.db")
        compare("that database -> another home", as_runs_tell(before), snapshot(home.url))


def killed_import(home, uri):
    """Imports that are killed a little later each time."""
    for round_number in range(1, 8):
        process = subprocess.Popen([BIN / "millwright", "import", "mlflow", uri, "--home", home.platform.home],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(0.015 * round_number)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def file_store(directory, _):
    uri = f"file://{directory}/made/mlruns"
    make(uri, f"{directory}/made/artifacts", 5)
    before = snapshot(uri)
    with Home(directory, "home") as home:
        report = home.millwright("import", "mlflow", f"{directory}/made/mlruns")
        after = snapshot(home.url)
        # Each store has a Default of its own, made when it was.
        for side in (before, after):
            side["experiments"]["Default"]["times"] = None
        as_databases_keep(before)
        compare("file store -> home", before, after)
        assert report["whole"] or report["skipped"], report
        lineage(home, before)
        with Home(directory, "another") as another:
            report = another.millwright("import", "mlflow", home.url)
            assert report["whole"], report
            compare("that home -> another", snapshot(home.url), snapshot(another.url))


def lineage(home, source):
    """What was imported is found as what is tracked here: from a version back to the data, and from the data on."""
    (first,) = (run for run, facts in source["runs"].items() if facts["name"] == "first")
    (model,) = (id for id, facts in source["logged models"].items() if facts["name"] == "model")
    origin = json.dumps(home.millwright("lineage", "churner@1"), ensure_ascii=False)
    for found in ('"table"', '"another-ä"', f'"{first}"'):
        assert found in origin, (found, origin)
    for of in ("dataset:table", f"model:{model}", f"run:{first}"):
        reached = home.millwright("lineage", of, "--reached")
        assert [(each["model"], each["version"]) for each in reached["versions"]] == [("churner", 1)], (of, reached)
    print("ok  lineage of what was imported")


def as_databases_keep(facts):
    """MLflow's file store keeps infinities and exact repeats, its databases neither; it reads 0 for the step of a point
    with a dataset, though its file has the step."""
    most = str(sys.float_info.max)
    for run in facts["runs"].values():
        for key, value in run["latest"].items():
            if value in (math.inf, -math.inf):
                run["latest"][key] = math.copysign(sys.float_info.max, value)
        for key, history in run["histories"].items():
            if key == "accuracy":
                history = [(t, ACCURACY_STEP, v) for t, _, v in history]
            run["histories"][key] = sorted(
                {(t, s, v.replace("inf", most) if "inf" in v else v) for t, s, v in history})


def server(directory, beside):
    """A running server, whose artifacts come through its proxy, behind https and a password."""
    url = beside["oracle"].result()
    with guarded(url, directory) as (address, roots), Home(directory, "home") as home:
        make(url, "mlflow-artifacts:/made", 5)
        login = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD,
                 "MLFLOW_TRACKING_SERVER_CERT_PATH": roots}
        os.environ.update(login)
        before = snapshot(address)
        report = home.millwright("import", "mlflow", address)
        assert PASSWORD not in json.dumps(report, ensure_ascii=False) and report["from"] == address, report
        for name in login:
            del os.environ[name]
        after = snapshot(home.url)
        for side in (before, after):
            side["experiments"]["Default"]["times"] = None
        compare("server behind https and a password -> home", before, after)
        shut_out(home, address, login)


def shut_out(home, address, login):
    """What is printed to those whom the server does not let in, and whom we do not let in to it."""
    roots = {"MLFLOW_TRACKING_SERVER_CERT_PATH": login["MLFLOW_TRACKING_SERVER_CERT_PATH"]}
    for environment, place, words in (
            (login | {"MLFLOW_TRACKING_PASSWORD": "wr0ng"}, address, "the server answered 401"),
            (roots | {"MLFLOW_TRACKING_TOKEN": "wr0ng"}, address, "set MLFLOW_TRACKING_USERNAME and"),
            (login | roots | {"MLFLOW_TRACKING_SERVER_CERT_PATH": ""}, address, "is not trusted"),
            (roots, address.replace("//", "//ada:wr0ng@"), "give the address without them")):
        ran = subprocess.run([BIN / "millwright", "import", "mlflow", place, "--home", home.platform.home],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                             env=os.environ | environment)
        assert ran.returncode != 0 and words in ran.stdout, (environment, ran.stdout)
        assert "wr0ng" not in ran.stdout and "s3cret" not in ran.stdout, ran.stdout
    print("ok  whoever is not let in is told what to set, without secrets")


def older_database(directory, beside):
    """A database of MLflow 2, told by MLflow 2's client on both sides."""
    older = beside["older"].result()
    uri = f"sqlite:///{directory}/made/mlflow.db"
    Path(directory, "made").mkdir()
    older("make", uri, f"{directory}/made/artifacts", 5)
    before = older("snapshot", uri)
    with Home(directory, "home") as home:
        home.millwright("import", "mlflow", uri)
        compare("database of MLflow 2 -> home", before, older("snapshot", home.url))
        home.millwright("export", "mlflow", f"{directory}/out")
    compare("home -> database that MLflow 3 opens", before, snapshot(f"sqlite:///{directory}/out/mlflow.db"))


def refusals(directory, _):
    with Home(directory, "home") as home:
        for place, words in (("mysql+pymysql://u:p@h/db", "import from that server's http:// address"),
                             (f"{directory}/nothing.db", "nothing.db"), (__file__, "not a database"),
                             (f"{directory}", "holds no experiment of MLflow's")):
            ran = subprocess.run([BIN / "millwright", "import", "mlflow", place, "--home", home.platform.home],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            assert ran.returncode != 0 and words in ran.stderr, (place, ran.stderr)
    print("ok  what is no store of MLflow's is refused by name")


def older_mlflow():
    return Older(python_of("mlflow2_client", Path(__file__).with_name("mlflow2_requirements.txt")))


def main():
    from mlflow_client import oracle
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    chosen = [check for check in (database, older_database, file_store, server, refusals)
              if len(sys.argv) == 1 or check.__name__ in sys.argv[1:]]
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor() as pool:
        # What is slow to start does so beside the checks before it.
        beside = {name: pool.submit(lambda of=of: stack.enter_context(of()))
                  for name, of, check in (("older", older_mlflow, older_database), ("oracle", oracle, server))
                  if check in chosen}
        for check in chosen:
            begun = time.monotonic()
            with tempfile.TemporaryDirectory() as directory:
                check(directory, beside)
            print(f"    {check.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
