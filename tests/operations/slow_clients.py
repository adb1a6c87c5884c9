#!/usr/bin/env python3
"""Clients of the tracking API that stall, go away or never read: they cost the others nothing.

While hundreds of connections hold half a head, half a batch, the beginning of an upload, a download that nobody reads,
or hang up after a question, a training logs as it does alone: every point is acknowledged while all of them hold on,
and the times of both are printed. Afterwards nothing of the halves is kept, and memory and descriptors are what they
were.
"""
import http.client
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))
from crash_rounds import Platform, call, wait_for  # noqa: E402
from tracking_load import API, ARTIFACTS  # noqa: E402

EACH = 60
POINTS = 400
BIG = 32 << 20
CLIENT_BYTES_MAX = 320 << 10  # a piece of an artifact and what was received
ENDING = 5  # connections that are over when descriptors are counted, and not yet closed


class Training:
    """One client with one connection."""

    def __init__(self, platform):
        self.platform = platform
        experiment = self.post("experiments/create", {"name": "slow"})["experiment_id"]
        self.run = self.post("runs/create", {"experiment_id": experiment, "start_time": 1})["run"]["info"]["run_id"]
        self.path = f"{ARTIFACTS}/{experiment}/{self.run}/artifacts"
        self.experiment = experiment
        self.step = 0

    def post(self, path, body):
        status, answer = call(self.platform.control(), "POST", f"{API}/{path}", body, timeout=30)
        assert status == 200, (path, answer)
        return answer

    def log(self, count):
        """Seconds that each of `count` points took."""
        connection = http.client.HTTPConnection(self.platform.control(), timeout=30)
        times = []
        for _ in range(count):
            self.step += 1
            body = json.dumps({"run_id": self.run, "key": "loss", "value": 1 / self.step, "step": self.step,
                               "timestamp": self.step})
            begin = time.monotonic()
            connection.request("POST", f"{API}/runs/log-metric", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            times.append(time.monotonic() - begin)
            assert response.status == 200, response.status
        connection.close()
        return times

    def upload(self, name, content):
        connection = http.client.HTTPConnection(self.platform.control(), timeout=60)
        connection.request("PUT", f"{self.path}/{name}", content)
        assert connection.getresponse().status == 200
        connection.close()


def head(method, path, host, length=None):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    return "\r\n".join(lines + ([f"Content-Length: {length}"] if length is not None else []) + ["", ""]).encode()


def halves(training, host):
    """What each kind of bad client sends before it stalls."""
    batch = json.dumps({"run_id": training.run, "metrics": [{"key": "half", "value": 1, "timestamp": 1}] * 50}).encode()
    return {
        "half a head": head("POST", f"{API}/runs/search", host)[:40],
        "half a batch": head("POST", f"{API}/runs/log-batch", host, len(batch)) + batch[:-20],
        "an upload begun": head("PUT", f"{training.path}/half.bin", host, 1 << 30) + bytes(100_000),
        "a download unread": head("GET", f"{training.path}/big.bin", host),
    }


def connect(host):
    name, port = host.rsplit(":", 1)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((name, int(port)))
    return client


def hang_up(training, host, times):
    """Asks and goes, without waiting for the answer."""
    body = json.dumps({"experiment_ids": [training.experiment], "max_results": 1000}).encode()
    for _ in range(times):
        client = connect(host)
        client.sendall(head("POST", f"{API}/runs/search", host, len(body)) + body)
        client.close()


def memory(platform):
    for line in Path(f"/proc/{platform.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")


def descriptors(platform):
    return len(os.listdir(f"/proc/{platform.process.pid}/fd"))


def told(times):
    return f"p50 {statistics.median(times) * 1000:.1f} ms, worst {max(times) * 1000:.1f} ms"


def check(platform):
    training = Training(platform)
    host = platform.control()
    training.upload("big.bin", os.urandom(BIG))
    training.log(50)
    alone = training.log(POINTS)
    before, open_before = memory(platform), descriptors(platform)
    held = []
    for what, content in halves(training, host).items():
        for _ in range(EACH):
            client = connect(host)
            client.sendall(content)
            held.append((what, client))
    assert wait_for("the bad clients' arrival", 20, lambda: descriptors(platform) >= open_before - ENDING + len(held))
    hang_up(training, host, 100)
    beside = training.log(POINTS)
    grown = memory(platform) - before
    print(f"alone {told(alone)}; beside {len(held)} stalled clients {told(beside)}; memory + {grown >> 20} MiB")
    assert grown < CLIENT_BYTES_MAX * len(held), f"{grown:,} bytes for {len(held)} clients"
    for what, client in held[:EACH]:  # half a head is given up after 10 s
        client.settimeout(30)
        assert client.recv(100).startswith(b"HTTP/1.1 408"), what
    for _, client in held:
        client.close()
    assert wait_for("their descriptors' end", 30, lambda: descriptors(platform) <= open_before + ENDING)
    run = call(host, "GET", f"{API}/runs/get?run_id={training.run}")[1]["run"]
    assert {metric["key"] for metric in run["data"]["metrics"]} == {"loss"}, "half a batch was taken"
    status, history = call(host, "GET", f"{API}/metrics/get-history?run_id={training.run}&metric_key=loss")
    assert status == 200 and len(history["metrics"]) == training.step
    files = call(host, "GET", f"{API}/artifacts/list?run_id={training.run}")[1]["files"]
    assert [file["path"] for file in files] == ["big.bin"], files
    parts = [path for path in (platform.home / "artifacts").rglob("*") if path.is_file()]
    assert all(path.stat().st_size in (0, BIG) for path in parts), parts


def main():
    with tempfile.TemporaryDirectory() as directory:
        platform = Platform(directory)
        try:
            platform.start()
            check(platform)
        finally:
            platform.stop()
    print("slow clients: all well")


if __name__ == "__main__":
    main()
