#!/usr/bin/env python3
"""Every attack of attack_paths.py on every route that takes a path or a URI, with every method, against a whole
`millwright up`: nothing outside of its home is read or changed, no secret of its home is told, nothing fails inside.

    tests/security/path_attacks.py
"""
import json
import secrets
import socket
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import Platform, wait_for  # noqa: E402

from attack_paths import BROWSER_FILES, BROWSER_NAMES, attacks  # noqa: E402

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")
# Paths of which {P} is the attack, as it is.
PLACES = ("/api/2.0/mlflow-artifacts/artifacts/{P}", "/ajax-api/2.0/mlflow-artifacts/artifacts/{P}",
          "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/{P}", "/api/2.0/mlflow-artifacts/mpu/create/{P}",
          "/api/2.0/mlflow-artifacts/mpu/complete/{P}", "/api/2.0/mlflow-artifacts/mpu/abort/{P}",
          "/api/2.0/mlflow-artifacts/mpu/part/{P}/1", "/api/2.0/mlflow-artifacts/mpu/parts/{P}",
          "/api/2.0/mlflow-artifacts/presigned/{P}", "/api/v1/blobs/{P}", "/api/v1/artifacts/{P}",
          "/api/v1/lineage/{P}",
          "/api/v1/models/{P}/versions/1", "/api/v1/runs/{P}/tasks/{P}/log", "/api/v1/retention/{P}",
          "/assets/{P}", "/{P}",
          "/runs/{P}", "/api/2.0/mlflow/{P}")
SERVING = (("GET", "/v2/models/{P}"), ("POST", "/v2/models/{P}/infer"), ("POST", "/v2/repository/models/{P}/load"),
           ("GET", "/v1/models/{P}"), ("GET", "/{P}"))
# Of which {Q} is the attack, once as it is and once encoded.
QUERIES = (("GET", "/api/2.0/mlflow-artifacts/artifacts?path={Q}"), ("GET", "/get-artifact?run_id={R}&path={Q}"),
           ("GET", "/get-artifact?run_uuid={Q}&path=x"), ("GET", "/api/2.0/mlflow/artifacts/list?run_id={R}&path={Q}"),
           ("GET", "/model-versions/get-artifact?name=attacked&version=1&path={Q}"),
           ("GET", "/model-versions/get-artifact?name={Q}&version={Q}&path=x"),
           ("GET", "/ajax-api/2.0/mlflow/logged-models/{M}/artifacts/files?artifact_file_path={Q}"),
           ("GET", "/api/2.0/mlflow/logged-models/{M}/artifacts/directories?artifact_directory_path={Q}"),
           ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={R}&path={Q}"))
# Whose body names the attack.
BODIES = (("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r", {"path": "{P}", "num_parts": 1}),
          ("POST", "/api/2.0/mlflow-artifacts/mpu/complete/0/r", {"path": "{P}", "upload_id": "{P}", "parts": []}),
          ("POST", "/api/2.0/mlflow/runs/log-inputs",
           {"run_id": "{R}", "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "local",
                                                       "source": "{P}"}}]}),
          ("POST", "/api/2.0/mlflow/logged-models", {"experiment_id": "0", "name": "{P}"}),
          ("POST", "/api/2.0/mlflow/registered-models/create", {"name": "{P}"}),
          ("POST", "/api/v1/models/attacked/versions", {"package": "{P}", "run_id": ""}),
          ("POST", "/api/v1/apply", {"files": [{"path": "{P}", "text": "goal: x"}]}),
          ("POST", "/api/v1/plan", {"files": [{"path": "{P}", "text": "goal: x"}]}),
          ("POST", "/api/v1/gc", {"run_ids": ["{P}"], "dry_run": True}))


class Peer:
    """Raw HTTP/1.1 over one connection: what http.client would not send."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address, self.socket, self.waiting = (host, int(port)), None, b""

    def ask(self, method, target, body=b"", kind="application/json"):
        """(status, head, body); (0, b"", b"") when the connection was closed without an answer."""
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\nContent-Type: {kind}\r\n" \
               f"Content-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape")
        for again in (True, False):
            try:
                if self.socket is None:
                    self.socket, self.waiting = socket.create_connection(self.address, timeout=30), b""
                    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket.sendall(head + body)
                return self.answer(method)
            except (ConnectionError, EOFError):
                self.close()
                if not again:
                    return 0, b"", b""

    def more(self):
        got = self.socket.recv(1 << 16)
        if not got:
            raise EOFError
        self.waiting += got

    def answer(self, method):
        while b"\r\n\r\n" not in self.waiting:
            self.more()
        head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
        status, fields = int(head.split(b" ", 2)[1]), head.lower()
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if b"transfer-encoding: chunked" in fields:  # events: what came so far is enough
                body = self.waiting
                self.close()
                return status, head, body
            length = int(fields.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            while len(self.waiting) < length:
                self.more()
            body, self.waiting = self.waiting[:length], self.waiting[length:]
        if b"connection: close" in fields:
            self.close()
        return status, head, body

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def everything(directory, but):
    """Names, sizes and times of all files outside of the home."""
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in Path(directory).rglob("*")
                  if but not in path.parents and path != but and path.name != "up.log")


class Attack:
    def __init__(self, platform, canary, secret):
        self.peer, self.canary = Peer(platform.control()), canary
        # Also what lies in the home itself is nobody's to read through these routes.
        self.secrets = [secret, b"SQLite format 3", b"root:x:0:0",
                        *((platform.home / name).read_bytes().strip() for name in ("token", "secret"))]
        self.requests, self.wrong = 0, []
        self.run = self.post("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        self.model = self.post("logged-models", {"experiment_id": "0"})["model"]["info"]["model_id"]

    def post(self, path, body):
        status, _, text = self.peer.ask("POST", f"/api/2.0/mlflow/{path}", json.dumps(body).encode())
        assert status == 200, text
        return json.loads(text)

    def check(self, method, target, body=b""):
        status, head, text = self.peer.ask(method, target, body)
        self.requests += 1
        if any(secret in text or secret in head for secret in self.secrets):
            self.wrong.append((method, target, "told a secret", text[:80]))
        if b"\nx-injected" in head.lower():
            self.wrong.append((method, target, "took a header of the attacker", head))
        if status >= 500 and status != 501:
            self.wrong.append((method, target, status, text[:200]))
        return status, text

    def fill(self, template, payload, encode):
        wire = quote(payload.encode("utf-8", "surrogateescape"), safe="") if encode else \
            payload.replace("\x00", "%00").replace(" ", "%20")
        for name, value in (("{P}", wire), ("{Q}", wire), ("{R}", self.run), ("{M}", self.model)):
            template = template.replace(name, value)
        return template

    def everywhere(self, payload):
        # A name that holds the target and was refused nowhere would be a file of that very name inside: fine only
        # where the name climbs nowhere by any reading, so file routes must not take what has dots between slashes.
        for template in PLACES:
            for method in METHODS:
                body = b"x" if method in ("PUT", "POST") else b""
                status, text = self.check(method, self.fill(template, payload, False), body)
                climbs = "/artifacts/" in template and payload.startswith("../")
                if climbs and 200 <= status < 300 and method != "OPTIONS":
                    self.wrong.append((method, template, payload[:60], "was taken", text[:80]))
        for method, template in QUERIES:
            for encode in (True, False):
                self.check(method, self.fill(template, payload, encode), b"x" if method == "POST" else b"")
        for method, target, body in BODIES:
            text = json.dumps(body)
            for name, value in (("{P}", payload), ("{R}", self.run)):
                text = text.replace(name, json.dumps(value)[1:-1])
            self.check(method, target, text.encode("utf-8", "surrogatepass"))

    def as_location(self, number, payload):
        """An experiment at the attack, a run in it, and a version whose source is the attack: then all they lead to."""
        status, text = self.check("POST", "/api/2.0/mlflow/experiments/create",
                                  json.dumps({"name": f"attack {number}", "artifact_location": payload}).encode())
        if status == 200:
            made = json.loads(text)["experiment_id"]
            run = self.post("runs/create", {"experiment_id": made})["run"]["info"]["run_id"]
            for target in (f"/api/2.0/mlflow/artifacts/list?run_id={run}", f"/get-artifact?run_id={run}&path=x",
                           f"/get-artifact?run_id={run}&path={quote(Path(self.canary).name)}"):
                self.check("GET", target)
            self.check("POST", "/api/2.0/mlflow/experiments/delete", json.dumps({"experiment_id": made}).encode())
        for source in (payload, f"mlflow-artifacts:/0/{self.run}/artifacts/{payload}"):
            status, text = self.check("POST", "/api/2.0/mlflow/model-versions/create",
                                      json.dumps({"name": "attacked", "source": source, "run_id": self.run}).encode())
            if status == 200:
                version = json.loads(text)["model_version"]["version"]
                for path in ("x", Path(self.canary).name, ".", ""):
                    self.check("GET", f"/model-versions/get-artifact?name=attacked&version={version}"
                                      f"&path={quote(path)}")

    def through_links(self, home):
        """Links in the tree itself, as somebody with another hole could leave them."""
        tree = home / "artifacts/sha256/aa"
        tree.mkdir(parents=True, exist_ok=True)
        for digit, target in (("1", self.canary), ("2", "/etc/passwd"), ("3", "../../../token"), ("4", ".")):
            (tree / (digit * 62)).symlink_to(target)
            for route in ("/api/v1/artifacts/", "/api/v1/blobs/"):
                status, _ = self.check("GET", f"{route}sha256:aa{digit * 62}")
                assert status >= 400, (digit, status)
            (tree / (digit * 62)).unlink()

    def in_browsers(self):
        for name in BROWSER_NAMES:
            for content in BROWSER_FILES:
                target = f"/api/2.0/mlflow-artifacts/artifacts/0/{self.run}/artifacts/x/{name}"
                status, _, text = self.peer.ask("PUT", target, content)
                if status != 200:
                    assert status == 400, (name, status, text)
                    continue
                for got in (target, f"/get-artifact?run_id={self.run}&path=x/{name}"):
                    status, head, text = self.peer.ask("GET", got)
                    fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
                    said = (status, fields.get("content-type"), fields.get("x-content-type-options"))
                    assert said == (200, "application/octet-stream", "nosniff") and text == content, (got, said)
                    assert fields["content-disposition"].startswith("attachment; filename*=utf-8''"), fields
                    assert not set("<>\"'") & set(fields["content-disposition"].split("''", 1)[1]), fields
                    assert "sandbox" in fields["content-security-policy"], fields
                    assert "default-src 'none'" in fields["content-security-policy"], fields
                    assert len([line for line in head.split(b"\r\n") if line.lower().startswith(b"content-type:")]) == 1
        for target in (f"/api/2.0/mlflow/artifacts/list?run_id={self.run}&path=x", "/api/2.0/mlflow/%3Cscript%3E",
                       "/get-artifact?run_id=%3Cscript%3E&path=x", "/%3Cscript%3Ealert(1)%3C"):
            _, head, _ = self.peer.ask("GET", target)
            fields = head.decode().lower()
            assert "content-type: application/json" in fields and "nosniff" in fields, (target, head)


def main():
    with tempfile.TemporaryDirectory() as directory:
        platform = Platform(directory)
        secret = secrets.token_hex(24).encode()
        canary = Path(directory, "outside/canary.txt")
        canary.parent.mkdir()
        canary.write_bytes(secret)
        try:
            platform.start()
            wait_for("a model server", 30, platform.inference)
            before = everything(directory, platform.home)
            attack = Attack(platform, str(canary), secret)
            status, _, _ = attack.peer.ask("POST", "/api/2.0/mlflow/registered-models/create", b'{"name":"attacked"}')
            payloads = attacks(str(canary))
            assert len(payloads) >= 200, len(payloads)
            for number, payload in enumerate(payloads):
                attack.everywhere(payload)
                attack.as_location(number, payload)
            data_plane = Peer(platform.inference())
            for payload in payloads:
                for method, template in SERVING:
                    status, head, text = data_plane.ask(method, attack.fill(template, payload, False), b"{}")
                    attack.requests += 1
                    if status >= 500 and status not in (501, 503) or any(one in text + head for one in attack.secrets):
                        attack.wrong.append((method, template, payload[:60], status, text[:120]))
            attack.through_links(platform.home)
            attack.in_browsers()
            assert platform.process.poll() is None, "it ended"
            assert canary.read_bytes() == secret, "the canary was changed"
            assert everything(directory, platform.home) == before, "something outside of the home changed"
            assert not attack.wrong, "\n".join(map(str, attack.wrong[:20])) + f"\n... {len(attack.wrong)} in all"
        finally:
            platform.stop()
    print(f"{len(payloads)} attacks in {attack.requests} requests: nothing outside was read or changed")


if __name__ == "__main__":
    main()
