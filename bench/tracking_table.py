#!/usr/bin/env python3
"""Tracking's speed beside MLflow's own server: both sides in turns in one run, one load client for both, medians.

    bench/tracking_table.py BUILD_DIRECTORY [--rounds 3] [--seconds 4] [--runs 100000] [--points 1000000]
                            [--artifact-mb 10240] [--only NAME,...] [--json FILE]

MLflow comes from PyPI at the versions of tests/conformance/mlflow_requirements.txt, with its SQLite store and its usual
number of workers. The disk's fsync is timed in the same rounds: what is acknowledged is on disk. The filling of the
large experiment takes a minute or two. Rounds on a machine that does other work too are marked: trust the quiet ones.
"""
import http.client
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/conformance"))
from client_environment import run_within  # noqa: E402
from http_bench import NGINX, await_port, free_port  # noqa: E402
from rounds import busy_cores, median, options_of, parser_of, print_rows, run_rounds, write_figures  # noqa: E402
from tracking_clients import bare_client, logged_per_second, mlflow_client  # noqa: E402
from up_bench import memory_mb  # noqa: E402

CONNECTIONS = 64
API = "/api/2.0/mlflow/"
# What tables ask for: filters that fit few and many, orders by metrics that all and some have, by time, by a parameter.
SEARCHES = [
    ("", ["attributes.start_time DESC"]),
    ("", ["metrics.`val/loss` ASC"]),
    ("", ["metrics.`train/accuracy` DESC"]),
    ("", ["params.seed DESC"]),
    ("metrics.`val/accuracy` > 0.9", ["metrics.`val/loss` ASC"]),
    ("metrics.`val/accuracy` > 0.97", ["metrics.`val/loss` ASC"]),
    ("params.optimizer = 'adam'", ["metrics.`val/auc` DESC"]),
    ("params.optimizer = 'adam' AND metrics.`val/loss` < 0.1", ["attributes.start_time DESC"]),
    ("tags.team = 'growth' AND attributes.status = 'FAILED'", ["metrics.`val/f1` DESC"]),
    ("params.learning_rate = '0.001' AND metrics.`test/rmse` < 0.05", ["metrics.`test/rmse` ASC"]),
    ("params.seed LIKE '77%'", []),
]


class Client:
    """One connection, kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
        return text

    def new_run(self, experiment="0"):
        started = int(time.time() * 1e3)
        made = self.ask("POST", API + "runs/create", {"experiment_id": experiment, "start_time": started})
        return json.loads(made)["run"]["info"]["run_id"]


def fsync_ms(directory):
    """The median of appending 4 KiB and flushing it."""
    times = []
    with open(directory / "fsync", "ab") as file:
        for _ in range(100):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(1e3 * (time.perf_counter() - began))
    return median(times)


def milliseconds(client, body, path="runs/search"):
    began = time.perf_counter()
    text = client.ask("POST", path if path.startswith("/") else API + path, body)
    return 1e3 * (time.perf_counter() - began), text


class Table:
    """Names of measurements -> what each round gave; and the servers."""

    def __init__(self, options, programs, directory):
        self.options, self.programs, self.directory = options, programs, directory
        self.values, self.processes, self.runs = {}, [], {}
        self.ports, self.own, self.peer = {}, None, None

    def start_servers(self):
        """Millwright with what the wanted parts read, nginx, and MLflow's server if it is asked."""
        options, directory, home = self.options, self.directory, self.directory / "home"
        home.mkdir()
        if "many" in options.wanted:
            self.fill(home, "--runs", options.runs, "--experiment", "many")
        if "chart" in options.wanted:
            self.fill(home, "--runs", 1, "--metrics", 1, "--params", 1, "--steps", options.points, "--experiment",
                      "long")
        sides = ["nginx", "millwright"] + ["mlflow"] * bool(PEER_PARTS & set(options.wanted))
        self.ports = {side: free_port() for side in sides}
        # The answer of log-metric.
        empty = NGINX.replace('text/plain; return 200 "hello"', 'application/json; return 200 "{{}}"')
        files = "location /files/ {{ alias {root}/files/; sendfile on; }} location / {{"
        (directory / "files").mkdir()
        directory.chmod(0o755)  # nginx reads as nobody
        text = empty.replace("location / {{", files)
        (directory / "nginx.conf").write_text(text.format(root=directory, port=self.ports["nginx"]))
        self.start("/usr/sbin/nginx", "-p", directory, "-c", directory / "nginx.conf")
        self.own = self.start(self.programs / "millwright", "up", "--home", home, "--listen",
                              f"127.0.0.1:{self.ports['millwright']}", "--inference-listen", "127.0.0.1:0")
        if "mlflow" in self.ports:
            self.peer = self.start(Path(sys.prefix) / "bin/mlflow", "server", "--backend-store-uri",
                                   f"sqlite:///{directory}/mlflow.db", "--artifacts-destination",
                                   directory / "mlartifacts", "--port", self.ports["mlflow"], "--host", "127.0.0.1")
        for name, port in self.ports.items():
            self.await_server(name, port)
        for side in sides[1:]:
            self.runs[side] = [Client(self.ports[side]).new_run() for _ in range(4)]
        if self.peer:
            self.settle()

    def fill(self, home, *flags):
        command = [self.programs / "tracking_bench", "fill", home / "millwright.db", *[str(flag) for flag in flags]]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    def start(self, *command):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(process)
        return process

    @staticmethod
    def await_server(name, port):
        if name == "nginx":
            return await_port(port)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return None
            except OSError:
                time.sleep(0.1)
        sys.exit(f"{name} did not answer /health within two minutes")

    @staticmethod
    def settle():
        """MLflow's server answers long before its job runners have started, which take both cores for half a minute."""
        deadline = time.monotonic() + 120
        while busy_cores(2) > 0.2 and time.monotonic() < deadline:
            pass

    def note(self, name, value):
        self.values.setdefault(name, []).append(value)

    def of(self, name):
        return median(self.values.get(name, []))

    def load(self, side, kind, connections):
        done = subprocess.run([self.programs / "tracking_bench", "load", str(self.ports[side]),
                               ",".join(self.runs[side]), kind, str(connections), str(self.options.seconds)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"load of {side}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def stop(self):
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # MLflow's server while it starts
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def log_metric(table):
    for side in ("millwright", "mlflow"):
        result = table.load(side, "metric", CONNECTIONS)
        table.note(f"metric.{side}", result["requests_per_second"])
        table.note(f"metric_p99.{side}", result["p99_ms"])


def log_alone(table):
    table.note("fsync", fsync_ms(table.directory))
    for side in ("millwright", "mlflow"):
        table.note(f"alone.{side}", table.load(side, "metric", 1)["p50_ms"])


def log_batch(table):
    for side in ("millwright", "mlflow"):
        table.note(f"batch.{side}", table.load(side, "batch", 4)["points_per_second"])


def python_clients(table):
    """The same clients against both: what Millwright keeps on disk, and what nginx throws away."""
    for client in (mlflow_client, bare_client):
        for side in ("millwright", "nginx"):
            rate = logged_per_second(client, table.ports[side], table.runs["millwright"], CONNECTIONS,
                                     table.options.seconds)
            table.note(f"{client.__name__}.{side}", rate)


def make_300_runs(table, side):
    client = Client(table.ports[side])
    experiment = json.loads(client.ask("POST", API + "experiments/create", {"name": "three hundred"}))["experiment_id"]
    for index in range(300):
        run = client.new_run(experiment)
        metrics = [{"key": f"metric_{i}", "value": index / (i + 1), "timestamp": 1, "step": 1} for i in range(50)]
        params = [{"key": f"param_{i}", "value": f"value {index}"} for i in range(20)]
        client.ask("POST", API + "runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
    return experiment


def search_300(table):
    for side in ("millwright", "mlflow"):
        if f"300.{side}" not in table.runs:
            table.runs[f"300.{side}"] = make_300_runs(table, side)
        client, body = Client(table.ports[side]), {"experiment_ids": [table.runs[f"300.{side}"]], "max_results": 300}
        for _ in range(3 if side == "mlflow" else 20):
            took, text = milliseconds(client, body)
            table.note(f"300.{side}", took)
        assert len(json.loads(text)["runs"]) == 300


def search_many(table):
    client = Client(table.ports["millwright"])
    made = json.loads(client.ask("GET", API + "experiments/get-by-name?experiment_name=many"))
    experiment = made["experiment"]["experiment_id"]
    for page in (100, 1000):
        for text, order in SEARCHES:
            body = {"experiment_ids": [experiment], "filter": text, "order_by": order, "max_results": page}
            for _ in range(2):  # the first page and the one behind it
                took, answer = milliseconds(client, body)
                table.note(f"many_{page}", took)
                table.note(f"many_{page} {text or 'no filter'}; {', '.join(order) or 'no order'}", took)
                token = json.loads(answer).get("next_page_token")
                if not token:
                    break
                body["page_token"] = token


def chart(table):
    client = Client(table.ports["millwright"])
    made = json.loads(client.ask("GET", API + "experiments/get-by-name?experiment_name=long"))
    found = client.ask("POST", API + "runs/search", {"experiment_ids": [made["experiment"]["experiment_id"]]})
    run = json.loads(found)["runs"][0]["info"]["run_id"]
    points = table.options.points
    for name, window in (("whole", {}), ("tenth", {"from": points // 2, "to": points // 2 + points // 10})):
        for _ in range(5):
            body = {"runs": [run], "metrics": ["val/loss"], "buckets": 1000} | window
            took, text = milliseconds(client, body, "/api/v1/charts")
            table.note(f"chart.{name}", took)
        assert len(json.loads(text)["series"][0]["x"]) > 990


def artifact(table):
    """Against copying the same file, down also against nginx; what was copied is on disk in the end, and nothing else
    waits for it."""
    size = table.options.artifact_mb
    source, copy = table.directory / "files/artifact", table.directory / "copy"
    if not source.exists():
        subprocess.run(["dd", "if=/dev/urandom", f"of={source}", "bs=1M", f"count={size}", "status=none"], check=True)
    url = f"http://127.0.0.1:{table.ports['millwright']}/api/2.0/mlflow-artifacts/artifacts/0/bench/artifacts/model.bin"
    peer = f"http://127.0.0.1:{table.ports['nginx']}/files/artifact"
    before = memory_mb(table.own.pid)
    steps = {"disk_up": ["dd", f"if={source}", f"of={copy}", "bs=1M", "conv=fdatasync", "status=none"],
             "up": ["curl", "-sf", "-T", source, url, "-o", "/dev/null"],
             "disk_down": ["dd", f"if={source}", f"of={copy}", "bs=1M", "conv=fdatasync", "status=none"],
             "nginx": ["sh", "-c", f"curl -sf {peer} -o {copy} && sync -d {copy}"],
             "down": ["sh", "-c", f"curl -sf {url} -o {copy} && sync -d {copy}"]}
    for name, command in steps.items():
        copy.unlink(missing_ok=True)
        os.sync()
        began, highest = time.monotonic(), 0.0
        process = subprocess.Popen([str(part) for part in command])
        while process.poll() is None:
            highest = max(highest, memory_mb(table.own.pid))
            time.sleep(0.05)
        if process.returncode != 0:
            sys.exit(f"{command[0]} of the artifact failed: {process.returncode}")
        table.note(f"artifact.{name}", size / (time.monotonic() - began))
        if name in ("up", "down"):
            table.note("artifact.memory", highest - before)
    subprocess.run(["cmp", source, copy], check=True)
    copy.unlink()


IMPORTED_RUNS, IMPORTED_POINTS = 100, 10_000  # runs of a database, points of each in two metrics


def make_mlflow_database(directory):
    """What MLflow's server would have after 100 runs, written without it, which would take minutes."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # pylint: disable=import-outside-toplevel
    path = directory / "imported.db"
    path.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{path}", str(directory / "imported"))
    experiment = store.create_experiment(f"imported {time.time_ns()}")
    runs = [store.create_run(experiment, "bench", 1, [], f"run {i}").info.run_id for i in range(IMPORTED_RUNS)]
    store._dispose_engine()  # pylint: disable=protected-access
    with sqlite3.connect(path) as database:
        for run in runs:
            for key in ("loss", "accuracy"):
                points = [(key, 1 / (step + 1), 1_700_000_000_000 + step, run, step, 0)
                          for step in range(IMPORTED_POINTS // 2)]
                database.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                                     " VALUES (?, ?, ?, ?, ?, ?)", points)
                database.execute("INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan)"
                                 " VALUES (?, ?, ?, ?, ?, ?)", points[-1])
    return path


def transfer(table):
    path = make_mlflow_database(table.directory)
    command = [table.programs / "millwright", "import", "mlflow", f"sqlite:///{path}", "--home",
               table.directory / "home"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"import: {done.stderr}{done.stdout}")
    table.note("import", IMPORTED_RUNS * IMPORTED_POINTS / took)


def memory(table):
    table.note("memory.millwright", memory_mb(table.own.pid))
    tree = Path(f"/proc/{table.peer.pid}/task/{table.peer.pid}/children").read_text().split()
    table.note("memory.mlflow", sum(memory_mb(int(pid)) for pid in [table.peer.pid, *tree]))


PARTS = {"alone": log_alone, "metric": log_metric, "python": python_clients, "batch": log_batch, "300": search_300,
         "many": search_many, "chart": chart, "import": transfer, "artifact": artifact, "memory": memory}
PEER_PARTS = {"alone", "metric", "batch", "300", "memory"}


def rows_of(table):
    """(figure, what is to be reached, what was measured, beside what, whether it was reached)."""
    v = table.of

    def p95(name):
        return statistics.quantiles(table.values[name], n=20)[-1]

    if "metric.millwright" in table.values:
        yield ("log-metric, 64 connections, durable", ">= 8,000/s",
               f"{v('metric.millwright'):,.0f}/s, P99 {v('metric_p99.millwright'):.1f} ms",
               f"MLflow {v('metric.mlflow'):,.0f}/s: {v('metric.millwright') / v('metric.mlflow'):.0f}x",
               v("metric.millwright") >= 8000)
    for client, reach in (("mlflow_client", ">= 0.75x nginx"), ("bare_client", "")):
        if f"{client}.nginx" in table.values:
            sides = zip(table.values[f"{client}.millwright"], table.values[f"{client}.nginx"])
            share = median([ours / nginx for ours, nginx in sides])
            who = "64 of MLflow's Python clients" if reach else "64 of Python's bare HTTP clients"
            yield (f"  from {who}", reach, f"{v(f'{client}.millwright'):,.0f}/s",
                   f"nginx `return 200` {v(f'{client}.nginx'):,.0f}/s: {share:.2f}x", share >= 0.75 if reach else None)
    if "alone.millwright" in table.values:
        yield ("log-metric, 1 client, P50", "<= fsync + 0.6 ms", f"{v('alone.millwright'):.2f} ms",
               f"fsync {v('fsync'):.2f} ms; MLflow {v('alone.mlflow'):.1f} ms",
               v("alone.millwright") <= v("fsync") + 0.6)
    if "batch.millwright" in table.values:
        yield ("log-batch of 1,000 points, 4 clients", ">= 500,000 points/s", f"{v('batch.millwright'):,.0f} points/s",
               f"MLflow {v('batch.mlflow'):,.0f}: {v('batch.millwright') / v('batch.mlflow'):.0f}x",
               v("batch.millwright") >= 500_000)
    if "300.millwright" in table.values:
        yield ("search of 300 runs x 50 metrics x 20 params", "<= 15 ms", f"{v('300.millwright'):.1f} ms",
               f"MLflow {v('300.mlflow'):,.0f} ms: {v('300.mlflow') / v('300.millwright'):.0f}x",
               v("300.millwright") <= 15)
    for page, reach in ((100, 50), (1000, 150)):
        if f"many_{page}" in table.values:
            yield (f"filter and order over {table.options.runs:,} runs, page of {page}, P95", f"<= {reach} ms",
                   f"{p95(f'many_{page}'):.1f} ms", f"median {v(f'many_{page}'):.1f} ms of {len(SEARCHES)} searches",
                   p95(f"many_{page}") <= reach)
    if "chart.whole" in table.values:
        yield (f"chart of {table.options.points:,} points, 1,000 buckets", "<= 30 ms", f"{v('chart.whole'):.1f} ms",
               f"a tenth of it: {v('chart.tenth'):.1f} ms", v("chart.whole") <= 30)
    if "import" in table.values:
        yield (f"import of {IMPORTED_RUNS * IMPORTED_POINTS:,} points from MLflow's database", ">= 200,000/s",
               f"{v('import'):,.0f}/s", "the whole command, compared at the end", v("import") >= 200_000)
    for name, title in (("up", "artifact up"), ("down", "artifact down")):
        if f"artifact.{name}" in table.values:
            share = v(f"artifact.{name}") / v(f"artifact.disk_{name}")
            grown = max(table.values["artifact.memory"])
            nginx = f"; nginx to the same curl {v('artifact.nginx'):,.0f} MB/s" if name == "down" else ""
            yield (f"{title}, {table.options.artifact_mb:,} MB", ">= 0.7x the disk, < 32 MB",
                   f"{v(f'artifact.{name}'):,.0f} MB/s, {grown:.0f} MB more memory",
                   f"dd {v(f'artifact.disk_{name}'):,.0f} MB/s: {share:.2f}x{nginx}", share >= 0.7 and grown < 32)
    if "memory.millwright" in table.values:
        yield ("memory after all this", "< 100 MB", f"{max(table.values['memory.millwright']):.0f} MB",
               f"MLflow {max(table.values['memory.mlflow']):.0f} MB", max(table.values["memory.millwright"]) < 100)


def main():
    run_within("mlflow_client", ROOT / "tests/conformance/mlflow_requirements.txt")
    parser = parser_of(__doc__, PARTS, rounds=3, seconds=4)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--artifact-mb", type=int, default=10_240)
    options = options_of(parser, PARTS, {"nginx": "nginx-light", "curl": "curl"})
    with tempfile.TemporaryDirectory(prefix="mwtracking") as root:
        table = Table(options, Path(options.build).resolve() / "bin", Path(root))
        try:
            table.start_servers()
            others = run_rounds(options, PARTS, table)
        finally:
            table.stop()
    print_rows(options, others, rows_of(table))
    if options.json:
        write_figures(options.json, {"rounds": table.values, "busy_cores_of_others": others})


if __name__ == "__main__":
    main()
