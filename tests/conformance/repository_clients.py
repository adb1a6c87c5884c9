#!/usr/bin/env python3
"""A model repository behind `millwright serve --model-repository`, driven by the unmodified tritonclient.

    tests/conformance/repository_clients.py [--programs build/release/bin]

Over HTTP and gRPC: index, load, unload, statistics, configuration, metadata; deadlines, priorities, compression,
outputs as bytes of inputs in JSON, classes; a changed file that takes force, a damaged one that does not; the token.
Then what clients of TensorFlow Serving's v1 and of MLflow's scoring server are told when they ask wrongly. Models,
clients and libraries are those of serving_clients.py.
"""
import argparse
import os
import queue
import subprocess
import tempfile
import time
from pathlib import Path

from client_environment import ROOT, run_within

if __name__ == "__main__":
    run_within("serving_clients", Path(__file__).with_name("serving_requirements.txt"))

import numpy as np  # noqa: E402
import requests  # noqa: E402
import serving_clients as models  # noqa: E402
import tritonclient.grpc as triton_grpc  # noqa: E402
import tritonclient.http as triton_http  # noqa: E402

FILES = {"categories": "model.ubj", "classes": "model.txt", "forest": "model.onnx", "perceptron": "model.onnx"}
OUTPUTS = {}  # the numbers that a model answers, from its metadata
REFUSED = (triton_http.InferenceServerException, triton_grpc.InferenceServerException)


class Server:
    def __init__(self, programs, directory, *words, environment=None):
        self.process = subprocess.Popen(
            [programs / "millwright", "serve", "--model-repository", directory, "--listen", "127.0.0.1:0",
             "--grpc-listen", "127.0.0.1:0", *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | (environment or {}))
        self.http = self.process.stdout.readline().split("//")[1].strip()
        self.grpc = self.process.stdout.readline().split()[1]

    def clients(self):
        return ((triton_http, triton_http.InferenceServerClient(self.http)),
                (triton_grpc, triton_grpc.InferenceServerClient(self.grpc)))

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0


def refusal(call, *words):
    """What a call is refused with, which has all of the words."""
    try:
        call()
    except REFUSED as error:
        text = f"{error.status()} {error.message()}"
        assert all(word in text for word in words), text
        return text
    raise AssertionError(f"was answered; expected {words}")


def put(directory, case, path=None):
    target = directory / case.name / "1" / FILES[case.name]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((path or case.path).read_bytes())
    return target


def index(client):
    entries = client.get_model_repository_index()
    if not isinstance(entries, list):
        entries = [{"name": model.name, "version": model.version, "state": model.state, "reason": model.reason}
                   for model in entries.models]
    return {entry["name"]: entry for entry in entries}


def ask(module, client, case, rows, **how):
    inputs = models.tensor(module, case, rows)
    return client.infer(case.name, inputs, **how).as_numpy(OUTPUTS[case.name])


def find_outputs(server, cases):
    client = triton_http.InferenceServerClient(server.http)
    for case in cases:
        outputs = client.get_model_metadata(case.name)["outputs"]
        OUTPUTS[case.name] = next(o["name"] for o in reversed(outputs) if o["datatype"] in ("FP32", "FP64"))


def check_catalog(server, cases):
    rows = {case.name: case.rows[:5] for case in cases}
    for module, client in server.clients():
        entries = index(client)
        assert set(entries) == set(FILES) and all(e["state"] == "READY" and e["version"] == "1"
                                                  for e in entries.values()), entries
        metadata = client.get_server_metadata()
        extensions = metadata["extensions"] if isinstance(metadata, dict) else list(metadata.extensions)
        for extension in ("classification", "model_configuration", "model_repository", "schedule_policy",
                          "statistics"):
            assert extension in extensions, extensions
        for case in cases:
            assert client.is_model_ready(case.name) and client.is_model_ready(case.name, "1")
            assert not client.is_model_ready(case.name, "2")
            config = client.get_model_config(case.name)
            config = config if isinstance(config, dict) else config.config
            name = config["name"] if isinstance(config, dict) else config.name
            assert name == case.name
            case.check(ask(module, client, case, rows[case.name]), 0, "repository")
        refusal(lambda: client.get_model_config("nobody"), "nobody")
        refusal(lambda: client.get_inference_statistics("nobody"), "nobody")
    print("index, metadata, configuration, readiness: of all models, over HTTP and gRPC")


def counted(client, name):
    statistics = client.get_inference_statistics(name)
    if isinstance(statistics, dict):
        one = statistics["model_stats"][0]
        return one["inference_count"], one["inference_stats"]["success"]["count"], one["last_inference"]
    one = statistics.model_stats[0]
    return one.inference_count, one.inference_stats.success.count, one.last_inference


def check_statistics(server, cases):
    for module, client in server.clients():
        for case in cases:
            before = counted(client, case.name)
            for _ in range(3):
                ask(module, client, case, case.rows[:7])
            deadline = time.monotonic() + 10
            while counted(client, case.name)[:2] != (before[0] + 21, before[1] + 3):
                assert time.monotonic() < deadline, (before, counted(client, case.name))
                time.sleep(0.02)
            assert abs(counted(client, case.name)[2] / 1000 - time.time()) < 60
    print("statistics: rows, requests and the time of the last one")


def check_wishes(server, cases):
    """What a request may say beside its inputs, in every form."""
    client = triton_http.InferenceServerClient(server.http)
    compared = 0
    for case in cases:
        rows = np.nan_to_num(case.rows[:9]).astype(np.float32)
        rows[:, 7] = case.rows[:9, 7] if case.name in ("categories", "classes") else rows[:, 7]
        plain = ask(triton_http, client, case, rows).tobytes()
        for in_binary in (True, False):
            for request, response in ((None, None), ("gzip", "gzip"), ("deflate", "deflate")):
                for outputs in (None, [triton_http.InferRequestedOutput(OUTPUTS[case.name], binary_data=True)],
                                [triton_http.InferRequestedOutput(OUTPUTS[case.name], binary_data=False)]):
                    answer = client.infer(
                        case.name, models.tensor(triton_http, case, rows, binary_data=in_binary), outputs=outputs,
                        timeout=5_000_000, priority=1, request_id="r", sequence_id=0,
                        parameters={"mine": "is passed over"}, request_compression_algorithm=request,
                        response_compression_algorithm=response)
                    assert answer.as_numpy(OUTPUTS[case.name]).tobytes() == plain, case.name
                    assert answer.get_response()["id"] == "r"
                    compared += 1
        grpc = triton_grpc.InferenceServerClient(server.grpc)
        assert ask(triton_grpc, grpc, case, rows, timeout=5_000_000, priority=1, client_timeout=10).tobytes() == plain
    print(f"timeout, priority, compression, bytes for JSON: {compared} answers of the same bits")


def check_classes(server, cases):
    case = next(case for case in cases if case.name == "classes")
    output = OUTPUTS[case.name]
    for module, client in server.clients():
        wanted = [module.InferRequestedOutput(output, class_count=2)]
        answer = client.infer(case.name, models.tensor(module, case, case.rows[:20]), outputs=wanted)
        told = answer.as_numpy(output)
        assert told.shape == (20, 2)
        for row, expected in zip(told, case.expected[:20]):
            for place, text in enumerate(row):
                value, which = text.decode().split(":")[:2]
                assert int(which) == np.argsort(-expected, kind="stable")[place]
                assert np.float32(value) == np.float32(expected[int(which)])
    print("classes: the likeliest two by value and number")


def check_control(server, directory, cases, others):
    for module, client in server.clients():
        for case, other in zip(cases, others):
            path = put(directory, case)
            client.load_model(case.name)
            client.unload_model(case.name)
            assert not client.is_model_ready(case.name)
            assert index(client)[case.name]["state"] == "UNAVAILABLE"
            refusal(lambda: ask(module, client, case, case.rows[:3]), "unloaded")
            client.load_model(case.name)
            case.check(ask(module, client, case, case.rows[:3]), 0, "loaded again")
            path.write_bytes(other.path.read_bytes())
            case.check(ask(module, client, case, case.rows[:3]), 0, "before the load")
            client.load_model(case.name)
            other.check(ask(module, client, case, other.rows[:3]), 0, "changed")
            path.write_bytes(other.path.read_bytes()[:1000])
            refusal(lambda: client.load_model(case.name))
            other.check(ask(module, client, case, other.rows[:3]), 0, "after a damaged one")
            entry = index(client)[case.name]
            assert entry["state"] == "READY" and "refused" in entry["reason"], entry
            refusal(lambda: client.load_model(case.name, config="{}"), "config")
            refusal(lambda: client.load_model(case.name, config="{}", files={"file:1/model.txt": b"x"}))
            put(directory, case)
            client.load_model(case.name)
        refusal(lambda: client.load_model("nobody"), "nobody")
        refusal(lambda: client.load_model("../x"))
        refusal(lambda: client.unload_model("nobody"), "nobody")
    print("load and unload: new content in force, damaged content refused while the old one answers")


def check_stream(server, cases):
    client, answers = triton_grpc.InferenceServerClient(server.grpc), queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    asked = [(case, start) for start in range(0, 40, 4) for case in cases]
    for number, (case, start) in enumerate(asked):
        client.async_stream_infer(case.name, models.tensor(triton_grpc, case, case.rows[start:start + 4]),
                                  request_id=str(number))
    for number, (case, start) in enumerate(asked):
        result, error = answers.get(timeout=30)
        assert error is None and result.get_response().id == str(number), error
        case.check(result.as_numpy(OUTPUTS[case.name]), start, "stream")
    client.stop_stream()
    print(f"stream: {len(asked)} answers of {len(cases)} models in order")


def check_other_clients(server):
    """What those are told who ask wrongly: always JSON, with the members that their clients read."""
    base, checks = f"http://{server.http}", 0
    wrong = (("GET", "/v1/models/nobody", None, 404, "error"), ("GET", "/v1/nothing", None, 404, "error"),
             ("GET", "/v1/models/classes/versions/9", None, 404, "error"),
             ("GET", "/v1/models/classes:predict", None, 405, "error"),
             ("POST", "/v1/models/classes:predict", "{", 400, "error"),
             ("POST", "/v1/models/classes:predict", '{"instances": []}', 400, "error"),
             ("POST", "/v1/models/classes:predict", '{"instances": [["x"]]}', 400, "error"),
             ("POST", "/v1/models/classes:explain", "{}", 404, "error"),
             ("GET", "/invocations", None, 405, "error_code"), ("POST", "/invocations", "{}", 400, "error_code"),
             ("POST", "/models/nobody/invocations", "{}", 404, "error_code"),
             ("POST", "/models/classes/invocations", "[1]", 400, "error_code"),
             ("POST", "/models/classes/invocations", '{"dataframe_split": {"data": [[1]]}}', 400, "error_code"),
             ("GET", "/nothing", None, 404, "error"), ("GET", "/v2/nothing", None, 404, "error"))
    for method, path, body, status, member in wrong:
        answer = requests.request(method, base + path, data=body, timeout=10,
                                  headers={"Content-Type": "application/json"})
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        assert isinstance(answer.json()[member], str), (path, answer.text)
        if member == "error_code":
            assert isinstance(answer.json()["message"], str), (path, answer.text)
        checks += 1
    for headers, status in (({"Host": "evil.example"}, 403), ({"Content-Encoding": "br"}, 415)):
        answer = requests.post(f"{base}/invocations", "{}", timeout=10,
                               headers={"Content-Type": "application/json"} | headers)
        assert answer.status_code == status, (headers, answer.text)
        assert answer.json()["error"] and answer.json()["error_code"] and answer.json()["message"]
        checks += 1
    good = requests.post(f"{base}/v1/models/classes:predict", json={"instances": [[0] * 8]}, timeout=10)
    assert good.status_code == 200 and len(good.json()["predictions"]) == 1
    print(f"v1 and MLflow: {checks} refusals that their clients can read")


def check_token(programs, directory):
    with tempfile.NamedTemporaryFile("w") as token:
        token.write("mw_secret\n")
        token.flush()
        server = Server(programs, directory, "--token-file", token.name)
        try:
            for module, client in server.clients():
                refusal(lambda: client.unload_model("classes"), "token")
                wrong = {"authorization": "Bearer mw_other"}
                refusal(lambda: client.unload_model("classes", headers=wrong), "token")
                assert client.is_model_ready("classes")
                right = {"authorization": "Bearer mw_secret"}
                client.unload_model("classes", headers=right)
                assert not client.is_model_ready("classes")
                client.load_model("classes", headers=right)
        finally:
            server.stop()
    print("token: who has none neither loads nor unloads")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, default=os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin"))
    programs = Path(parser.parse_args().programs).resolve()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        first, second, directory = (Path(folder) / name for name in ("first", "second", "models"))
        for path in (first, second, directory):
            path.mkdir()
        cases, others = models.make_models(first), models.make_models(second, seed=1)
        for case in cases:
            put(directory, case)
        server = Server(programs, directory)
        try:
            find_outputs(server, cases)
            check_catalog(server, cases)
            check_statistics(server, cases)
            check_wishes(server, cases)
            check_classes(server, cases)
            check_control(server, directory, cases, others)
            check_stream(server, cases)
            check_other_clients(server)
        finally:
            server.stop()
        check_token(programs, directory)
    print(f"repository clients: all well, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
