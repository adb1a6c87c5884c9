#!/usr/bin/env python3
"""What recording predictions costs a model server: recording on beside off, in turns.

    bench/recording_bench.py BUILD_DIRECTORY [--rounds 7] [--seconds 3] [--connections 64]

One process serves one model (20 named columns, 150 trees of depth 6) at four addresses: `off` records
nothing; `live` records as a server does (rows without an event time: beyond 1,000 a second a sample); `full`
samples every row, as of a replay; `away` is live with a control plane that never answers; `log` is live with
the access log. wrk asks each in turn; every answer must be 200. Prints a table; --json FILE writes the same figures.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from http_bench import cpu_seconds, waiting_for_cpu
from serve_bench import SCRIPT, wrk


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    programs = Path(options.build) / "bin"
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([programs / "serve_bench", "package", f"{root}/package"], check=True)
        body = subprocess.run([programs / "serve_bench", "request"], capture_output=True, text=True,
                              check=True).stdout.strip()
        # Without an id of the client's: every row has one of its own, and the sample is drawn by it.
        body = "{" + body[body.index('"inputs"'):]
        script = Path(root) / "request.lua"
        script.write_text(SCRIPT.replace("{body}", body))
        server = subprocess.Popen([programs / "recording_bench", "serve", f"{root}/package"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ports = dict(server.stdout.readline().split() for _ in range(5))
        rates, cpu, p99 = ({name: [] for name in ports} for _ in range(3))
        waited, began = waiting_for_cpu(), time.monotonic()
        for turn in range(options.rounds):
            # Who comes first changes from round to round.
            for name in list(ports)[turn % 5:] + list(ports)[:turn % 5]:
                before = cpu_seconds(server)
                url = f"http://127.0.0.1:{ports[name]}/v2/models/bench/infer"
                rate, percentiles = wrk(url, options.connections, options.seconds, script)
                rates[name].append(rate)
                cpu[name].append(1e6 * (cpu_seconds(server) - before) / (rate * options.seconds))
                p99[name].append(percentiles["99%"])
        pressure = (waiting_for_cpu() - waited) / 1e6 / (time.monotonic() - began)
        server.stdin.close()
        recorded = server.stdout.read().strip()
        server.wait(60)
    lane = subprocess.run([programs / "recording_bench", "lane"], capture_output=True, text=True, check=True).stdout

    print(f"one row of JSON ({len(body)} bytes), {options.connections} connections, {options.rounds} rounds in turns"
          f" (work waited for a core {pressure:.0%} of the time)")
    result = {"cpu_pressure": pressure}
    for name in ports:
        ratios = [a / b for a, b in zip(rates[name], rates["off"])]
        costs = [a / b for a, b in zip(cpu[name], cpu["off"])]
        result[name] = {"requests_per_second": statistics.median(rates[name]),
                        "throughput_ratio": statistics.median(ratios), "cpu_ratio": statistics.median(costs),
                        "cpu_us_per_request": statistics.median(cpu[name])}
        print(f"  {name:<5}{result[name]['requests_per_second']:>10,.0f} requests/s, "
              f"{statistics.median(ratios):.3f} of off   {result[name]['cpu_us_per_request']:.2f} us of CPU each, "
              f"{statistics.median(costs):.3f} of off   p99 {', '.join(p99[name])}")
    print(recorded)
    print(lane.strip())
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
