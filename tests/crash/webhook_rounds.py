#!/usr/bin/env python3
"""Kills the control plane at seeded random moments while models are registered; in the end the receiver of a webhook
has had every event that was acknowledged, in the order of the changes, signed, and repeated only under the same id."""
import base64
import hashlib
import hmac
import json
import random
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crash_rounds import arguments, call, run_rounds, wait_for

SECRET = "a secret of ours"
MODELS = 60


@contextmanager
def receiver(chance):
    """Its URL, and (delivery id, model) of everything that came. One in five is told to come again."""
    came, faults = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signed = f"{self.headers['X-MLflow-Delivery-Id']}.{self.headers['X-MLflow-Timestamp']}.".encode() + body
            right = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
            if self.headers["X-MLflow-Signature"] != f"v1,{right}":
                faults.append((dict(self.headers), body))
            taken = chance.random() < 0.8
            if taken:
                came.append((self.headers["X-MLflow-Delivery-Id"], json.loads(body)["data"]["name"]))
            self.send_response(200 if taken else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/", came, faults
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def create(platform, name):
    """Until it is acknowledged: a call whose answer was lost is asked again, and then the model is there already."""
    def ask():
        try:
            status, body = call(platform.control(), "POST", "/api/2.0/mlflow/registered-models/create", {"name": name})
        except (OSError, ValueError, KeyError):
            return None
        assert status == 200 or body["error_code"] == "RESOURCE_ALREADY_EXISTS", body
        return True
    wait_for(f"model {name}", 60, ask)


def one_round(platform, seed):
    """How often the control plane was killed, and how many events came more than once."""
    chance = random.Random(seed)
    with receiver(random.Random(seed)) as (url, came, faults):
        status, body = call(platform.control(), "POST", "/api/2.0/mlflow/webhooks", {
            "name": "crash", "url": url, "secret": SECRET,
            "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]})
        assert status == 200, body
        names = [f"round{seed}-{number}" for number in range(MODELS)]
        writer = threading.Thread(target=lambda: [create(platform, name) or time.sleep(0.05) for name in names])
        writer.start()
        kills = 0
        while writer.is_alive() or kills == 0:
            time.sleep(chance.uniform(0.05, 0.6))
            platform.kill()
            kills += 1
            platform.start()
        writer.join()
        wait_for("the last event", 120, lambda: {name for _, name in list(came)} == set(names))
        hook = body["webhook"]["webhook_id"]
        status, body = call(platform.control(), "DELETE", f"/api/2.0/mlflow/webhooks/{hook}", {})
        assert status == 200, body
        assert not faults, f"not signed as it should be: {faults[0]}"
        first = list(dict.fromkeys(name for _, name in came))
        assert first == names, f"not in the order of the changes: {first}"
        ids = {}
        for delivery, name in came:
            assert ids.setdefault(name, delivery) == delivery, f"{name} came under two ids"
        return kills, len(came) - MODELS


def main():
    options = arguments(__doc__, 10).parse_args()
    counts = []
    passed, failed = run_rounds(options, lambda *_: None,
                                lambda platform, _, seed: counts.append(one_round(platform, seed)),
                                ["--webhook-allow", "127.0.0.1"])
    print(f"{MODELS * passed} events, killed {sum(kills for kills, _ in counts)} times, "
          f"events that came again {sum(repeats for _, repeats in counts)}")
    print(f"rounds: {passed} whole, {failed} not")
    return failed


if __name__ == "__main__":
    sys.exit(main())
