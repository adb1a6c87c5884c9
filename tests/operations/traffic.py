#!/usr/bin/env python3
"""Who answers, who is shown what and who is let in, set by the verbs on a running Millwright: a shadow compared with
the primary version, a canary and a split that are sticky, guaranteed rows a second, an endpoint removed and made anew.

    tests/operations/traffic.py

All the while a thread asks the endpoint: no request may fail but those that the limits turn away.
"""
import http.client
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, MODEL_PIPELINE, Platform, millwright, wait_for, write_files  # noqa: E402


def verb(platform, *words, code=0):
    done = subprocess.run([BIN / "millwright", *map(str, words), "--home", platform.home], capture_output=True,
                          text=True, check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def body_of(rows, **parameters):
    columns = [{"name": name, "shape": [len(rows)], "datatype": "FP64", "data": [row[i] for row in rows]}
               for i, name in enumerate("xz")]
    return json.dumps({"parameters": parameters, "inputs": columns})


def ask(platform, rows, version="", headers=None, **parameters):
    """(status, answer, headers)"""
    connection = http.client.HTTPConnection(platform.inference(), timeout=10)
    try:
        path = f"/v2/models/toy{f'/versions/{version}' if version else ''}/infer"
        connection.request("POST", path, body_of(rows, **parameters),
                           {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), dict(answer.getheaders())
    finally:
        connection.close()


def outputs(answer):
    return {output["name"]: output["data"] for output in answer["outputs"]}


def random_rows(count, chance):
    return [(round(chance.random(), 3), round(chance.random(), 3)) for _ in range(count)]


def metrics(platform):
    connection = http.client.HTTPConnection(platform.inference(), timeout=5)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
            if line and not line.startswith("#")}


def served(platform, **weights):
    """Waits until the model server gives the versions these weights."""
    def there():
        view = platform.get("/api/v1/endpoints/toy")
        return view["ready"] and {str(v["version"]): v["weight"] for v in view["versions"]
                                  if v["weight"] or v.get("shadow_share")} == weights
    wait_for(f"weights {weights}", 20, there)


class Asking(threading.Thread):
    """Asks all through the test; what was not answered is kept."""

    def __init__(self, platform):
        super().__init__()
        self.platform, self.answered, self.failed, self.stopped = platform, 0, [], threading.Event()

    def run(self):
        chance = random.Random(11)
        while not self.stopped.wait(0.005):
            try:
                status, answer, _ = ask(self.platform, random_rows(2, chance))
            except OSError as error:
                status, answer = 0, str(error)
            if status == 200:
                self.answered += 1
            else:
                self.failed.append((status, answer))

    def end(self):
        self.stopped.set()
        self.join()


def look_at_the_shadow(platform):
    said = verb(platform, "deploy", "toy@2", "--to", "toy", "--shadow")
    assert "answers with version 1 of toy, shadow 2" in said, said

    def shadow_is_there():
        return any(v.get("shadow_share") and v["servers"] and v["servers"][0]["state"] == "READY"
                   for v in platform.get("/api/v1/endpoints/toy")["versions"])
    wait_for("the shadow", 20, shadow_is_there)
    chance = random.Random(5)
    before = metrics(platform)
    label = '{model="toy",version="2"}'
    compared = f"millwright_inference_shadow_rows_total{label}"
    differences, decisions = [], 0
    for _ in range(40):
        rows = random_rows(10, chance)
        status, primary, _ = ask(platform, rows)
        assert status == 200 and primary["model_version"] == "1", primary
        other = outputs(ask(platform, rows, version=2)[1])
        mine = outputs(primary)
        differences += [abs(a - b) for a, b in zip(mine["probability"], other["probability"])]
        decisions += sum(a != b for a, b in zip(mine.get("decision", []), other.get("decision", [])))
    assert max(differences) > 0.001, "the versions do not differ"
    wait_for("400 rows compared", 20, lambda: metrics(platform)[compared] - before.get(compared, 0) >= 400)
    now = metrics(platform)
    assert now[f"millwright_inference_shadow_difference_max{label}"] >= max(differences) - 1e-6
    assert now[f"millwright_inference_shadow_disagreements_total{label}"] >= decisions
    assert now[f"millwright_inference_shadow_failures_total{label}"] == 0
    wait_for("the shadow's outcome in the endpoint's view", 20,
             lambda: re.search(r"shadow 2 on \w+: [1-9][\d,]* rows compared", verb(platform, "endpoint", "toy")))
    print(verb(platform, "endpoint", "toy"))
    verb(platform, "split", "toy", "--shadow", "2=25%")
    wait_for("a quarter", 20, lambda: "25%" in verb(platform, "endpoint", "toy"))
    verb(platform, "split", "toy", "--shadow", "none")
    served(platform, **{"1": 10000})


def versions_of_users(platform, headers, **parameters):
    """user -> version; every user asks three times and must stay where it is."""
    found = {}
    for user in range(60):
        mine = {ask(platform, [(0.5, 0.5)], headers={k: v.format(user) for k, v in headers.items()},
                    **{k: v.format(user) for k, v in parameters.items()})[1]["model_version"] for _ in range(3)}
        assert len(mine) == 1, (user, mine)
        found[user] = mine.pop()
    return found


def look_at_the_canary(platform):
    said = verb(platform, "deploy", "toy@2", "--to", "toy", "--weight", "20%")
    assert "versions 2 (20%), 1 (80%)" in said, said
    verb(platform, "split", "toy", "--sticky", "parameter=user")
    served(platform, **{"1": 8000, "2": 2000})
    canary = versions_of_users(platform, {}, user="user-{}")
    assert 3 <= list(canary.values()).count("2") <= 25, canary
    said = verb(platform, "split", "toy", "1=50%", "2=50%", "--sticky", "header=x-user")
    assert "versions 2 (50%), 1 (50%)" in said, said
    served(platform, **{"1": 5000, "2": 5000})
    half = versions_of_users(platform, {"X-User": "user-{}"})
    assert all(half[user] == "2" for user, version in canary.items() if version == "2"), "who had the canary keeps it"
    assert 18 <= list(half.values()).count("2") <= 42, half
    verb(platform, "rollback", "toy", "--reason", "the test is over")
    served(platform, **{"1": 10000})


def look_at_the_limits(platform):
    refused = verb(platform, "limits", "--client", "shop", "--rows-per-second", 400, code=2)
    assert "guaranteed 400 rows a second together" in refused, refused
    said = verb(platform, "limits", "--rows-per-second-max", 500, "--client", "shop", "--rows-per-second", 400)
    assert "x-client" in said and "400 rows a second guaranteed" in said, said
    chance = random.Random(6)

    def turned_away():
        return ask(platform, random_rows(100, chance))[0] == 429
    wait_for("somebody turned away", 20, turned_away)
    status, answer, headers = ask(platform, random_rows(100, chance), headers={"X-Client": "stranger"})
    assert status == 429 and int(headers["Retry-After"]) >= 1, (status, answer, headers)
    shop = [ask(platform, random_rows(100, chance), headers={"X-Client": "shop"})[0] for _ in range(3)]
    assert shop == [200] * 3, "the client's own share is not touched by others"
    label = '{client="shop"}'
    assert metrics(platform)[f"millwright_inference_client_rows_total{label}"] == 300
    print(verb(platform, "limits"))
    assert "no limit" in verb(platform, "limits", "--none")
    wait_for("nobody turned away", 20, lambda: not turned_away())


def look_at_the_end(platform):
    verb(platform, "undeploy", "toy")
    wait_for("the endpoint's end", 20, lambda: ask(platform, [(0.5, 0.5)])[0] == 404)
    verb(platform, "endpoint", "toy", code=1)
    verb(platform, "deploy", "toy@2", "--to", "toy")
    assert ask(platform, [(0.5, 0.5)])[1]["model_version"] == "2"


def main():
    directory = tempfile.mkdtemp(prefix="mwtraffic")
    platform = Platform(directory)
    begun = time.monotonic()
    try:
        folder = write_files(directory)
        other = MODEL_PIPELINE % {"name": "make-other", "times": ""}
        other = "\n".join(line for line in other.splitlines() if not line.strip().startswith("deploy:"))
        (folder / "other.yaml").write_text(other.replace("max_depth: 3", "max_depth: 1").replace("seed: 1", "seed: 9"))
        platform.start()
        millwright(platform, "apply", "-f", folder)
        millwright(platform, "run", "make-model")
        millwright(platform, "run", "make-other")
        wait_for("the endpoint", 30, lambda: platform.get("/api/v1/endpoints/toy")["ready"])
        asking = Asking(platform)
        asking.start()
        try:
            look_at_the_shadow(platform)
            look_at_the_canary(platform)
        finally:
            asking.end()
        assert asking.answered > 20 and not asking.failed, (asking.answered, asking.failed[:3])
        look_at_the_limits(platform)
        look_at_the_end(platform)
        print(f"{asking.answered} requests beside, none failed; {time.monotonic() - begun:.0f} s")
    finally:
        platform.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
