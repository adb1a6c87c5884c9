"""For the tests beside this file: the package's path, and a tracking server that fails when it is told to."""
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SOURCES = Path(__file__).resolve().parents[1] / "millwright/src"
sys.path.insert(0, str(SOURCES))


class FakeServer:
    """Remembers what it accepted, as (path, body), in order. `trouble`: a status to answer, "close" (no answer),
    "hang", "after" (does it, then no answer), or the status of a page that a proxy answers with: "page 404". `pause`:
    seconds before each answer. `own_ids`: as MLflow's own server it takes no id from the client."""

    def __init__(self, own_ids=False, heartbeats=True, port=0):
        self.trouble, self.own_ids, self.heartbeats, self.pause = None, own_ids, heartbeats, 0.0
        self.accepted, self.runs, self.experiments, self.files, self.beats = [], {}, {"Default": "0"}, {}, []
        self.models, self.asked = {}, []
        self.refuse = lambda path, body: None
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version, wbufsize = "HTTP/1.1", -1

            def do_POST(self):
                server.answer(self)
            do_GET = do_PUT = do_PATCH = do_POST

            def log_message(self, *_):
                pass
        self.listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.listening.daemon_threads = True
        self.port = self.listening.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.listening.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        self.over.set()
        self.listening.shutdown()
        self.listening.server_close()
        self.thread.join()

    def answer(self, request):
        data = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.asked.append(request.path)
        if self.trouble == "hang":
            self.over.wait(30)
        if self.trouble in ("close", "hang"):
            request.close_connection = True
            return
        self.over.wait(self.pause)
        if isinstance(self.trouble, int):
            self.reply(request, self.trouble, {})
            return
        if str(self.trouble).startswith("page "):
            self.reply(request, int(self.trouble[5:]), b"<html>default backend</html>")
            return
        if request.path == "/health":
            self.reply(request, 200, b"OK")
            return
        status, said = self.work(request, data)
        if self.trouble == "after":
            request.close_connection = True
            return
        self.reply(request, status, said)

    @staticmethod
    def reply(request, status, said):
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        request.send_response(status)
        request.send_header("Content-Type", "text/html" if isinstance(said, bytes) else "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def work(self, request, data):
        parts = urlsplit(request.path)
        path, query = unquote(parts.path), {key: values[0] for key, values in parse_qs(parts.query).items()}
        if request.command == "PUT":
            self.files[path.split("/mlflow-artifacts/artifacts/")[1]] = data
            return 200, {}
        body = json.loads(data or b"{}")
        if path.endswith("/heartbeat"):
            if not self.heartbeats:
                return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": ""}
            self.beats.append(path.split("/")[-2])
            return 200, {}
        path = path.removeprefix("/api/2.0/mlflow/")
        refused = self.refuse(path, body)
        if isinstance(refused, bytes):
            return 404, refused
        if refused:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": refused}
        if path.startswith("logged-models"):
            return self.logged_models(request.command, path.split("/")[1:], body)
        handler = getattr(self, path.replace("/", "_").replace("-", "_"), None)
        if handler:
            return handler(body or query)
        if body.get("run_id") not in self.runs:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no run {body.get('run_id')}"}
        self.accepted.append((path, body))
        return 200, {}

    def runs_create(self, body):
        name = body.get("run_id") if not self.own_ids else None
        name = name or uuid.uuid4().hex
        if name not in self.runs:
            self.accepted.append(("runs/create", body))
            self.runs[name] = {"info": {
                "run_id": name, "run_uuid": name, "run_name": body.get("run_name", ""), "status": "RUNNING",
                "experiment_id": body["experiment_id"], "start_time": body.get("start_time", 0),
                "lifecycle_stage": "active", "user_id": body.get("user_id", ""),
                "artifact_uri": f"mlflow-artifacts:/{body['experiment_id']}/{name}/artifacts"},
                "data": {"tags": body.get("tags", [])}}
        return 200, {"run": self.runs[name]}

    def logged_models(self, method, rest, body):
        """Made, found, finished, tagged; parameters are only accepted."""
        if rest == ["search"]:
            wanted = body["filter"].split("'")[1]
            return 200, {"models": [model for model in self.models.values()
                                    if wanted in [tag["value"] for tag in model["info"].get("tags", [])]]}
        if not rest:
            name = body.get("model_id") if not self.own_ids else None
            name = name or f"m-{uuid.uuid4().hex}"
            self.models[name] = {"data": {"params": body.get("params", [])}, "info": {
                "model_id": name, "experiment_id": body["experiment_id"], "name": body["name"],
                "creation_timestamp_ms": 1, "last_updated_timestamp_ms": 1, "tags": body.get("tags", []),
                "source_run_id": body.get("source_run_id", ""), "status": "LOGGED_MODEL_PENDING",
                "artifact_uri": f"mlflow-artifacts:/{body['experiment_id']}/models/{name}/artifacts"}}
        elif rest[0] not in self.models:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no model {rest[0]}"}
        else:
            name = rest[0]
            self.models[name]["info"].update({key: body[key] for key in ("status",) if key in body})
            self.models[name]["info"]["tags"] += body.get("tags", [])
            self.models[name]["data"]["params"] += body.get("params", []) if rest[1:] == ["params"] else []
        return 200, {"model": self.models[name]}

    def runs_get(self, body):
        if body["run_id"] not in self.runs:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}
        return 200, {"run": self.runs[body["run_id"]]}

    def runs_search(self, body):
        wanted = body["filter"].split("'")[1]
        return 200, {"runs": [run for run in self.runs.values()
                              if wanted in [tag["value"] for tag in run["data"]["tags"]]]}

    def runs_update(self, body):
        self.accepted.append(("runs/update", body))
        self.runs[body["run_id"]]["info"].update({key: body[key] for key in ("status", "end_time") if key in body})
        return 200, {"run_info": self.runs[body["run_id"]]["info"]}

    def experiments_create(self, body):
        if body["name"] in self.experiments:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there is one"}
        self.experiments[body["name"]] = str(len(self.experiments))
        return 200, {"experiment_id": self.experiments[body["name"]]}

    def experiments_get_by_name(self, body):
        return self.experiment(body["experiment_name"], self.experiments.get(body["experiment_name"]))

    def experiments_get(self, body):
        name = next((name for name, number in self.experiments.items() if number == body["experiment_id"]), None)
        return self.experiment(name, body["experiment_id"] if name else None)

    @staticmethod
    def experiment(name, number):
        if number is None:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"}
        return 200, {"experiment": {"experiment_id": number, "name": name, "lifecycle_stage": "active",
                                    "artifact_location": f"mlflow-artifacts:/{number}"}}

    def points(self):
        """Every point that was accepted, in order."""
        return [(point["key"], point["step"], point["value"]) for path, body in self.accepted
                if path == "runs/log-batch" for point in body.get("metrics", [])]


class Case(unittest.TestCase):
    """A folder of its own, and servers that are stopped."""

    def setUp(self):
        """In memory where there is such a folder: a hundred syncs of a busy disk take seconds."""
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        previous = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(previous)))
        os.environ["MILLWRIGHT_SPOOL_DIR"] = str(self.folder / "spool")

    def server(self, **how):
        made = FakeServer(**how)
        self.addCleanup(made.stop)
        return made

    def until(self, question, what, seconds=20):
        end = time.monotonic() + seconds
        while not question():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.01)
