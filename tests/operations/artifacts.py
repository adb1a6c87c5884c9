#!/usr/bin/env python3
"""Artifacts of a whole `millwright up`: large files in little memory, uploads and downloads that go on after kill -9,
purges killed in the middle, a disk that is full.

    tests/operations/artifacts.py [--megabytes 256] [--rounds 5]

The full disk is a small file system in memory, which only root can make; others are told that this part was left out.
"""
import argparse
import contextlib
import hashlib
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))
from crash_rounds import Platform, wait_for  # noqa: E402

PROXY = "/api/2.0/mlflow-artifacts"
MEMORY_GROWTH_MAX_KB = 32 << 10


def ask(platform, method, path, body=None, headers=None):
    """(status, headers, bytes)"""
    connection = http.client.HTTPConnection(platform.control(), timeout=120)
    try:
        if isinstance(body, dict):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(platform, path, body):
    status, _, text = ask(platform, "POST", path, body)
    assert status == 200, (path, status, text)
    return json.loads(text or b"{}")


def mlflow(platform, path, body):
    return post(platform, f"/api/2.0/mlflow/{path}", body)


def pieces(megabytes, seed):
    """Bytes that do not repeat, made as they are sent."""
    block = random.Random(seed).randbytes(1 << 20)
    for number in range(megabytes):
        yield number.to_bytes(8, "big") + block[8:]


# ---- memory ----

def memory_kb(platform, what):
    for line in Path(f"/proc/{platform.process.pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1])
    raise AssertionError(what)


def large_file(platform, megabytes):
    path = f"{PROXY}/artifacts/0/large/artifacts/big.bin"
    ask(platform, "PUT", path, b"small")  # what a first request needs is there
    before = memory_kb(platform, "VmRSS")
    Path(f"/proc/{platform.process.pid}/clear_refs").write_text("5")  # the peak starts again from here
    digest = hashlib.sha256()
    for piece in pieces(megabytes, 1):
        digest.update(piece)
    connection = http.client.HTTPConnection(platform.control(), timeout=600)
    connection.request("PUT", path, pieces(megabytes, 1), {"Content-Length": str(megabytes << 20)})
    answer = connection.getresponse()
    assert answer.status == 200 and digest.hexdigest() in answer.headers["ETag"], (answer.status, answer.read())
    answer.read()
    connection.request("GET", path)
    answer, got = connection.getresponse(), hashlib.sha256()
    while piece := answer.read(1 << 20):
        got.update(piece)
    connection.close()
    assert got.hexdigest() == digest.hexdigest(), "other bytes came back"
    grown = memory_kb(platform, "VmHWM") - before
    assert grown < MEMORY_GROWTH_MAX_KB, f"{megabytes} MB up and down took {grown} kB of memory"
    ask(platform, "DELETE", path)
    return grown


# ---- going on ----

def goes_on(platform):
    content = random.Random(2).randbytes(9 << 20)
    part = 3 << 20
    made = post(platform, f"{PROXY}/mpu/create/0/r/artifacts", {"path": "big.bin", "num_parts": 3})
    upload, tags = made["upload_id"], {}
    address = {one["part_number"]: "/" + one["url"].split("/", 3)[3] for one in made["credentials"]}

    def send(number):
        status, headers, text = ask(platform, "PUT", address[number], content[(number - 1) * part:number * part])
        assert status == 200, text
        tags[number] = headers["ETag"]

    send(3)
    send(1)
    platform.kill()
    platform.start()
    there = json.loads(ask(platform, "GET", f"{PROXY}/mpu/parts/{upload}")[2])
    assert [one["part_number"] for one in there["parts"]] == [1, 3] and not there["completed"], there
    assert ask(platform, "GET", f"{PROXY}/artifacts/0/r/artifacts/big.bin")[0] == 404
    send(2)
    parts = [{"part_number": number, "etag": tags[number]} for number in (1, 2, 3)]
    for _ in range(2):
        post(platform, f"{PROXY}/mpu/complete/0/r/artifacts", {"path": "big.bin", "upload_id": upload, "parts": parts})

    # A download that was cut off takes up at its last byte, if it is still the same file.
    connection = http.client.HTTPConnection(platform.control(), timeout=60)
    connection.request("GET", f"{PROXY}/artifacts/0/r/artifacts/big.bin")
    answer = connection.getresponse()
    tag, had = answer.headers["ETag"], answer.read(4 << 20)
    platform.kill()
    connection.close()
    platform.start()
    status, _, rest = ask(platform, "GET", f"{PROXY}/artifacts/0/r/artifacts/big.bin",
                          headers={"Range": f"bytes={len(had)}-", "If-Range": tag})
    assert status == 206 and had + rest == content, status


# ---- purges ----

def stored(platform):
    """digest -> bytes on disk"""
    root = platform.home / "artifacts/sha256"
    return {path.parent.name + path.name: path.stat().st_size for path in root.rglob("*") if path.is_file()}


def make_run(platform, contents):
    run = mlflow(platform, "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    points = [{"key": f"m{i % 60}", "value": i, "timestamp": i, "step": i} for i in range(900)]
    for _ in range(4):
        mlflow(platform, "runs/log-batch", {"run_id": run, "metrics": points, "params": [{"key": "p", "value": "v"}]})
    for name, content in contents.items():
        assert ask(platform, "PUT", f"{PROXY}/artifacts/0/{run}/artifacts/{name}", content)[0] == 200
    return run


def collect(platform, **more):
    return post(platform, "/api/v1/gc", {"grace": "0s", **more})


def killed_purges(platform, rounds):
    chance = random.Random(3)
    for number in range(rounds):
        shared = f"shared {number}".encode()
        kept = [make_run(platform, {"own": f"kept {number} {i}".encode(), "both": shared}) for i in range(2)]
        purged = [make_run(platform, {**{f"d/{j}": f"{number} {i} {j}".encode() for j in range(30)}, "both": shared})
                  for i in range(3)]
        for run in purged:
            mlflow(platform, "runs/delete", {"run_id": run})

        def purge():
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                collect(platform)
        worker = threading.Thread(target=purge)
        worker.start()
        worker.join(chance.random() * 0.12)
        platform.kill()
        worker.join()
        platform.start()
        for run, i in zip(kept, range(2)):
            got = ask(platform, "GET", f"{PROXY}/artifacts/0/{run}/artifacts/own")[2]
            assert got == f"kept {number} {i}".encode(), got
            assert ask(platform, "GET", f"{PROXY}/artifacts/0/{run}/artifacts/both")[2] == shared
        collect(platform)
        for run in purged:
            status, _, _ = ask(platform, "GET", f"/api/2.0/mlflow/runs/get?run_id={run}")
            listed = json.loads(ask(platform, "GET", f"{PROXY}/artifacts?path=0/{run}/artifacts")[2])
            assert status == 404 and "files" not in listed, (status, listed)
    collect(platform, orphans=True)
    wanted = set()
    for number in range(rounds):
        wanted.add(hashlib.sha256(f"shared {number}".encode()).hexdigest())
        wanted |= {hashlib.sha256(f"kept {number} {i}".encode()).hexdigest() for i in range(2)}
    left = stored(platform)
    assert wanted <= left.keys(), "a named file is gone"
    orphans = [digest for digest in left if digest not in wanted and left[digest] < 100]
    assert not orphans, f"{len(orphans)} files of purged runs are left"


def uploads_are_not_overtaken(platform):
    """The same bytes stored again and again while they are collected: whoever got an answer has them."""
    stop, lost = threading.Event(), []

    def gather():
        while not stop.is_set():
            collect(platform, orphans=True, grace="2s")
    collector = threading.Thread(target=gather)
    collector.start()
    for number in range(60):
        path = f"{PROXY}/artifacts/0/again/artifacts/x{number}"
        assert ask(platform, "PUT", path, b"again and again")[0] == 200
        if ask(platform, "GET", path)[2] != b"again and again":
            lost.append(number)
        ask(platform, "DELETE", path)
    stop.set()
    collector.join()
    assert not lost, lost


# ---- a full disk ----

def full_disk(directory):
    disk = Path(directory, "disk")
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode != 0:
        print("a full disk was left out: only root can make a small file system")
        return
    try:
        platform = Platform(disk)
        platform.log = open(Path(directory, "full.log"), "ab")
        try:
            platform.start()
            fill_and_free(platform, disk)
        finally:
            platform.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill_and_free(platform, disk):
    run = make_run(platform, {"first": b"first"})
    metric = {"run_id": run, "key": "m", "value": 1.5, "timestamp": 1, "step": 1}
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(2 << 20))  # what is freed in the end
    status, number = 200, 0
    while status == 200:
        path = f"{PROXY}/artifacts/0/{run}/artifacts/{number}"
        status, _, text = ask(platform, "PUT", path, random.Random(number).randbytes(4 << 20))
        number += 1
        assert number < 20
    said = json.loads(text)
    assert status == 507 and said["error_code"] == "RESOURCE_EXHAUSTED" and "full" in said["message"], (status, said)
    with contextlib.suppress(OSError), open(ballast, "ab", buffering=0) as more:
        while more.write(bytes(4096)):
            pass
    statuses = set()
    for step in range(4000):  # what the database has room for within its files is still written
        status, _, text = ask(platform, "POST", "/api/2.0/mlflow/runs/log-batch",
                              {"run_id": run, "metrics": [metric | {"key": f"k{i}", "step": step} for i in range(500)]})
        statuses.add(status)
        if status == 507:
            break
    assert statuses <= {200, 507} and 507 in statuses, (statuses, text)
    # Reads go on.
    assert ask(platform, "GET", f"/api/2.0/mlflow/runs/get?run_id={run}")[0] == 200
    assert ask(platform, "GET", f"{PROXY}/artifacts/0/{run}/artifacts/first")[2] == b"first"
    assert ask(platform, "GET", "/health")[0] == 200
    assert ask(platform, "GET", f"{PROXY}/artifacts/0/{run}/artifacts/{number - 1}")[0] == 404, "half a file"
    # And writes, once there is room, by themselves.
    ballast.unlink()
    wait_for("a write after space was freed", 20,
             lambda: ask(platform, "POST", "/api/2.0/mlflow/runs/log-metric", metric)[0] == 200)
    assert ask(platform, "PUT", f"{PROXY}/artifacts/0/{run}/artifacts/last", b"last")[0] == 200
    assert ask(platform, "GET", f"{PROXY}/artifacts/0/{run}/artifacts/last")[2] == b"last"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        platform = Platform(directory)
        try:
            platform.start()
            grown = large_file(platform, options.megabytes)
            print(f"{options.megabytes} MB up and down: {grown} kB more memory", flush=True)
            goes_on(platform)
            killed_purges(platform, options.rounds)
            uploads_are_not_overtaken(platform)
        finally:
            platform.stop()
        full_disk(directory)
    print("uploads and downloads went on, purges too; nothing that is named was lost")


if __name__ == "__main__":
    main()
