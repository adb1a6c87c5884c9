"""Trainings that log at once over MLflow's API and never give up, and what has to be there afterwards.

Each writer sends one thing after another to one of a few runs and repeats it until it is acknowledged: after a lost
connection it cannot know whether it was taken, so what it repeats must count once. Some of what was acknowledged is
sent again on purpose. In the end every point, parameter, tag and artifact that was sent is there exactly once."""
import http.client
import json
import random
import threading
import time
from collections import Counter, defaultdict

from crash_rounds import call

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
KINDS = ["point", "batch", "param", "tag", "artifact", "search"]
BATCH_POINTS = 40
PAGE = 1000


class Fault(Exception):
    """An answer that no client should have got."""


class Sent:
    """What was sent for one run, by everybody; each writer has keys of its own."""

    def __init__(self, run_id, experiment_id):
        self.run_id = run_id
        self.experiment_id = experiment_id
        self.points = defaultdict(list)  # by metric key: (timestamp, step, value)
        self.params, self.tags, self.artifacts = {}, {}, {}

    def artifact_path(self, name):
        return f"{ARTIFACTS}/{self.experiment_id}/{self.run_id}/artifacts/{name}"


class Writer(threading.Thread):
    def __init__(self, load, number):
        super().__init__()
        self.load = load
        self.kind = KINDS[number % len(KINDS)]
        self.key = f"{self.kind}-{number}"
        self.sent = load.runs[number // len(KINDS) % len(load.runs)]
        self.random = random.Random(f"{load.seed}/{number}")
        self.connection = None
        self.counts = Counter()
        self.fault = None
        self.slowest = 0.0

    def run(self):
        step = 0
        try:
            while not self.load.ending.is_set():
                request = getattr(self, self.kind)(step)
                for _ in range(2 if self.random.random() < 0.05 else 1):
                    self.deliver(*request)
                step += 1
        except Fault as fault:
            self.fault = fault
        finally:
            if self.connection:
                self.connection.close()

    def deliver(self, method, path, body):
        """Returns once it is acknowledged."""
        begin = time.monotonic()
        while True:
            if time.monotonic() - begin > 90:
                raise Fault(f"{self.key}: {path} was not acknowledged within 90 s: {dict(self.counts)}")
            try:
                status, headers, answer = self.ask(method, path, body)
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                self.counts["lost connections"] += 1
                self.connection = None
                time.sleep(0.02)
                continue
            if status == 200:
                self.counts["acknowledged"] += 1
                self.slowest = max(self.slowest, time.monotonic() - begin)
                return
            pause = headers.get("Retry-After")
            if status != 503 or not pause or not pause.isdigit():
                raise Fault(f"{self.key}: {method} {path} got {status}, Retry-After {pause}: {answer[:300]}")
            self.counts["told to wait"] += 1
            time.sleep(min(float(pause), 1))

    def ask(self, method, path, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.load.platform.control(), timeout=30)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        self.connection.request(method, path, content, {"Content-Type": kind})
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def a_point(self, key, step):
        point = (1_600_000_000_000 + step, step, self.random.random())
        self.sent.points[key].append(point)
        return {"key": key, "timestamp": point[0], "step": point[1], "value": point[2]}

    def point(self, step):
        return "POST", f"{API}/runs/log-metric", {"run_id": self.sent.run_id, **self.a_point(self.key, step)}

    def batch(self, step):
        body = {"run_id": self.sent.run_id,
                "metrics": [self.a_point(self.key, step * BATCH_POINTS + i) for i in range(BATCH_POINTS)],
                "params": [{"key": f"{self.key}/{step}", "value": str(step)}],
                "tags": [{"key": self.key, "value": f"at {step}"}]}
        self.sent.params[f"{self.key}/{step}"] = str(step)
        self.sent.tags[self.key] = f"at {step}"
        return "POST", f"{API}/runs/log-batch", body

    def param(self, step):
        key, value = f"{self.key}/{step}", f"{self.random.random()}"
        self.sent.params[key] = value
        return "POST", f"{API}/runs/log-parameter", {"run_id": self.sent.run_id, "key": key, "value": value}

    def tag(self, step):
        self.sent.tags[self.key] = f"value {step}"
        return "POST", f"{API}/runs/set-tag", {"run_id": self.sent.run_id, "key": self.key, "value": f"value {step}"}

    def artifact(self, step):
        name = f"{self.key}/{step % 20}.bin"
        content = self.random.randbytes(self.random.randint(1, 20_000))
        self.sent.artifacts[name] = content
        return "PUT", self.sent.artifact_path(name), content

    def search(self, step):
        body = {"experiment_ids": [self.sent.experiment_id], "max_results": 20,
                "filter": self.random.choice(["", "metrics.`point-0` >= 0.5", "attributes.status = 'RUNNING'"]),
                "order_by": [self.random.choice(["metrics.`point-0` DESC", "start_time", "params.`param-2/0`"])]}
        return "POST", f"{API}/runs/search", body


class Load:
    """Writers on runs of an experiment of their own, from start() to end()."""

    def __init__(self, platform, seed, writers, runs):
        self.platform = platform
        self.seed = seed
        self.ending = threading.Event()
        experiment = self.post("experiments/create", {"name": f"round {seed} {time.time_ns()}"})["experiment_id"]
        self.runs = []
        for _ in range(runs):
            run = self.post("runs/create", {"experiment_id": experiment, "start_time": 1})["run"]
            self.runs.append(Sent(run["info"]["run_id"], experiment))
        self.writers = [Writer(self, number) for number in range(writers)]

    def post(self, path, body):
        status, answer = call(self.platform.control(), "POST", f"{API}/{path}", body, timeout=30)
        assert status == 200, (path, answer)
        return answer

    def start(self):
        for writer in self.writers:
            writer.start()

    def end(self):
        """Lets everybody have their last request acknowledged: what was counted."""
        self.ending.set()
        counts = Counter()
        for writer in self.writers:
            writer.join()
            counts += writer.counts
        faults = [str(writer.fault) for writer in self.writers if writer.fault]
        assert not faults, f"{len(faults)} writers gave up: {faults[0]}"
        counts["points"] = sum(len(points) for run in self.runs for points in run.points.values())
        return counts

    def check(self):
        for run in self.runs:
            self.check_run(run)
        found = self.post("runs/search", {"experiment_ids": [self.runs[0].experiment_id], "max_results": PAGE})
        assert {run["info"]["run_id"] for run in found["runs"]} == {run.run_id for run in self.runs}

    def check_run(self, sent):
        status, answer = call(self.platform.control(), "GET", f"{API}/runs/get?run_id={sent.run_id}", timeout=30)
        assert status == 200, answer
        data = answer["run"]["data"]
        held = [(param["key"], param["value"]) for param in data.get("params", [])]
        assert sorted(held) == sorted(sent.params.items()), difference("params", sent.params.items(), held)
        held = [(tag["key"], tag["value"]) for tag in data.get("tags", []) if not tag["key"].startswith("mlflow.")]
        assert sorted(held) == sorted(sent.tags.items()), difference("tags", sent.tags.items(), held)
        latest = {metric["key"]: metric["value"] for metric in data.get("metrics", [])}
        for key, points in sent.points.items():
            held = self.history(sent.run_id, key)
            assert sorted(held) == sorted(points), difference(key, points, held)
        wanted = {key: max(points, key=lambda point: point[1])[2] for key, points in sent.points.items()}
        assert latest == wanted, difference("latest values", wanted.items(), latest.items())
        for name, content in sent.artifacts.items():
            assert self.content(sent.artifact_path(name)) == content, f"artifact {name} is another"

    def history(self, run_id, key):
        points, token = [], ""
        while True:
            path = f"{API}/metrics/get-history?run_id={run_id}&metric_key={key}&max_results={PAGE}&page_token={token}"
            status, answer = call(self.platform.control(), "GET", path, timeout=30)
            assert status == 200, answer
            points += [(point["timestamp"], point["step"], point["value"]) for point in answer.get("metrics", [])]
            token = answer.get("next_page_token", "")
            if not token:
                return points

    def content(self, path):
        connection = http.client.HTTPConnection(self.platform.control(), timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.read() if response.status == 200 else response.status
        finally:
            connection.close()


def difference(what, sent, held):
    wanted, found = Counter(sent), Counter(held)
    lost, extra = wanted - found, found - wanted
    return (f"{what}: {sum(lost.values())} of {len(wanted)} lost, {sum(extra.values())} too many; "
            f"lost {list(lost)[:3]}, too many {list(extra)[:3]}")
