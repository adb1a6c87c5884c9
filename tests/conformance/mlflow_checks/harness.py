"""Checks by name, and the server they ask: through MLflow's own client, and by requests where exact forms matter."""
import json
import time
import uuid
from collections import namedtuple

import mlflow
import requests
from mlflow import MlflowClient

MLFLOW = int(mlflow.__version__.split(".")[0])  # the client's
Check = namedtuple("Check", "name function beyond")
CHECKS = []


def check(function=None, *, beyond=False):
    """Registers GROUP.NAME. `beyond`: better than MLflow's own server, which is not asked."""
    def register(made):
        CHECKS.append(Check(f"{made.__module__.split('.')[-1]}.{made.__name__}", made, beyond))
        return made
    return register(function) if function else register


def each(table, *, beyond=False):
    """One check for every row of a table {name: arguments of the function after the server}."""
    def register(made):
        group = made.__module__.split(".")[-1]
        for name, row in table.items():
            row = row if isinstance(row, tuple) else (row,)
            CHECKS.append(Check(f"{group}.{made.__name__}[{name}]", lambda server, row=row: made(server, *row), beyond))
        return made
    return register


def unique(label):
    return f"{label}-{uuid.uuid4().hex[:12]}"


def now_ms():
    return int(time.time() * 1000)


def named(name):
    """How a model that is logged is named: MLflow 3 takes a name, MLflow 2 a path among the run's files."""
    return {"name": name} if MLFLOW >= 3 else {"artifact_path": name}


def wait_for(question, what, seconds=30):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return answer


def pairs(items):
    """[{"key": k, "value": v}, ...] as a dictionary."""
    return {item["key"]: item["value"] for item in items}


def listed(**values):
    """The reverse."""
    return [{"key": key, "value": value} for key, value in values.items()]


class Server:
    """A base URL; what its API answers to requests, and MLflow's client on it."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.http = requests.Session()
        self.client = MlflowClient(self.url, self.url)
        self.kept = {}

    def once(self, make):
        """What `make(server)` made when it was first asked for: data that several checks only read."""
        if make not in self.kept:
            self.kept[make] = make(self)
        return self.kept[make]

    def ask(self, method, path, body=None, **how):
        """PATH is below /api/2.0/mlflow unless it begins with a slash. A GET's body is its query."""
        if not path.startswith("/"):
            path = "/api/2.0/mlflow/" + path
        if body is not None:
            how["params" if method == "GET" else "json"] = body
        return self.http.request(method, self.url + path, timeout=60, **how)

    def ok(self, method, path, body=None, **how):
        answer = self.ask(method, path, body, **how)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
        return json.loads(answer.content)

    def refused(self, status, code, message, method, path, body=None, **how):
        """Exactly `message`; its beginning if it ends in '…'; anything if None."""
        answer = self.ask(method, path, body, **how)
        asked = f"{method} {path} {json.dumps(body)[:200]}"
        assert answer.status_code == status, f"{asked}: {answer.status_code}, not {status}: {answer.text[:400]}"
        said = answer.json()
        assert said["error_code"] == code, f"{asked}: {said}"
        if message and message.endswith("…"):
            assert said["message"].startswith(message[:-1]), f"{asked}: {said['message']!r}, not {message!r}"
        elif message is not None:
            assert said["message"] == message, f"{asked}: {said['message']!r}, not {message!r}"
        return said

    def invalid(self, message, method, path, body=None, **how):
        return self.refused(400, "INVALID_PARAMETER_VALUE", message, method, path, body, **how)

    def missing(self, message, method, path, body=None):
        return self.refused(404, "RESOURCE_DOES_NOT_EXIST", message, method, path, body)

    # ---- things to check upon

    def experiment(self, label="experiment"):
        return self.client.create_experiment(unique(label))

    def run(self, experiment=None, **fields):
        """The id of a new run."""
        experiment = experiment or self.once(shared_experiment)
        body = {"experiment_id": experiment, "start_time": now_ms()} | fields
        return self.ok("POST", "runs/create", body)["run"]["info"]["run_id"]

    def data(self, run):
        return self.ok("GET", "runs/get", {"run_id": run})["run"]["data"]

    def log(self, run, **kinds):
        return self.ok("POST", "runs/log-batch", {"run_id": run} | kinds)

    def history(self, run, key, **how):
        """As the client asks: MLflow's own server answers nothing when no size is named."""
        return self.ok("GET", "metrics/get-history", {"run_id": run, "metric_key": key, "max_results": 25000} | how)


def shared_experiment(server):
    return server.experiment("shared")
