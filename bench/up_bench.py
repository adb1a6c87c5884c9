#!/usr/bin/env python3
"""How soon `up` answers /health on an existing home, and what both planes hold in memory when idle.
    bench/up_bench.py BUILD_DIRECTORY [--rounds 9]
"""
import argparse
import http.client
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path


def healthy(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def start(program, home, port):
    begun = time.monotonic()
    up = subprocess.Popen([program, "up", "--home", home, "--listen", f"127.0.0.1:{port}",
                           "--inference-listen", "127.0.0.1:0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if port == 0:
        addresses = Path(home, "addresses.json")
        while not addresses.exists():
            time.sleep(0.01)
        port = json.loads(addresses.read_text())["port"]
    while not healthy(port):
        time.sleep(0.001)
    return up, port, (time.monotonic() - begun) * 1000


def memory_mb(pid):
    """Resident memory that is the process's own or its share of what it shares (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    program = Path(options.build, "bin/millwright")
    with tempfile.TemporaryDirectory(prefix="mwup") as home:
        up, port, _ = start(program, home, 0)
        times, sizes = [], []
        for _ in range(options.rounds):
            up.kill()
            up.wait()
            up, port, milliseconds = start(program, home, port)
            times.append(milliseconds)
        record = Path(home, "serve/serve.json")
        while not record.exists():
            time.sleep(0.05)
        time.sleep(1)
        sizes = [memory_mb(up.pid), memory_mb(json.loads(record.read_text())["pid"])]
        up.terminate()
        up.wait()
    print(f"up answers /health after {statistics.median(times):.0f} ms (median of {len(times)}; "
          f"{min(times):.0f} to {max(times):.0f})")
    print(f"idle memory: control plane {sizes[0]:.1f} MB, data plane {sizes[1]:.1f} MB, together {sum(sizes):.1f} MB")


if __name__ == "__main__":
    main()
