#!/usr/bin/env python3
"""Predictions over HTTP beside nginx `return 200`, in turns: the price of a model behind a socket.

    bench/serve_bench.py BUILD_DIRECTORY [--rounds 5] [--seconds 3] [--connections 64] [--program PATH]

Starts `millwright serve` with two models and asks them with wrk; every answer must be 200:
  matrix   one row as one FP32 matrix of 30 features (385 bytes), 100 trees of depth 6
  columns  one row as 20 named columns (1,306 bytes), 150 trees of depth 6: the flight example's shape
  batch    1,024 rows of the matrix model in one request, over 8 connections
  x16      the matrix row, 16 requests in flight on each connection
Prints a table; --json FILE writes the same figures. wrk and the servers share the machine's cores; the share of time
in which work waited for one is printed.
"""
import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from http_bench import NGINX, await_port, cpu_seconds, free_port, waiting_for_cpu

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
local depth = {depth}
if depth > 1 then
  init = function() local one = wrk.format(); many = string.rep(one, depth) end
  request = function() return many end
end
"""
BATCH_ROWS = 1024


def wrk(url, connections, seconds, script=None):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    if script:
        command[1:1] = ["-s", str(script)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"wrk reports failures:\n{output}")
    lines = output.splitlines()
    rate = float(next(line for line in lines if line.startswith("Requests/sec:")).split()[1])
    percentiles = {line.split()[0]: line.split()[1] for line in lines if line.strip().startswith(("50%", "90%", "99%"))}
    return rate, percentiles


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--program", help="the millwright program; BUILD_DIRECTORY/bin/millwright")
    parser.add_argument("--json")
    options = parser.parse_args()
    for program in ("wrk", "nginx"):
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/usr/local/bin"):
            sys.exit(f"{program} is not installed; apt-get install wrk nginx-light")
    bench = Path(options.build) / "bin/serve_bench"
    program = options.program or Path(options.build) / "bin/millwright"

    def said(*arguments):
        return subprocess.run([bench, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    with tempfile.TemporaryDirectory() as root:
        models = [f"{name}={root}/{name}" for name in ("matrix", "columns")]
        for model in ("matrix", "columns"):
            subprocess.run([bench, "package", model, f"{root}/{model}"], check=True)

        def script(name, body, depth=1):
            path = Path(root) / f"{name}.lua"
            path.write_text(SCRIPT.replace("{body}", body).replace("{depth}", str(depth)))
            return path

        nginx_port, own_port = free_port(), free_port()
        (Path(root) / "nginx.conf").write_text(NGINX.format(root=root, port=nginx_port))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", root, "-c", f"{root}/nginx.conf"], stderr=subprocess.DEVNULL)
        own = subprocess.Popen([program, "serve", *(word for model in models for word in ("--model", model)),
                                "--listen", f"127.0.0.1:{own_port}"], stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{own_port}/v2/models/%s/infer"
        row = said("request", "matrix")
        few = min(8, options.connections)
        # name: address, process, script, connections, rows in each request
        sides = {"nginx": (f"http://127.0.0.1:{nginx_port}/", nginx, None, options.connections, 1),
                 "matrix": (url % "matrix", own, script("matrix", row), options.connections, 1),
                 "columns": (url % "columns", own, script("columns", said("request", "columns")),
                             options.connections, 1),
                 "batch": (url % "matrix", own, script("batch", said("request", "matrix", str(BATCH_ROWS))), few,
                           BATCH_ROWS),
                 "x16": (url % "matrix", own, script("x16", row, 16), options.connections, 1)}
        try:
            await_port(own_port)
            await_port(nginx_port)
            rates = {name: [] for name in sides}
            cpu = {name: [] for name in sides}
            percentiles = {}
            waited, began = waiting_for_cpu(), time.monotonic()
            for _ in range(options.rounds):
                for name, (address, process, lua, connections, _) in sides.items():
                    before = cpu_seconds(process)
                    rate, percentiles[name] = wrk(address, connections, options.seconds, lua)
                    rates[name].append(rate)
                    cpu[name].append(1e6 * (cpu_seconds(process) - before) / (rate * options.seconds))
            pressure = (waiting_for_cpu() - waited) / 1e6 / (time.monotonic() - began)
        finally:
            for process in (own, nginx):
                process.terminate()
                process.wait(20)
        inside = [said("inside", "matrix"), said("inside", "columns"), said("inside", "matrix", str(BATCH_ROWS))]

    median = {name: statistics.median(values) for name, values in rates.items()}
    pairs = {name: [a / b for a, b in zip(rates[name], rates["nginx"])] for name in ("matrix", "columns")}
    print(f"{options.connections} connections, median of {options.rounds} rounds in turns"
          f" (work waited for a core {pressure:.0%} of the time)")
    for name, values in rates.items():
        rows = sides[name][4]
        # What wrk says of latencies while it pipelines is of no use.
        latency = "" if name == "x16" else ", ".join(f"p{key.rstrip('%')} {value}"
                                                     for key, value in percentiles[name].items())
        throughput = f" {rows * median[name]:>12,.0f} rows/s" if rows > 1 else ""
        print(f"  {name:<10}{median[name]:>10,.0f} requests/s{throughput}"
              f"   {statistics.median(cpu[name]):.1f} us of CPU each   {latency}"
              f"   rounds {', '.join(f'{value:,.0f}' for value in values)}")
    for name, values in pairs.items():
        print(f"  {name} to nginx {median[name] / median['nginx']:.2f}, rounds {', '.join(f'{v:.2f}' for v in values)}")
    print("\n".join(inside))
    if options.json:
        result = {"connections": options.connections, "requests_per_second": median,
                  "server_cpu_us_per_request": {name: statistics.median(values) for name, values in cpu.items()},
                  "batch_rows_per_second": BATCH_ROWS * median["batch"],
                  "ratio": {name: median[name] / median["nginx"] for name in pairs}, "ratio_of_rounds": pairs,
                  "cpu_pressure": pressure}
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
