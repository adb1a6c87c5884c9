#!/usr/bin/env python3
"""The S3 store against a real S3-speaking server (moto, from PyPI): the contract suite of blob stores, then a control
plane whose artifacts lie there: up, down, in ranges, collected, and the server restarted under it.

    tests/conformance/s3_store.py

The server comes at the versions and digests of s3_requirements.txt, into build/s3_server.
"""
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from client_environment import ROOT, run_within

if __name__ == "__main__":
    run_within("s3_server", Path(__file__).with_name("s3_requirements.txt"))

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, wait_for  # noqa: E402

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class S3Platform(Platform):
    def __init__(self, directory, endpoint):
        super().__init__(directory)
        self.endpoint = endpoint

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "millwright", "up", "--home", self.home, "--listen", "127.0.0.1:0", "--inference-listen",
             "127.0.0.1:0", "--artifacts", "s3://artifacts/mill", "--s3-endpoint", self.endpoint],
            stdout=self.log, stderr=self.log, env=os.environ | KEYS)
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


def whole_program(endpoint, s3):
    with tempfile.TemporaryDirectory() as directory:
        platform = S3Platform(directory, endpoint)
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
    finally:
        server.stop()
    print("the contract suite and a whole control plane passed on a real S3-speaking server")


if __name__ == "__main__":
    main()
