#!/usr/bin/env python3
"""Hello over HTTP: both servers beside nginx `return 200`, in turns, and the load client.

    bench/http_bench.py BUILD_DIRECTORY [--rounds 5] [--seconds 3] [--connections 64]

Prints a table for people; --json FILE writes the same figures for programs. wrk, the server and everything
else share the machine's cores; the share of time in which work waited for a core is printed with them.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NGINX = """
worker_processes 2; daemon off; pid {root}/pid; error_log {root}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "hello"; }} }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"nothing listens on port {port} after 10 s")


def waiting_for_cpu():
    """Microseconds in which some task waited for a core, since boot."""
    match = re.search(r"some .*total=(\d+)", Path("/proc/pressure/cpu").read_text())
    return int(match[1]) if match else 0


def cpu_seconds(process):
    """User and system time of a process and its children."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    total = 0
    for pid in [str(process.pid), *children]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def wrk(port, connections, seconds):
    output = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/"],
                            capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"wrk reports failures:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    for program in ("wrk", "nginx"):
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/usr/local/bin"):
            sys.exit(f"{program} is not installed; apt-get install wrk nginx-light")
    bench = Path(options.build) / "bin/http_bench"

    with tempfile.TemporaryDirectory() as root:
        nginx_port = free_port()
        (Path(root) / "nginx.conf").write_text(NGINX.format(root=root, port=nginx_port))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", root, "-c", f"{root}/nginx.conf"], stderr=subprocess.DEVNULL)
        own, control = (subprocess.Popen([bench, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                        for arguments in (["serve", "2"], ["serve-control"]))
        try:
            own_port, control_port = int(own.stdout.readline()), int(control.stdout.readline())
            await_port(nginx_port)
            servers = (("loop server", own_port, own), ("nginx", nginx_port, nginx),
                       ("stream server", control_port, control))
            rates = {name: [] for name, _, _ in servers}
            cpu = {name: [] for name, _, _ in servers}
            loads = []
            waited, began = waiting_for_cpu(), time.monotonic()
            for _ in range(options.rounds):
                for name, port, process in servers:
                    before = cpu_seconds(process)
                    rates[name].append(wrk(port, options.connections, options.seconds))
                    used = cpu_seconds(process) - before
                    cpu[name].append(1e6 * used / (rates[name][-1] * options.seconds))
                load = subprocess.run([bench, "load", str(own_port), "500000"],
                                      capture_output=True, text=True, check=True)
                loads.append([float(x) for x in load.stdout.split()])
            pressure = (waiting_for_cpu() - waited) / 1e6 / (time.monotonic() - began)
        finally:
            for process in (own, control):
                process.stdin.close()
                process.wait(20)
            nginx.terminate()
            nginx.wait(20)

    median = {name: statistics.median(values) for name, values in rates.items()}
    pairs = [a / b for a, b in zip(rates["loop server"], rates["nginx"])]
    result = {
        "connections": options.connections,
        "requests_per_second": median,
        "server_cpu_us_per_request": {name: statistics.median(values) for name, values in cpu.items()},
        "ratio": median["loop server"] / median["nginx"],
        "ratio_of_rounds": pairs,
        "pipelined_requests_per_second": statistics.median(x[0] for x in loads),
        "pipelined_latency_us_p50": statistics.median(x[1] for x in loads),
        "pipelined_latency_us_p99": statistics.median(x[2] for x in loads),
        "cpu_pressure": pressure,
    }
    print(f"hello, {options.connections} connections, median of {options.rounds} rounds in turns"
          f" (work waited for a core {pressure:.0%} of the time)")
    for name, values in rates.items():
        print(f"  {name:<14}{median[name]:>10,.0f} requests/s   {statistics.median(cpu[name]):.1f} us of CPU each"
              f"   rounds {', '.join(f'{v:,.0f}' for v in values)}")
    print(f"  ratio         {result['ratio']:>10.2f}   rounds {', '.join(f'{p:.2f}' for p in pairs)}")
    print(f"load client, 8 connections x 32 in flight: {result['pipelined_requests_per_second']:,.0f} requests/s,"
          f" p50 {result['pipelined_latency_us_p50']:.0f} us, p99 {result['pipelined_latency_us_p99']:.0f} us")
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
