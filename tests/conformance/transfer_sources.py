"""Stores of MLflow's own, with everything in them that is brought along. Runs within MLflow 2 and 3."""
import contextlib
import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

NO_NUMBER = "not a number"  # a metric of a model that is NaN
ACCURACY_STEP = 3


def make(uri, place, count):
    """Fills the store behind `uri`, artifacts below `place`, with `count` runs beside the few that have everything."""
    with (contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()),
          warnings.catch_warnings(action="ignore")):
        fill(uri, place, count)


def fill(uri, place, count):
    import mlflow
    from mlflow import MlflowClient
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    client.get_experiment("0") and client.create_run("0", run_name="in Default")
    churn = client.create_experiment("churn", artifact_location=f"{place}/churn", tags={"team": "growth", "note": "ä"})
    make_first(mlflow, client, churn)
    change_registry(client)
    dead = client.create_run(churn, start_time=1600000000000, run_name="dead")
    client.set_terminated(dead.info.run_id, "FAILED", end_time=1600000001000)
    client.delete_run(dead.info.run_id)
    gone = client.create_experiment("gone", artifact_location=f"{place}/gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    far = client.create_experiment("far", artifact_location="s3://bucket/far")
    client.create_run(far, run_name="in the bucket")
    make_many(client, client.create_experiment("many", artifact_location=f"{place}/many"), count)


def make_first(mlflow, client, churn):
    """A run with everything, and one within it."""
    import pandas
    from mlflow.entities import Metric
    data = mlflow.data.from_pandas(pandas.DataFrame({"a": [1, 2], "b": [1., 2.]}), name="table", targets="b")
    more = mlflow.data.from_pandas(pandas.DataFrame({"a": [3, 4]}), name="another-ä", source="/data/a.csv")
    with mlflow.start_run(experiment_id=churn, run_name="first") as run:
        mlflow.log_params({"depth": 6, "empty": "", "lines": "a\nb", "long": "x" * 5000})
        client.log_batch(run.info.run_id, [Metric("loss", 1 / (i + 1), 1700000000000 + i, i) for i in range(1000)])
        client.log_batch(run.info.run_id, [
            Metric("loss", 1.0, 1700000000000, 0), Metric("val/loss", float("nan"), 5, -3),
            Metric("most", float("inf"), 5, 1), Metric("least", float("-inf"), 5, 1),
            Metric("same step", 1.0, 7, 1), Metric("same step", 2.0, 7, 1)])
        mlflow.set_tags({"team": "x", "mlflow.note.content": "**so**"})
        mlflow.log_text("hello", "notes/a b.txt")
        mlflow.log_text("", "empty.txt")
        mlflow.log_input(data, context="training", tags={"rows": "all"})
        mlflow.log_input(more)
        model = log_model(mlflow, client, data)
        with mlflow.start_run(experiment_id=churn, run_name="nested", nested=True) as nested:
            mlflow.log_metric("loss", 2)
            mlflow.log_input(data, context="evaluation")
            if model is not None:
                mlflow.log_metric("accuracy", 0.7, step=ACCURACY_STEP, model_id=model.model_id, dataset=more)
                make_models(client, churn, model, run.info.run_id, nested.info.run_id)


def log_model(mlflow, client, data):
    """A registered model of the active run; the logged model behind it where there are such: since MLflow 3."""
    class Ones(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [1] * len(model_input)
    if mlflow.__version__ < "3":
        mlflow.pyfunc.log_model("model", python_model=Ones(), registered_model_name="churner", pip_requirements=[])
        return None
    model = mlflow.pyfunc.log_model(name="model", python_model=Ones(), registered_model_name="churner",
                                    pip_requirements=[], params={"p": "1"}, tags={"kept": "yes"})
    mlflow.log_metric("accuracy", 0.9, step=ACCURACY_STEP, model_id=model.model_id, dataset=data)
    mlflow.log_metric(NO_NUMBER, float("nan"), step=1, model_id=model.model_id)
    client.set_logged_model_tags(model.model_id, {"checked": "no"})
    return model


def make_models(client, churn, model, first, nested):
    """Logged models in every state, read and made by the nested run."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput
    client.log_inputs(nested, models=[LoggedModelInput(model.model_id)])
    failed = client.create_logged_model(churn, "failed", source_run_id=first, model_type="forest")
    client.finalize_logged_model(failed.model_id, "FAILED")
    client.create_logged_model(churn, "pending", tags={"a": "b"}, params={"long": "x" * 5000})
    thrown = client.create_logged_model(churn, "thrown away", source_run_id=nested)
    client.log_outputs(nested, [LoggedModelOutput(failed.model_id, 5), LoggedModelOutput(thrown.model_id, 6)])
    client.delete_logged_model(thrown.model_id)


def change_registry(client):
    client.set_registered_model_alias("churner", "champion", 1)
    client.set_model_version_tag("churner", "1", "checked", "yes")
    client.set_registered_model_tag("churner", "owner", "ada")
    client.update_registered_model("churner", "who leaves")
    client.update_model_version("churner", "1", "the first")
    client.transition_model_version_stage("churner", "1", "Staging")


def make_many(client, experiment, count):
    from mlflow.entities import Metric, Param, RunTag
    for i in range(count):
        one = client.create_run(experiment, start_time=1700000000000 + i, run_name=f"run {i}")
        client.log_batch(one.info.run_id, [Metric("m", i + k / 7, 1700000000000 + k, k) for k in range(20)],
                         [Param("i", str(i))], [RunTag("even", str(i % 2 == 0))])
        client.set_terminated(one.info.run_id, end_time=1700000001000 + i)


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


class Older:
    """MLflow 2 in a process of its own, for a `with`; it starts while others work."""

    def __init__(self, python):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-c", "import transfer_sources; transfer_sources.serve()"],
            cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()  # which ends its input
        self.errors.close()

    def __call__(self, function, *words):
        """What one of serve's functions gives there."""
        self.process.stdin.write(json.dumps([function, *words]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            raise AssertionError(f"{function}{words}: {self.errors.read()[-4000:]}")
        return json.loads(answer)


def serve():
    """Does what Older asks for, a line each."""
    from transfer_snapshots import snapshot
    functions = {"make": make, "snapshot": snapshot}
    answers, sys.stdout = sys.stdout, sys.stderr  # MLflow prints
    for line in sys.stdin:
        function, *words = json.loads(line)
        print(json.dumps(functions[function](*words)), file=answers, flush=True)
