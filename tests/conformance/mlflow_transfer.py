#!/usr/bin/env python3
"""What a real MLflow keeps, brought into Millwright and out again, compared field by field through MLflow's client.

    tests/conformance/mlflow_transfer.py

A database, a file store and a server of MLflow 3.18 (mlflow_requirements.txt) are imported; one import is killed
again and again and goes on; the export is opened by MLflow, and imported into another home. Artifacts' places are
the one thing that differs, so they are compared by what lies there.
"""
import base64
import contextlib
import copy
import hashlib
import http.client
import http.server
import json
import math
import os
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from client_environment import python_of, run_within

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
if __name__ == "__main__":
    run_within("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))
    os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet",
                       "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
                       "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false", "MLFLOW_REGISTRY_URI": "",
                       "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1", "MLFLOW_ALLOW_FILE_STORE": "true"})

from crash_rounds import BIN, Platform  # noqa: E402


ACCURACY_STEP = 3  # as MAKE logs it
NO_NUMBER = "not a number"  # MAKE's metric of a model that is NaN


def snapshot(uri):
    """Everything that MLflow's client tells of a store, without the places of artifacts."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities import ViewType
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    out = {"experiments": {}, "runs": {}, "logged models": {}, "registry": {}}
    has_models = hasattr(client, "search_logged_models")  # since MLflow 3
    experiments = client.search_experiments(view_type=ViewType.ALL)
    names = {experiment.experiment_id: experiment.name for experiment in experiments}
    for experiment in experiments:
        out["experiments"][experiment.name] = {
            "id": experiment.experiment_id, "stage": experiment.lifecycle_stage, "tags": dict(experiment.tags),
            "times": (experiment.creation_time, experiment.last_update_time)}
        token = None
        while True:
            page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token)
            for run in page:
                out["runs"][run.info.run_id] = run_facts(client, run, names)
            token = page.token
            if not token:
                break
        for model in client.search_logged_models([experiment.experiment_id]) if has_models else ():
            out["logged models"][model.model_id] = model_facts(client, model)
    if has_models:
        add_deleted_models(client, out)
    for model in client.search_registered_models():
        out["registry"][model.name] = registry_facts(client, model)
    return out


def add_deleted_models(client, out):
    """No search finds those; runs name them."""
    from mlflow.exceptions import MlflowException
    named = {model for run in out["runs"].values() for model, _ in run["models made"]}
    for model_id in named - out["logged models"].keys():
        with contextlib.suppress(MlflowException):
            model = client._tracking_client.store.get_logged_model(model_id, allow_deleted=True)
            out["logged models"][model_id] = model_facts(client, model) | {"stage": "deleted"}


def number(value):
    return "NaN" if math.isnan(value) else value


def run_facts(client, run, names):
    info = run.info
    facts = {"experiment": names[info.experiment_id], "name": info.run_name, "user": info.user_id,
             "status": info.status, "stage": info.lifecycle_stage, "times": (info.start_time, info.end_time),
             "params": dict(run.data.params), "tags": dict(run.data.tags),
             "latest": {key: number(value) for key, value in run.data.metrics.items()}}
    facts["histories"] = {
        key: sorted((m.timestamp, m.step, str(number(m.value))) for m in client.get_metric_history(info.run_id, key))
        for key in run.data.metrics}
    inputs = run.inputs.dataset_inputs if run.inputs else []
    if facts["experiment"] == "churn":
        run = client.get_run(info.run_id)  # MLflow's searches leave out which models a run read
    models = getattr(run.inputs, "model_inputs", None)  # since MLflow 3
    outputs = getattr(run, "outputs", None)
    facts["datasets"] = sorted(
        (i.dataset.name, i.dataset.digest, i.dataset.source_type, i.dataset.source, str(i.dataset.schema),
         str(i.dataset.profile), sorted((t.key, t.value) for t in i.tags)) for i in inputs)
    facts["models used"] = sorted(each.model_id for each in models or [])
    facts["models made"] = sorted((each.model_id, each.step) for each in (outputs and outputs.model_outputs) or [])
    if facts["experiment"] in ("churn", "Default") and info.lifecycle_stage == "active":
        facts["artifacts"] = files_of(info.artifact_uri)
    return facts


def files_of(uri):
    """Digests of the files below an artifact URI, without the one that MLflow's client adds to a version's."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    with tempfile.TemporaryDirectory() as folder:
        try:
            local = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        except (MlflowException, OSError):
            return {}
        return {str(path.relative_to(local)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(local.rglob("*")) if path.is_file() and path.name != "registered_model_meta"}


def model_facts(client, model):
    metrics = sorted((m.key, m.timestamp, m.step, str(number(m.value)), m.run_id, m.dataset_name, m.dataset_digest)
                     for m in model.metrics or [])
    # What is empty comes as None of a database and as "" of a server.
    return {"name": model.name, "type": model.model_type or "", "status": str(model.status),
            "run": model.source_run_id or "", "experiment": model.experiment_id, "message": model.status_message or "",
            "times": (model.creation_timestamp, model.last_updated_timestamp), "tags": dict(model.tags),
            "params": dict(model.params), "metrics": metrics, "artifacts": files_of(model.artifact_location)}


def registry_facts(client, model):
    versions = {}
    for version in client.search_model_versions(f"name='{model.name}'"):
        versions[int(version.version)] = {
            "times": (version.creation_timestamp, version.last_updated_timestamp), "stage": version.current_stage,
            "description": version.description or "", "run": version.run_id, "status": version.status,
            "tags": dict(version.tags),
            "files": files_of(f"models:/{model.name}/{version.version}"),
            "model id": version.source if version.source.startswith("models:/") else "a place"}
    return {"times": (model.creation_timestamp, model.last_updated_timestamp), "description": model.description or "",
            "tags": dict(model.tags), "aliases": {alias: int(v) for alias, v in model.aliases.items()},
            "versions": versions}


def differences(before, after, path=""):
    """Where two snapshots differ, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in sorted(before.keys() | after.keys(), key=str):
            found += differences(before.get(key), after.get(key), f"{path}/{key}")
        return found
    return [] if before == after else [f"{path}: {str(before)[:300]} -> {str(after)[:300]}"]


def must_be_same(what, before, after):
    found = differences(before, after)
    assert not found, f"{what}:\n" + "\n".join(found[:30])
    print(f"ok  {what}: " + ", ".join(f"{len(of_kind)} {kind}" for kind, of_kind in before.items()), flush=True)


# ---- what a real MLflow makes; runs within any version of it ----

MAKE = r"""
import math, sys
import mlflow, pandas
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
uri, place = sys.argv[1], sys.argv[2]
mlflow.set_tracking_uri(uri)
client = MlflowClient(uri)
client.get_experiment("0") and client.create_run("0", run_name="in Default")
churn = client.create_experiment("churn", artifact_location=f"{place}/churn", tags={"team": "growth", "note": "ä"})
with mlflow.start_run(experiment_id=churn, run_name="first") as run:
    mlflow.log_params({"depth": 6, "empty": "", "lines": "a\nb", "long": "x" * 5000})
    client.log_batch(run.info.run_id, [Metric("loss", 1 / (i + 1), 1700000000000 + i, i) for i in range(1000)])
    client.log_batch(run.info.run_id, [Metric("loss", 1.0, 1700000000000, 0), Metric("val/loss", float("nan"), 5, -3),
                                       Metric("most", float("inf"), 5, 1), Metric("least", float("-inf"), 5, 1),
                                       Metric("same step", 1.0, 7, 1), Metric("same step", 2.0, 7, 1)])
    mlflow.set_tags({"team": "x", "mlflow.note.content": "**so**"})
    mlflow.log_text("hello", "notes/a b.txt")
    mlflow.log_text("", "empty.txt")
    data = mlflow.data.from_pandas(pandas.DataFrame({"a": [1, 2], "b": [1., 2.]}), name="table", targets="b")
    more = mlflow.data.from_pandas(pandas.DataFrame({"a": [3, 4]}), name="another-ä", source="/data/a.csv")
    mlflow.log_input(data, context="training", tags={"rows": "all"})
    mlflow.log_input(more)
    class Ones(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [1] * len(model_input)
    if mlflow.__version__ >= "3":
        model = mlflow.pyfunc.log_model(name="model", python_model=Ones(), registered_model_name="churner",
                                        pip_requirements=[], params={"p": "1"}, tags={"kept": "yes"})
        mlflow.log_metric("accuracy", 0.9, step=3, model_id=model.model_id, dataset=data)
        mlflow.log_metric("not a number", float("nan"), step=1, model_id=model.model_id)
        client.set_logged_model_tags(model.model_id, {"checked": "no"})
    else:
        mlflow.pyfunc.log_model("model", python_model=Ones(), registered_model_name="churner", pip_requirements=[])
    with mlflow.start_run(experiment_id=churn, run_name="nested", nested=True) as nested:
        mlflow.log_metric("loss", 2)
        mlflow.log_input(data, context="evaluation")
        if mlflow.__version__ >= "3":
            from mlflow.entities import LoggedModelInput, LoggedModelOutput
            client.log_inputs(nested.info.run_id, models=[LoggedModelInput(model.model_id)])
            mlflow.log_metric("accuracy", 0.7, step=3, model_id=model.model_id, dataset=more)
            failed = client.create_logged_model(churn, "failed", source_run_id=run.info.run_id, model_type="forest")
            client.finalize_logged_model(failed.model_id, "FAILED")
            client.create_logged_model(churn, "pending", tags={"a": "b"}, params={"long": "x" * 5000})
            thrown = client.create_logged_model(churn, "thrown away", source_run_id=nested.info.run_id)
            client.log_outputs(nested.info.run_id, [LoggedModelOutput(failed.model_id, 5),
                                                    LoggedModelOutput(thrown.model_id, 6)])
            client.delete_logged_model(thrown.model_id)
client.set_registered_model_alias("churner", "champion", 1)
client.set_model_version_tag("churner", "1", "checked", "yes")
client.set_registered_model_tag("churner", "owner", "ada")
client.update_registered_model("churner", "who leaves")
client.update_model_version("churner", "1", "the first")
client.transition_model_version_stage("churner", "1", "Staging")
dead = client.create_run(churn, start_time=1600000000000, run_name="dead")
client.set_terminated(dead.info.run_id, "FAILED", end_time=1600000001000)
client.delete_run(dead.info.run_id)
gone = client.create_experiment("gone", artifact_location=f"{place}/gone")
client.create_run(gone)
client.delete_experiment(gone)
far = client.create_experiment("far", artifact_location="s3://bucket/far")
client.create_run(far, run_name="in the bucket")
many = client.create_experiment("many", artifact_location=f"{place}/many")
for i in range(int(sys.argv[3])):
    one = client.create_run(many, start_time=1700000000000 + i, run_name=f"run {i}")
    client.log_batch(one.info.run_id, [Metric("m", i + k / 7, 1700000000000 + k, k) for k in range(20)],
                     [Param("i", str(i))], [RunTag("even", str(i % 2 == 0))])
    client.set_terminated(one.info.run_id, end_time=1700000001000 + i)
"""


def make(python, uri, place, many):
    made = subprocess.run([python, "-W", "ignore", "-c", MAKE, uri, place, str(many)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    assert made.returncode == 0, made.stderr[-4000:]


def multiply(path, count):
    """Copies of a run, faster than MLflow makes them: more than a page of them."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        (one,) = database.execute("SELECT run_uuid FROM runs WHERE name = 'run 0'").fetchone()
        for number in range(count):
            copy = f"{number:032x}"
            for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                columns = ", ".join(f'"{name}"' for name in names)
                values = ", ".join("?" if name == "run_uuid" else f'"{name}"' for name in names)
                database.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE run_uuid = ?",
                                 (copy, one))


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


def told(snapshot_of_source):
    """A source's snapshot as it must look here: what is known to change."""
    return json.loads(json.dumps(snapshot_of_source, default=str))


def compare(what, source, here):
    must_be_same(what, told(source), told(here))


def as_runs_tell(facts):
    """MLflow's databases keep 0 for NaN of a model; what its run logged is NaN, and so is what is made of both."""
    facts = copy.deepcopy(facts)
    for model in facts["logged models"].values():
        model["metrics"] = [[*metric[:3], "NaN", *metric[4:]] if metric[0] == NO_NUMBER else metric
                            for metric in model["metrics"]]
    return facts


def database(directory):
    """MLflow's database in, out, and in again."""
    uri = f"sqlite:///{directory}/made/mlflow.db"
    Path(directory, "made").mkdir()
    make(sys.executable, uri, f"{directory}/made/artifacts", 2)
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


def file_store(directory):
    uri = f"file://{directory}/made/mlruns"
    make(sys.executable, uri, f"{directory}/made/artifacts", 5)
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


USER, PASSWORD = "ada", "s3cret: ä"


class Guard(http.server.BaseHTTPRequestHandler):
    """Passes requests on to `server.behind`, if they come with the name and password."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != known:
            return self.tell(401, {"Content-Type": "text/plain"}, b"who are you?")
        connection = http.client.HTTPConnection(self.server.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("authorization", "connection", "host")}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        told = {name: value for name, value in response.getheaders()
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server")}
        self.tell(response.status, told, response.read())
        connection.close()
        return None

    def tell(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def certificate(directory):
    """A file with a key and a certificate of "localhost" that no machine trusts by itself."""
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256()))
    path = Path(directory, "identity.pem")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def guarded(url, directory):
    """The same server by https, for those who know the name and password: its address, and the file of its root."""
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    listener.behind = url.removeprefix("http://")
    listener.handle_error = lambda *_: None  # of those who do not trust it
    roots, context = certificate(directory), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(roots)
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.server_address[1]}", str(roots)
    finally:
        listener.shutdown()
        listener.server_close()


def server(directory):
    """A running server, whose artifacts come through its proxy, behind https and a password."""
    from mlflow_client import oracle
    with oracle() as url, guarded(url, directory) as (address, roots), Home(directory, "home") as home:
        make(sys.executable, url, "mlflow-artifacts:/made", 5)
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


def older_database(directory):
    """A database of MLflow 2, told by MLflow 2's client on both sides."""
    python = python_of("mlflow2_client", Path(__file__).with_name("mlflow2_requirements.txt"))

    def told_by_it(uri):
        words = "import json, sys, mlflow_transfer; print(json.dumps(mlflow_transfer.snapshot(sys.argv[1])))"
        asked = subprocess.run([python, "-W", "ignore", "-c", words, uri], stdout=subprocess.PIPE, check=True,
                               env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)}, text=True)
        return json.loads(asked.stdout.splitlines()[-1])

    uri = f"sqlite:///{directory}/made/mlflow.db"
    Path(directory, "made").mkdir()
    make(python, uri, f"{directory}/made/artifacts", 5)
    before = told_by_it(uri)
    with Home(directory, "home") as home:
        home.millwright("import", "mlflow", uri)
        compare("database of MLflow 2 -> home", before, told_by_it(home.url))
        home.millwright("export", "mlflow", f"{directory}/out")
    compare("home -> database that MLflow 3 opens", before, snapshot(f"sqlite:///{directory}/out/mlflow.db"))


def refusals(directory):
    with Home(directory, "home") as home:
        for place, words in (("mysql+pymysql://u:p@h/db", "import from that server's http:// address"),
                             (f"{directory}/nothing.db", "nothing.db"), (__file__, "not a database"),
                             (f"{directory}", "holds no experiment of MLflow's")):
            ran = subprocess.run([BIN / "millwright", "import", "mlflow", place, "--home", home.platform.home],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            assert ran.returncode != 0 and words in ran.stderr, (place, ran.stderr)
    print("ok  what is no store of MLflow's is refused by name")


def main():
    for check in (database, older_database, file_store, server, refusals):
        if len(sys.argv) > 1 and check.__name__ not in sys.argv[1:]:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            check(directory)
        print(f"    {check.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
