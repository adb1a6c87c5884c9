#!/usr/bin/env python3
"""The data plane's speed beside its peers: every side in turns in one run, medians of the rounds.

    bench/serving_table.py BUILD_DIRECTORY [--rounds 5] [--seconds 3] [--only NAME,...] [--json FILE]

Serves 100 trees of depth 6 on 30 features that XGBoost trained, and asks with `millwright bench` and wrk from the same
cores. Peers: nginx `return 200` asked by the same client (for single rows with the same bytes, which it answers with
the bytes that Millwright answered once), XGBoost's C API and ONNX Runtime in process. A row whose
server side is not there yet says so. Rounds on a machine that does other work too are marked: trust the quiet ones.
"""
import http.client
import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from http_bench import NGINX, await_port, cpu_seconds, free_port
from rounds import median, options_of, parser_of, print_rows, run_rounds, write_figures
from serve_bench import SCRIPT, wrk
from up_bench import memory_mb

CONNECTIONS = 64
BATCH = 1024
TURNS = 5  # of the open loop in a round, a second each: a machine that stands still for 10 ms makes a second's P99
SAME_ANSWERS = """location = /v2/models/trees {{ default_type application/json; return 200 '{metadata}'; }}
  location = /v2/models/trees/infer {{ default_type application/json; return 200 '{answer}'; }}
  location / {{"""


def milliseconds(text):
    """wrk's "1.23ms", "456.00us", "1.20s"."""
    for unit, factor in (("us", 1e-3), ("ms", 1), ("s", 1000)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    return float("nan")


def ask(port, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST" if body else "GET", path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


class Table:
    """Names of measurements -> what each round gave."""

    def __init__(self, options, programs, directory):
        self.options, self.programs, self.directory = options, programs, directory
        self.values = {}
        self.absent = {}
        self.half_rate = None

    def note(self, name, **figures):
        for key, value in figures.items():
            self.values.setdefault(f"{name}.{key}", []).append(value)

    def of(self, key):
        return median(self.values.get(key, []))

    def bench(self, url, *flags, seconds=None):
        """The measurement of one `millwright bench`; None when it cannot be made, with the reason kept."""
        command = [self.programs / "millwright", "bench", url, "--json", "--duration",
                   f"{seconds or self.options.seconds}s", *[str(flag) for flag in flags]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            return None, done.stderr.strip().splitlines()[-1] if done.stderr else "no answer"
        return json.loads(done.stdout)["measurement"], ""

    def measure(self, name, url, *flags, seconds=None):
        if name in self.absent:
            return None
        result, why = self.bench(url, *flags, seconds=seconds)
        if result is None:
            self.absent[name] = why
            return None
        latency = result["latency_ms"]
        self.note(name, requests=result["requests_per_second"], rows=result["rows_per_second"], p50=latency["p50"],
                  p90=latency["p90"], p99=latency["p99"], bad=result["failed"] + result["wrong"] + result["not_sent"],
                  server_us=result["server_cpu_us_per_request"] or float("nan"),
                  server_us_row=result["server_cpu_us_per_row"] or float("nan"),
                  client_us=result["client_cpu_us_per_request"], lag=result["generator_lag_ms"]["p99"] or 0)
        return result

    def wrk(self, name, url, process, script=None):
        before = cpu_seconds(process)
        rate, latency = wrk(url, CONNECTIONS, self.options.seconds, script)
        self.note(name, requests=rate, server_us=1e6 * (cpu_seconds(process) - before) / (rate * self.options.seconds),
                  p99=milliseconds(latency.get("99%", "nan")))


class Servers:
    """Millwright with every model, nginx, and a Millwright that follows a control plane which swaps versions."""

    def __init__(self, programs, directory):
        self.processes = []
        self.port, self.grpc_port, self.mlp_why = free_port(), free_port(), ""
        serve = [programs / "millwright", "serve", "--listen", f"127.0.0.1:{self.port}",
                 "--grpc-listen", f"127.0.0.1:{self.grpc_port}", "--model", f"trees={directory}/a"]
        self.own = self.start([*serve, "--model", f"mlp={directory}/mlp.onnx"])
        try:
            await_ready(self.port, self.own)
        except RuntimeError as error:
            self.mlp_why = str(error)
            self.own = self.start(serve)
            await_ready(self.port, self.own)
        self.start_nginx(directory)
        self.plane = self.start([programs / "serving_bench", "swap", directory], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.swap_port = free_port()
        self.follower = self.start([programs / "millwright", "serve", "--follow", self.plane.stdout.readline().strip(),
                                    "--state-dir", directory / "state", "--listen", f"127.0.0.1:{self.swap_port}"])
        await_ready(self.swap_port, self.follower)

    def start_nginx(self, directory):
        root = directory / "nginx"
        root.mkdir()
        body = row_body(directory)
        answers = SAME_ANSWERS.format(metadata=ask(self.port, "/v2/models/trees")[1].decode(),
                                      answer=ask(self.port, "/v2/models/trees/infer", body)[1].decode())
        self.nginx_port = free_port()
        text = NGINX.format(root=root, port=self.nginx_port).replace("location / {", answers)
        (root / "nginx.conf").write_text(text)
        self.nginx = self.start(["/usr/sbin/nginx", "-p", root, "-c", root / "nginx.conf"])
        await_port(self.nginx_port)

    def start(self, command, stdin=None, stdout=subprocess.DEVNULL):
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        return process

    def model(self, name="trees"):
        return f"http://127.0.0.1:{self.port}/{name}"

    def live_version(self):
        return int(json.loads(ask(self.swap_port, "/v2/models/trees")[1])["parameters"]["live_version"])

    def stop(self):
        for process in reversed(self.processes):
            if process.stdin:
                process.stdin.close()
            process.terminate()
        for process in self.processes:
            process.wait(20)


def await_ready(port, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the server does not take this model")
        try:
            if ask(port, "/v2/health/ready")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.002)
    raise RuntimeError("the server was not ready after 30 s")


def large_batches(table, servers):
    rows, missing = table.directory / "rows.csv", table.directory / "missing.csv"
    common = ("--rate", "max", "--connections", 6, "--rows-per-request", BATCH)
    table.measure("binary", servers.model(), *common, "--protocol", "binary", "--rows", rows)
    table.measure("binary_missing", servers.model(), *common, "--protocol", "binary", "--rows", missing)
    table.measure("json", servers.model(), *common, "--layout", "matrix", "--rows", rows)
    table.measure("grpc", servers.model(), "--rate", "max", "--connections", 2, "--pipeline", 4, "--rows-per-request",
                  BATCH, "--rows", rows, "--protocol", "grpc", "--grpc-address", f"127.0.0.1:{servers.grpc_port}")


def row_body(directory):
    row = (directory / "rows.csv").read_text().splitlines()[1]
    return f'{{"inputs":[{{"name":"x","datatype":"FP32","shape":[1,30],"data":[{row}]}}]}}'


def one_row(table, servers):
    script = table.directory / "request.lua"
    script.write_text(SCRIPT.replace("{body}", row_body(table.directory)).replace("{depth}", "1"))
    path = "/v2/models/trees/infer"
    table.wrk("one_row", f"http://127.0.0.1:{servers.port}{path}", servers.own, script)
    table.wrk("one_row_nginx", f"http://127.0.0.1:{servers.nginx_port}{path}", servers.nginx, script)
    table.wrk("one_row_hello", f"http://127.0.0.1:{servers.nginx_port}/", servers.nginx, script)


def one_row_flags(table):
    return ("--layout", "matrix", "--rows", table.directory / "rows.csv")


def pipelined(table, servers):
    table.measure("pipelined", servers.model(), "--rate", "max", "--connections", 16, "--pipeline", 16,
                  *one_row_flags(table))
    table.measure("pipelined_nginx", f"http://127.0.0.1:{servers.nginx_port}/", "--protocol", "get", "--rate", "max",
                  "--connections", 16, "--pipeline", 16)


def open_loop(table, servers):
    """At half of what the generator itself gets out of the server: of both at the same rate."""
    if table.half_rate is None:
        result, why = table.bench(servers.model(), "--rate", "max", *one_row_flags(table))
        if result is None:
            table.absent["open"] = why
            return
        table.half_rate = result["requests_per_second"] / 2
    rate = f"{table.half_rate:.0f}"
    for _ in range(TURNS):
        for name, port in (("open", servers.port), ("open_nginx", servers.nginx_port)):
            table.measure(name, f"http://127.0.0.1:{port}/trees", "--rate", rate, *one_row_flags(table), seconds=1)


def swaps(table, servers):
    url = f"http://127.0.0.1:{servers.swap_port}/trees"
    table.measure("no_swap", url, "--rate", "max", *one_row_flags(table))
    before, done = servers.live_version(), threading.Event()

    def swap():
        while not done.wait(0.3):
            servers.plane.stdin.write("\n")
            servers.plane.stdin.flush()

    swapping = threading.Thread(target=swap)
    swapping.start()
    table.measure("swap", url, "--rate", "max", *one_row_flags(table))
    done.set()
    swapping.join()
    table.note("swap", swaps=servers.live_version() - before)


def recording(table, servers):
    """Of a server that follows a control plane: the same requests not recorded (as probes are) and recorded."""
    url = f"http://127.0.0.1:{servers.swap_port}/trees"
    table.measure("not_recorded", url, "--rate", "max", *one_row_flags(table))
    table.measure("recorded", url, "--rate", "max", "--recorded", *one_row_flags(table))


def mlp(table, servers):
    if servers.mlp_why:
        table.absent["mlp"] = servers.mlp_why
        return
    done = subprocess.run([table.programs / "serving_bench", "mlp", table.directory], capture_output=True, text=True,
                          check=True)
    table.note("mlp_inside", us_row=1e6 / json.loads(done.stdout)["onnxruntime"])
    table.measure("mlp", servers.model("mlp"), "--rate", "max", "--connections", 16, "--rows-per-request", 64,
                  "--protocol", "binary", "--rows", table.directory / "rows.csv")


def idle(table, _servers):
    """A file that the server saw before; the first time, it is held against XGBoost's own library."""
    state = tempfile.mkdtemp(dir=table.directory)
    first, _ = start_idle(table, state)
    ready, memory = start_idle(table, state)
    table.note("idle", first_ready_ms=first, ready_ms=ready, memory_mb=memory)


def start_idle(table, state):
    port = free_port()
    began = time.monotonic()
    command = [table.programs / "millwright", "serve", "--model", f"trees={table.directory}/trees.json",
               "--listen", f"127.0.0.1:{port}", "--state-dir", state]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_ready(port, process)
        ready = 1000 * (time.monotonic() - began)
        time.sleep(0.3)
        return ready, memory_mb(process.pid)
    finally:
        process.terminate()
        process.wait(20)


PARTS = {"large": large_batches, "one_row": one_row, "pipelined": pipelined, "open": open_loop, "swap": swaps,
         "recording": recording, "mlp": mlp, "idle": idle}


def rows_of(table, inside):
    """(figure, what is to be reached, what was measured, beside what, whether it was reached)."""
    v = table.of

    def served(name, title, reach, p90):
        if name in table.absent:
            return title, f">= {reach / 1e6:.2f} M rows/s", f"not measured: {table.absent[name]}", "", None
        said = f"{v(name + '.rows') / 1e6:.2f} M rows/s, P90 {v(name + '.p90'):.1f} ms"
        cost = f"server {v(name + '.server_us_row'):.3f}, client {v(name + '.client_us') / BATCH:.3f} us of CPU a row"
        limit = f", P90 < {p90} ms" if p90 else ""
        reached = v(name + ".rows") >= reach and (not p90 or v(name + ".p90") < p90)
        return title, f">= {reach / 1e6:.2f} M rows/s{limit}", said, cost, reached

    def ratio(ours, theirs):
        pairs = [a / b for a, b in zip(table.values.get(ours, []), table.values.get(theirs, [])) if b]
        return median(pairs), f"{min(pairs):.2f} to {max(pairs):.2f}" if pairs else ""

    batches = (("binary", f"v2 binary, {BATCH} rows", 3.6e6, 10), ("binary_missing", "  10 % missing", 3.0e6, None),
               ("json", f"v2 JSON, {BATCH} rows", 1.3e6, 20), ("grpc", f"gRPC, {BATCH} rows", 1.4e6, None))
    for name, *row in batches:
        if name in table.absent or f"{name}.rows" in table.values:
            yield served(name, *row)
    if "one_row.requests" in table.values:
        share, spread = ratio("one_row.requests", "one_row_nginx.requests")
        nginx = f"nginx {v('one_row_nginx.requests'):,.0f}/s, {v('one_row_nginx.server_us'):.1f} us"
        yield ("one-row JSON, 64 connections", ">= 0.95x nginx",
               f"{v('one_row.requests'):,.0f}/s, {v('one_row.server_us'):.1f} us of CPU",
               f"{nginx}: {share:.2f}x ({spread}); nginx that says hello "
               f"{v('one_row_hello.requests'):,.0f}/s: {ratio('one_row.requests', 'one_row_hello.requests')[0]:.2f}x",
               share >= 0.95)
    if "pipelined.requests" in table.values:
        yield ("  pipelined x16", ">= 300,000/s", f"{v('pipelined.requests'):,.0f}/s, P90 {v('pipelined.p90'):.1f} ms",
               f"nginx {v('pipelined_nginx.requests'):,.0f}/s", v("pipelined.requests") >= 300_000)
    if "open.p99" in table.values:
        share, spread = ratio("open.p99", "open_nginx.p99")
        yield (f"one row, open loop at {table.half_rate:,.0f}/s, P99", "<= 1.3x nginx",
               f"P50 {v('open.p50'):.2f}, P99 {v('open.p99'):.2f} ms",
               f"nginx P50 {v('open_nginx.p50'):.2f}, P99 {v('open_nginx.p99'):.2f} ms: {share:.2f}x ({spread})",
               share <= 1.3)
    if inside:
        for name, kind, batch, reach in (("batch 1", "complete", 1, 25), ("batch 1024", "complete", 1024, 8),
                                         ("batch 1024, 10 % missing", "missing", 1024, 8)):
            peer = inside[kind][f"batch_{batch}"]
            times = {library: peer["forest"] / peer[library] for library in ("xgboost", "onnxruntime")}
            yield (f"forest, one thread, {name}", f">= {reach}x XGBoost, >= 10x ONNX Runtime",
                   f"{peer['forest']:,.0f} rows/s",
                   f"XGBoost {peer['xgboost']:,.0f}: {times['xgboost']:.1f}x; "
                   f"ONNX Runtime {peer['onnxruntime']:,.0f}: {times['onnxruntime']:.1f}x",
                   times["xgboost"] >= reach and times["onnxruntime"] >= 10)
    if "mlp" in table.absent:
        yield "ONNX MLP, batch 64: server CPU", "<= 1.25x in process", f"not measured: {table.absent['mlp']}", "", None
    elif "mlp.server_us_row" in table.values:
        share, spread = ratio("mlp.server_us_row", "mlp_inside.us_row")
        yield ("ONNX MLP, batch 64: server CPU", "<= 1.25x in process",
               f"{v('mlp.server_us_row'):.3f} us a row, {v('mlp.rows'):,.0f} rows/s",
               f"ONNX Runtime in process {v('mlp_inside.us_row'):.3f} us: {share:.2f}x ({spread})", share <= 1.25)
    if "swap.p99" in table.values:
        share, spread = ratio("swap.p99", "no_swap.p99")
        failed = sum(table.values["swap.bad"])
        yield ("version swaps under full load", "0 failed, P99 within 2x",
               f"{sum(table.values['swap.swaps']):.0f} swaps, {failed:.0f} failed, P99 {v('swap.p99'):.2f} ms",
               f"without: P99 {v('no_swap.p99'):.2f} ms: {share:.2f}x ({spread})", failed == 0 and share <= 2)
    if "recorded.requests" in table.values:
        share, spread = ratio("recorded.requests", "not_recorded.requests")
        cpu, _ = ratio("recorded.server_us", "not_recorded.server_us")
        yield ("recording on, one-row JSON", "> 0.95x of off", f"{v('recorded.requests'):,.0f}/s",
               f"off {v('not_recorded.requests'):,.0f}/s: {share:.2f}x ({spread}); server CPU {cpu:.2f}x", share > 0.95)
    if "idle.ready_ms" in table.values:
        yield ("serve with a 1 MB model, idle", "< 30 MB, ready < 50 ms",
               f"{v('idle.memory_mb'):.1f} MB, ready in {v('idle.ready_ms'):.0f} ms",
               f"{v('idle.first_ready_ms'):.0f} ms when the file is new and held against XGBoost's library",
               v("idle.memory_mb") < 30 and v("idle.ready_ms") < 50)


def main():
    parts = [*PARTS, "inside"]
    parser = parser_of(__doc__, parts, rounds=5, seconds=3)
    options = options_of(parser, parts, {"wrk": "wrk", "nginx": "nginx-light"})
    options.seconds = int(options.seconds) if options.seconds == int(options.seconds) else options.seconds
    programs = Path(options.build).resolve() / "bin"
    inside = {}
    with tempfile.TemporaryDirectory(prefix="mwserving") as root:
        directory = Path(root)
        subprocess.run([programs / "serving_bench", "make", directory], check=True)
        table = Table(options, programs, directory)
        servers = Servers(programs, directory)
        try:
            others = run_rounds(options, PARTS, table, servers)
        finally:
            servers.stop()
        if "inside" in options.wanted:
            done = subprocess.run([programs / "serving_bench", "inside", directory], capture_output=True, text=True,
                                  check=True)
            inside = json.loads(done.stdout)
    print_rows(options, others, rows_of(table, inside))
    if options.json:
        write_figures(options.json, {"rounds": table.values, "absent": table.absent, "inside": inside,
                                     "busy_cores_of_others": others})


if __name__ == "__main__":
    main()
