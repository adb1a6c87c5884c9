#!/usr/bin/env python3
"""The S3 store against a real S3-speaking server (moto, from PyPI): the contract suite of blob stores, then a control
plane whose artifacts lie there: up, down, in ranges, collected, and the control plane restarted; in plain HTTP and in
TLS.

    tests/conformance/s3_store.py

The server comes at the versions and digests of s3_requirements.txt, into build/s3_server.
"""
import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from client_environment import ROOT, run_within

if __name__ == "__main__":
    run_within("s3_server", Path(__file__).with_name("s3_requirements.txt"))

import boto3  # noqa: E402
from moto.server import DomainDispatcherApplication, ThreadedMotoServer, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, wait_for  # noqa: E402

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class S3Platform(Platform):
    def __init__(self, directory, endpoint, certificate):
        super().__init__(directory)
        self.endpoint = endpoint
        self.trust = {"SSL_CERT_FILE": str(certificate)} if certificate else {}

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "millwright", "up", "--home", self.home, "--listen", "127.0.0.1:0", "--inference-listen",
             "127.0.0.1:0", "--artifacts", "s3://artifacts/mill", "--s3-endpoint", self.endpoint],
            stdout=self.log, stderr=self.log, env=os.environ | KEYS | self.trust)
        wait_for("the control plane's answer", 30, self.healthy)


def ask(platform, method, path, body=None, headers=None):
    """(status, headers, bytes)"""
    request = urllib.request.Request(f"http://{platform.control()}{path}", body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def contract(endpoint):
    subprocess.run([BIN / "s3_store", "--gtest_brief=1"], check=True, env=os.environ | {"MILLWRIGHT_TEST_S3": endpoint})


def whole_program(endpoint, s3, certificate=None):
    with tempfile.TemporaryDirectory() as directory:
        platform = S3Platform(directory, endpoint, certificate)
        try:
            platform.start()
            root = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts"
            content = os.urandom(40 << 20)  # a multipart upload behind the scenes
            status, headers, _ = ask(platform, "PUT", f"{root}/big.bin", content)
            assert status == 200 and hashlib.sha256(content).hexdigest() in headers["ETag"], (status, headers)
            assert ask(platform, "GET", f"{root}/big.bin")[2] == content
            assert ask(platform, "GET", f"{root}/big.bin", headers={"Range": "bytes=30000000-30000009"})[2] == \
                content[30_000_000:30_000_010]
            objects = s3.list_objects_v2(Bucket="artifacts", Prefix="mill/sha256/").get("Contents", [])
            assert sum(one["Size"] for one in objects) >= len(content), objects
            platform.kill()
            platform.start()
            assert ask(platform, "GET", f"{root}/big.bin", headers={"Range": "bytes=0-9"})[2] == content[:10]
            assert ask(platform, "DELETE", f"{root}/big.bin")[0] == 200
            gone = json.loads(ask(platform, "POST", "/api/v1/gc", b'{"orphans":true,"grace":"0s"}',
                                  {"Content-Type": "application/json"})[2])
            assert gone["blobs"] == 0 or gone["blob_bytes"] >= len(content), gone
            shown = Path(f"/proc/{platform.process.pid}/cmdline").read_text()
            assert "testing" not in shown, "a secret in the list of processes"
        finally:
            platform.stop()


@contextlib.contextmanager
def in_tls(directory):
    """The same buckets behind TLS: (endpoint, the certificate to trust)."""
    key, certificate = Path(directory, "key.pem"), Path(directory, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=a test", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True,
                         ssl_context=(str(certificate), str(key)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", certificate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def not_trusted(endpoint):
    """A server that nobody vouches for gets no artifact: `up` says so and ends."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [BIN / "millwright", "up", "--home", home, "--listen", "127.0.0.1:0", "--inference-listen", "127.0.0.1:0",
             "--artifacts", "s3://artifacts/mill", "--s3-endpoint", endpoint],
            capture_output=True, text=True, timeout=60, env=os.environ | KEYS, check=False)
        assert done.returncode != 0 and "certificate" in done.stdout + done.stderr, done


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    try:
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="testing",
                          aws_secret_access_key="testing")
        for bucket in ("contract", "artifacts"):
            s3.create_bucket(Bucket=bucket)
        contract(endpoint)
        whole_program(endpoint, s3)
        with tempfile.TemporaryDirectory() as directory, in_tls(directory) as (secure, certificate):
            whole_program(secure, s3, certificate)
            not_trusted(secure)
    finally:
        server.stop()
    print("the contract suite and a whole control plane passed on a real S3-speaking server")


if __name__ == "__main__":
    main()
