#!/usr/bin/env python3
"""Predictions over gRPC: rows a second, latency and processor time of both sides.

    bench/grpc_bench.py BUILD_DIRECTORY [--rounds 5] [--seconds 3] [--program PATH]

Starts `millwright serve` with the matrix model of serve_bench (30 features, 100 trees of depth 6) and asks it with
grpc_bench over two connections, in turns: 1,024 rows in a request, the same with a tenth of the values missing, and one
row. Every answer is compared. Client and server share the machine's cores; the share of time in which work waited for
one is printed. --json FILE writes the same figures.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from http_bench import await_port, cpu_seconds, free_port, waiting_for_cpu

# name, rows in a request, calls in flight on each connection, share of values that are missing
CASES = (("1,024 rows", 1024, 4, 0.0), ("1,024 rows, 10 % missing", 1024, 4, 0.1), ("one row", 1, 32, 0.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--program", help="the millwright program; BUILD_DIRECTORY/bin/millwright")
    parser.add_argument("--json")
    options = parser.parse_args()
    programs = Path(options.build) / "bin"
    results = {name: [] for name, *_ in CASES}
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([programs / "serve_bench", "package", "matrix", f"{root}/package"], check=True)
        http, grpc = free_port(), free_port()
        server = subprocess.Popen([options.program or programs / "millwright", "serve", "--model", f"m={root}/package",
                                   "--listen", f"127.0.0.1:{http}", "--grpc-listen", f"127.0.0.1:{grpc}"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_port(grpc)
            waited, began = waiting_for_cpu(), time.monotonic()
            for _ in range(options.rounds):
                for name, rows, in_flight, missing in CASES:
                    before = cpu_seconds(server)
                    line = subprocess.run([programs / "grpc_bench", f"127.0.0.1:{grpc}", "m", str(rows), "30",
                                           str(options.channels), str(in_flight), str(options.seconds), str(missing)],
                                          capture_output=True, text=True, check=True).stdout
                    result = json.loads(line)
                    result["server_cpu_us_per_request"] = 1e6 * (cpu_seconds(server) - before) / result["requests"]
                    results[name].append(result)
            pressure = (waiting_for_cpu() - waited) / 1e6 / (time.monotonic() - began)
        finally:
            server.terminate()
            server.wait(20)
    print(f"gRPC, {options.channels} connections, median of {options.rounds} rounds in turns"
          f" (work waited for a core {pressure:.0%} of the time)")
    medians = {name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
               for name, rounds in results.items()}
    for name, *_ in CASES:
        median = medians[name]
        latency = ", ".join(f"P{share} {median[f'p{share}_ms']:.2f} ms" for share in (50, 90, 99))
        rates = ", ".join(f"{one['rows_per_second']:,.0f}" for one in results[name])
        cpu = f"server {median['server_cpu_us_per_request']:.0f} us, client {median['cpu_us_per_request']:.0f} us"
        print(f"  {name:<26}{median['rows_per_second']:>11,.0f} rows/s   {latency}   CPU: {cpu}   rounds {rates}")
    if options.json:
        Path(options.json).write_text(json.dumps({"median": medians, "cpu_pressure": pressure}, indent=2) + "\n")


if __name__ == "__main__":
    main()
