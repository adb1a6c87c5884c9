#!/usr/bin/env python3
"""A rolling restart of two model servers behind a real nginx and a real HAProxy, under load: not one request may fail.

    tests/operations/rolling_restart.py [--programs build/release/bin] [--seconds 1.5] [--balancer nginx|haproxy]

Both run with the configuration of docs/guide/operations.md, read from there. Threads ask through them without a pause,
on connections that stay and on new ones, and compare every answer with the one before the restart; meanwhile each
server ends by SIGTERM and starts again, and behind nginx one is killed outright. Needs nginx (Debian's nginx-light) and
haproxy.
"""
import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guide/operations.md"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
FEATURES = 30
FRAME = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  log_format attempts '$status $upstream_addr $upstream_status';
  access_log {folder}/access.log attempts;
{guide}
}}
"""

HAPROXY_FRAME = """
global
  maxconn 512
defaults
  mode http
  timeout connect 500ms
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 30s
frontend load
  bind unix@{socket}
  default_backend millwright
{guide}
"""


def until(what, seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


class Server:
    def __init__(self, programs, model):
        self.command = [programs / "millwright", "serve", "--model", f"floats={model}", "--grpc-listen", "none",
                        "--listen"]
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        """Anew, at the address it had."""
        self.process = subprocess.Popen([*self.command, self.address], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().split("//")[1].strip()
        until("ready", 10, self.ready)

    def get(self, path):
        connection = http.client.HTTPConnection(self.address, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self):
        return self.get("/v2/health/ready")[0] == 200

    def end(self):
        begun = time.monotonic()
        self.process.terminate()
        assert self.process.wait(15) == 0
        return time.monotonic() - begun


def listens_at(path):
    """Its file is there a moment before it is listened to."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def guide_of(balancer, servers):
    """The configuration in the guide, with the servers' own addresses."""
    guide = re.search(rf"```{balancer}\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    for place, server in zip(("10.0.0.1:8080", "10.0.0.2:8080"), servers):
        assert place in guide, f"{GUIDE} names another place than {place}"
        guide = guide.replace(place, server.address)
    return guide


class Nginx:
    retries_all = True

    def __init__(self, folder, servers):
        self.folder, self.socket = folder, f"{folder}/nginx.sock"
        guide = guide_of("nginx", servers)
        guide, listens = re.subn(r"listen [^;]*;", f"listen unix:{self.socket};", guide)
        assert listens == 1
        configuration = folder / "nginx.conf"
        configuration.write_text(FRAME.format(folder=folder, guide=guide))
        words = [NGINX, "-p", folder, "-c", configuration, "-e", folder / "error.log"]
        if os.geteuid() == 0:
            words += ["-g", "user root;"]
        self.process = subprocess.Popen(words)
        until("nginx listens", 10, lambda: listens_at(self.socket))

    def stop(self):
        self.process.terminate()
        assert self.process.wait(15) == 0

    def attempts(self):
        """Of every request: status for the client, status of each server that was asked."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [(line.split()[0], re.findall(r"\S+", line.split(maxsplit=1)[1].replace(",", ""))) for line in lines]


    def check(self):
        attempts = self.attempts()
        retried = sum(len(upstream) > 2 for _, upstream in attempts)
        assert len(attempts) > 1000 and retried > 0, "no server was away while requests came"
        return f"{retried} asked of a second server"

    def complaints(self):
        return (self.folder / "error.log").read_text()


class Haproxy:
    retries_all = False  # what a killed server had begun fails

    def __init__(self, folder, servers):
        self.folder, self.socket = folder, f"{folder}/haproxy.sock"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(HAPROXY_FRAME.format(socket=self.socket, guide=guide_of("haproxy", servers)))
        self.log = (folder / "haproxy.log").open("w")
        self.process = subprocess.Popen([HAPROXY, "-db", "-f", configuration], stdout=self.log, stderr=self.log)
        until("HAProxy listens", 10, lambda: listens_at(self.socket))

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
        self.log.close()

    def check(self):
        seen = self.complaints()
        for server in ("one", "two"):
            assert f"Server millwright/{server} is DOWN" in seen and f"Server millwright/{server} is UP" in seen, seen
        return "checks saw each server go and come back"

    def complaints(self):
        return (self.folder / "haproxy.log").read_text()


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def question(rows, chance):
    values = [None if chance.random() < 0.1 else chance.uniform(0, 25) for _ in range(rows * FEATURES)]
    tensor = {"name": "rows", "shape": [rows, FEATURES], "datatype": "FP32", "data": values}
    return json.dumps({"id": str(rows), "inputs": [tensor]})


class Load:
    """Threads that ask without a pause until stop()."""

    def __init__(self, path, threads):
        self.path, self.stopping, self.asked, self.failed, self.slowest = path, False, [0] * threads, [], 0.0
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]

    def start(self):
        self.expected = {}
        connection = LocalConnection(self.path)
        chance = random.Random(3)
        for rows in (1, 3, 40, 500):
            body = question(rows, chance)
            status, answer = self.ask(connection, body)
            assert status == 200, answer
            self.expected[body] = answer
        connection.close()
        for thread in self.threads:
            thread.start()

    @staticmethod
    def ask(connection, body):
        connection.request("POST", "/v2/models/floats/infer", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def run(self, number):
        chance = random.Random(number)
        bodies = list(self.expected)
        connection = LocalConnection(self.path)
        while not self.stopping:
            body = chance.choice(bodies)
            begun = time.monotonic()
            try:
                status, answer = self.ask(connection, body)
                if status != 200 or answer != self.expected[body]:
                    self.failed.append((status, answer[:200]))
            except (OSError, http.client.HTTPException) as error:
                self.failed.append((0, repr(error)))
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.asked[number] += 1
            if number == 0:  # one of them keeps no connection
                connection.close()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            if thread.is_alive():
                thread.join()


def answered(server):
    """Requests that one server answered since it started."""
    status, text = server.get("/metrics")
    assert status == 200
    counts = re.findall(r"^millwright_inference_requests_total\{[^}]*\} (\d+)", text, re.MULTILINE)
    return sum(int(count) for count in counts)


def back_in(server):
    before = answered(server)
    until("the balancer asks the server again", 10, lambda: answered(server) > before + 20)


def restart_each(servers, load, pause):
    for server in servers:
        until("load", 10, lambda: sum(load.asked) > 100)
        drained = server.end()
        time.sleep(pause)  # the load's, with one server
        server.start()
        back_in(server)
        print(f"restarted {server.address}: ended in {drained:.2f} s; {sum(load.asked):,} asked, "
              f"{len(load.failed)} failed")


def kill_one(server, load, pause):
    server.process.kill()
    server.process.wait()
    time.sleep(pause)  # the load's, with one server
    server.start()
    back_in(server)
    print(f"killed {server.address} and started it again: {sum(load.asked):,} asked, {len(load.failed)} failed")


def run(programs, pause, folder, balancer):
    folder.mkdir()
    subprocess.run([programs / "conformance_models", folder], check=True)
    servers = [Server(programs, folder / "floats.json") for _ in range(2)]
    front = balancer(folder, servers)
    load = Load(front.socket, 6)
    try:
        load.start()
        restart_each(servers, load, pause)
        if balancer.retries_all:
            kill_one(servers[0], load, pause)
    finally:
        load.stop()
        front.stop()
        for server in servers:
            server.process.kill()
            server.process.wait()
    print(f"{balancer.__name__}: {sum(load.asked):,} requests, {len(load.failed)} failed, "
          f"the slowest took {load.slowest * 1000:.0f} ms")
    if load.failed:
        print(front.complaints()[-3000:])
    assert not load.failed, load.failed[:5]
    print(f"{balancer.__name__}: {front.check()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, default=os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin"))
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each server is away")
    balancers = {"nginx": Nginx, "haproxy": Haproxy}
    parser.add_argument("--balancer", choices=balancers, help="only this one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in [options.balancer] if options.balancer else balancers:
            run(Path(options.programs).resolve(), options.seconds, Path(folder, name), balancers[name])
    print("rolling restart: all well")


if __name__ == "__main__":
    main()
