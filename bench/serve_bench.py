#!/usr/bin/env python3
"""One-row predictions over HTTP beside nginx `return 200`, in turns: the price of a model behind a socket.

    bench/serve_bench.py BUILD_DIRECTORY [--rounds 5] [--seconds 3] [--connections 64] [--program PATH]

Starts `millwright serve` with a model of the flight example's shape (20 named columns, 150 trees of depth
6) and asks it with wrk; every answer must be 200. Prints a table; --json FILE writes the same figures.
wrk and the servers share the machine's cores; the share of time in which work waited for one is printed.
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
"""


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

    with tempfile.TemporaryDirectory() as root:
        package = f"{root}/package"
        subprocess.run([bench, "package", package], check=True)
        body = subprocess.run([bench, "request"], capture_output=True, text=True, check=True).stdout.strip()
        script = Path(root) / "request.lua"
        script.write_text(SCRIPT.replace("{body}", body))
        nginx_port, own_port = free_port(), free_port()
        (Path(root) / "nginx.conf").write_text(NGINX.format(root=root, port=nginx_port))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", root, "-c", f"{root}/nginx.conf"], stderr=subprocess.DEVNULL)
        own = subprocess.Popen([program, "serve", "--model", f"bench={package}", "--listen", f"127.0.0.1:{own_port}"],
                               stdout=subprocess.DEVNULL)
        try:
            await_port(own_port)
            await_port(nginx_port)
            sides = {"millwright": (f"http://127.0.0.1:{own_port}/v2/models/bench/infer", own, script),
                     "nginx": (f"http://127.0.0.1:{nginx_port}/", nginx, None)}
            rates = {name: [] for name in sides}
            cpu = {name: [] for name in sides}
            percentiles = {}
            waited, began = waiting_for_cpu(), time.monotonic()
            for _ in range(options.rounds):
                for name, (url, process, lua) in sides.items():
                    before = cpu_seconds(process)
                    rate, percentiles[name] = wrk(url, options.connections, options.seconds, lua)
                    rates[name].append(rate)
                    cpu[name].append(1e6 * (cpu_seconds(process) - before) / (rate * options.seconds))
            pressure = (waiting_for_cpu() - waited) / 1e6 / (time.monotonic() - began)
        finally:
            for process in (own, nginx):
                process.terminate()
                process.wait(20)
        inside = subprocess.run([bench, "inside"], capture_output=True, text=True, check=True).stdout.strip()

    median = {name: statistics.median(values) for name, values in rates.items()}
    pairs = [a / b for a, b in zip(rates["millwright"], rates["nginx"])]
    print(f"one row of JSON ({len(body)} bytes), {options.connections} connections, median of {options.rounds} rounds"
          f" in turns (work waited for a core {pressure:.0%} of the time)")
    for name, values in rates.items():
        latency = ", ".join(f"p{key.rstrip('%')} {value}" for key, value in percentiles[name].items())
        print(f"  {name:<12}{median[name]:>10,.0f} requests/s   {statistics.median(cpu[name]):.1f} us of CPU each"
              f"   {latency}   rounds {', '.join(f'{v:,.0f}' for v in values)}")
    rounds = ", ".join(f"{pair:.2f}" for pair in pairs)
    print(f"  ratio       {median['millwright'] / median['nginx']:>10.2f}   rounds {rounds}")
    print(inside)
    if options.json:
        result = {"connections": options.connections, "requests_per_second": median,
                  "server_cpu_us_per_request": {name: statistics.median(values) for name, values in cpu.items()},
                  "ratio": median["millwright"] / median["nginx"], "ratio_of_rounds": pairs, "cpu_pressure": pressure}
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
