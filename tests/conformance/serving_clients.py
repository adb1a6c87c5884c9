#!/usr/bin/env python3
"""Unmodified clients of four protocols against one `millwright serve` with four libraries' models.

    tests/conformance/serving_clients.py [--programs build/release/bin]

XGBoost (categories, missing values, UBJ), LightGBM (three classes), a perceptron and a scikit-learn forest as ONNX are
made here and asked by tritonclient (HTTP and gRPC), requests as a v1 client, curl, and MLflow's scoring requests. The
answers are the libraries' own, and the same bits in every protocol. Clients and libraries come from PyPI at the
versions and digests of serving_requirements.txt, into build/serving_clients.
"""
import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from client_environment import ROOT, run_within

if __name__ == "__main__":
    run_within("serving_clients", Path(__file__).with_name("serving_requirements.txt"))

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import pandas  # noqa: E402
import requests  # noqa: E402
import tritonclient.grpc as triton_grpc  # noqa: E402
import tritonclient.http as triton_http  # noqa: E402
import xgboost  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from skl2onnx import to_onnx  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402

NAMES = [f"c{number}" for number in range(8)]
ROWS = 600


class Case:
    """A model, rows, and what its library answers: the same bits where `exact`, else within 1e-6."""

    def __init__(self, name, path, rows, expected, exact):
        self.name, self.path, self.rows, self.exact = name, path, rows, exact
        self.expected = np.asarray(expected)

    def check(self, values, start, where):
        want = self.expected[start:start + len(values)]
        got = np.asarray(values, want.dtype).reshape(want.shape)
        if self.exact:
            same = got.tobytes() == want.tobytes()
        else:
            same = np.abs(got - want).max() <= 1e-6
        assert same, f"{self.name} by {where}: {np.abs(got - want).max()} from the library's"
        return got.tobytes()


# ---- models

def training_rows(chance):
    rows = chance.standard_normal((3000, 8)).astype(np.float32)
    rows[chance.random(rows.shape) < 0.1] = np.nan
    rows[:, 7] = chance.integers(0, 12, len(rows))
    label = (np.nan_to_num(rows[:, 0]) + np.isin(rows[:, 7], [2, 5, 7]) * 2 > 0.7).astype(int)
    classes = (np.nan_to_num(rows[:, 1]) > 0) * 1 + (np.nan_to_num(rows[:, 2]) > 0.5) * 1
    return rows, label, classes


def make_xgboost(folder, rows, label):
    data = xgboost.DMatrix(rows, label, feature_names=NAMES, feature_types=["q"] * 7 + ["c"], enable_categorical=True)
    settings = {"objective": "binary:logistic", "max_depth": 6, "max_cat_to_onehot": 2, "nthread": 1}
    model = xgboost.train(settings, data, 40)
    model.save_model(folder / "categories.ubj")
    expected = model.predict(data)[:ROWS]
    return Case("categories", folder / "categories.ubj", rows[:ROWS], expected, exact=True)


def make_lightgbm(folder, rows, classes):
    data = lightgbm.Dataset(rows, classes, feature_name=NAMES, categorical_feature=[7])
    model = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}, data, 30)
    model.save_model(folder / "classes.txt")
    return Case("classes", folder / "classes.txt", rows[:ROWS], model.predict(rows[:ROWS]), exact=True)


def onnx_answers(path, rows, output):
    session = onnxruntime.InferenceSession(path)
    return session.run([output], {session.get_inputs()[0].name: rows})[0]


def make_forest(folder, rows, label):
    rows = np.nan_to_num(rows)
    forest = RandomForestClassifier(20, max_depth=6, random_state=1).fit(rows, label)
    path = folder / "forest.onnx"
    path.write_bytes(to_onnx(forest, rows[:1], options={"zipmap": False}).SerializeToString())
    expected = onnx_answers(path, rows[:ROWS], "probabilities")
    assert np.abs(expected - forest.predict_proba(rows[:ROWS])).max() < 1e-5
    return Case("forest", path, rows[:ROWS], expected, exact=False)


def make_perceptron(folder, chance):
    nodes, weights, last = [], [], "input"
    for number, (width, height) in enumerate([(8, 64), (64, 32), (32, 1)]):
        weights.append(numpy_helper.from_array(chance.normal(0, 0.3, (width, height)).astype(np.float32), f"w{number}"))
        weights.append(numpy_helper.from_array(chance.normal(0, 0.3, height).astype(np.float32), f"b{number}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"g{number}"]))
        last = "score" if height == 1 else f"a{number}"
        nodes.append(helper.make_node("Sigmoid" if height == 1 else "Relu", [f"g{number}"], [last]))
    tensor = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
              for name, width in (("input", 8), ("score", 1))]
    model = helper.make_model(helper.make_graph(nodes, "mlp", tensor[:1], tensor[1:], weights),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "perceptron.onnx"
    path.write_bytes(model.SerializeToString())
    rows = chance.standard_normal((ROWS, 8)).astype(np.float32)
    return Case("perceptron", path, rows, onnx_answers(path, rows, "score"), exact=False)


def make_models(folder, seed=0):
    chance = np.random.default_rng(seed)
    rows, label, classes = training_rows(chance)
    return [make_xgboost(folder, rows, label), make_lightgbm(folder, rows, classes),
            make_forest(folder, rows, label), make_perceptron(folder, chance)]


class Server:
    """With its log on standard error."""

    def __init__(self, programs, cases):
        words = [word for case in cases for word in ("--model", f"{case.name}={case.path}")]
        self.process = subprocess.Popen(
            [programs / "millwright", "serve", *words, "--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True)
        self.http = self.process.stdout.readline().split("//")[1].strip()
        self.grpc = self.process.stdout.readline().split()[1]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0


# ---- asking: each gives the numbers of one model's answer

OUTPUTS = {"categories": None, "classes": None, "forest": None, "perceptron": None}  # names, filled from the metadata


def input_name(case):
    return {"forest": "X", "perceptron": "input"}.get(case.name, "rows")


def tensor(client, case, rows, **how):
    made = client.InferInput(input_name(case), list(rows.shape), "FP32")
    made.set_data_from_numpy(np.ascontiguousarray(rows), **how)
    return [made]


def json_rows(rows):
    return [[None if np.isnan(value) else float(value) for value in row] for row in rows]


def named(name, values):
    """Of several outputs the wanted one."""
    return values[OUTPUTS[name]] if isinstance(values, dict) else values


class Clients:
    """One thread's own."""

    def __init__(self, server):
        self.server, self.session = server, requests.Session()
        self.http = triton_http.InferenceServerClient(server.http)
        self.grpc = triton_grpc.InferenceServerClient(server.grpc)
        self.ways = {
            "http binary": lambda case, rows: self.by_http(case, rows),
            "http JSON": lambda case, rows: self.by_http(case, rows, binary=False),
            "http gzip": lambda case, rows: self.by_http(case, rows, request="gzip", response="gzip"),
            "http deflate": lambda case, rows: self.by_http(case, rows, binary=False, request="deflate",
                                                            response="deflate"),
            "grpc": self.by_grpc, "grpc gzip": lambda case, rows: self.by_grpc(case, rows, "gzip"),
            "v1 lists": self.by_lists, "mlflow instances": self.by_instances, "mlflow inputs": self.by_inputs,
        }
        self.by_name = {"v1 objects": self.by_objects, "v1 columns": self.by_columns,
                        "mlflow split": self.by_split, "mlflow records": self.by_records}

    def all_ways(self, case):
        return self.ways | (self.by_name if input_name(case) == "rows" else {})

    def by_http(self, case, rows, binary=True, request=None, response=None):
        """Missing values are NaN, which tritonclient's JSON cannot say; there they go as binary tensors."""
        as_binary = binary or bool(np.isnan(rows).any())
        wanted = [triton_http.InferRequestedOutput(OUTPUTS[case.name], binary_data=binary)]
        answer = self.http.infer(case.name, tensor(triton_http, case, rows, binary_data=as_binary), outputs=wanted,
                                 request_compression_algorithm=request, response_compression_algorithm=response)
        return answer.as_numpy(OUTPUTS[case.name])

    def by_grpc(self, case, rows, compression=None):
        answer = self.grpc.infer(case.name, tensor(triton_grpc, case, rows), compression_algorithm=compression)
        return answer.as_numpy(OUTPUTS[case.name])

    def post(self, path, body):
        answer = self.session.post(f"http://{self.server.http}{path}", json=body, timeout=30)
        assert answer.status_code == 200, (path, answer.text[:500])
        return answer.json()

    def predict(self, case, body):
        values = self.post(f"/v1/models/{case.name}:predict", body)
        if "outputs" in values:
            return named(case.name, values["outputs"])
        return [named(case.name, row) for row in values["predictions"]]

    def invoke(self, case, body):
        values = self.post(f"/models/{case.name}/invocations", body)["predictions"]
        return named(case.name, values) if isinstance(values, dict) else [named(case.name, row) for row in values]

    def by_lists(self, case, rows):
        return self.predict(case, {"instances": json_rows(rows)})

    def by_objects(self, case, rows):
        return self.predict(case, {"instances": [dict(zip(NAMES, row)) for row in json_rows(rows)]})

    def by_columns(self, case, rows):
        return self.predict(case, {"inputs": dict(zip(NAMES, map(list, zip(*json_rows(rows)))))})

    def frame(self, rows):
        frame = pandas.DataFrame(rows, columns=NAMES).astype(object)
        return frame.where(frame.notna(), None)

    def by_split(self, case, rows):
        return self.invoke(case, {"dataframe_split": self.frame(rows).to_dict(orient="split")})

    def by_records(self, case, rows):
        return self.invoke(case, {"dataframe_records": self.frame(rows).to_dict(orient="records")})

    def by_instances(self, case, rows):
        return self.invoke(case, {"instances": json_rows(rows)})

    def by_inputs(self, case, rows):
        return self.invoke(case, {"inputs": json_rows(rows)})


# ---- checks

def check_metadata(server, cases):
    clients = Clients(server)
    assert clients.http.is_server_live() and clients.http.is_server_ready() and clients.grpc.is_server_ready()
    for case in cases:
        assert clients.http.is_model_ready(case.name) and clients.grpc.is_model_ready(case.name)
        rest = clients.http.get_model_metadata(case.name)
        grpc = clients.grpc.get_model_metadata(case.name, as_json=True)
        for which in ("inputs", "outputs"):
            assert [(t["name"], t["datatype"], list(t["shape"])) for t in rest[which]] == \
                [(t["name"], t["datatype"], [int(size) for size in t["shape"]]) for t in grpc[which]], case.name
        OUTPUTS[case.name] = next(t["name"] for t in reversed(rest["outputs"]) if t["datatype"] in ("FP32", "FP64"))
        status = requests.get(f"http://{server.http}/v1/models/{case.name}", timeout=10).json()
        assert status["model_version_status"][0]["state"] == "AVAILABLE" and status["ready"], status
    assert not clients.http.is_model_ready("nobody") and not clients.grpc.is_model_ready("nobody")
    assert requests.get(f"http://{server.http}/ping", timeout=10).status_code == 200
    print("metadata and readiness: the same over HTTP, gRPC, v1")


def check_answers(server, cases):
    clients = Clients(server)
    for case in cases:
        ways = clients.all_ways(case)
        for start, count in ((0, 1), (1, 7), (8, 500)):
            answers = {way: case.check(ask(case, case.rows[start:start + count]), start, way)
                       for way, ask in ways.items()}
            assert len(set(answers.values())) == 1, f"{case.name}, {count} rows: protocols differ"
        missing = int(np.isnan(case.rows[:508]).sum())
        print(f"{case.name}: {len(ways)} ways, {missing} missing values, the library's answers and the same bits")


def check_curl(server, cases):
    for case in cases:
        rows = case.rows[:3]
        data = [value for row in json_rows(rows) for value in row]
        body = {"inputs": [{"name": input_name(case), "shape": list(rows.shape), "datatype": "FP32", "data": data}]}
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--compressed", "--header", "Content-Type: application/json",
             "--data", "@-", f"http://{server.http}/v2/models/{case.name}/infer"],
            input=json.dumps(body), capture_output=True, text=True, check=True)
        outputs = {output["name"]: output for output in json.loads(done.stdout)["outputs"]}
        answer = outputs[OUTPUTS[case.name]]
        case.check(np.array(answer["data"]).reshape(answer["shape"]), 0, "curl")
    print("curl: the same")


def refused(call):
    """The words of the client's own exception."""
    try:
        call()
    except (triton_http.InferenceServerException, triton_grpc.InferenceServerException) as error:
        return f"{error.status()} {error.message()}"
    raise AssertionError("was answered")


def check_errors(server, cases):
    clients, rows = Clients(server), np.ones((2, 8), np.float32)
    checks = 0
    for client, module in ((clients.http, triton_http), (clients.grpc, triton_grpc)):
        absent, bad = ("nobody", "nobody"), ("400", "INVALID_ARGUMENT")
        for case in cases:
            narrow = tensor(module, case, rows[:, :5])
            texts = module.InferInput(input_name(case), [2, 8], "BYTES")
            texts.set_data_from_numpy(np.full((2, 8), b"x", object))
            assert absent[0] in refused(lambda: client.infer("nobody", narrow))
            for inputs in (narrow, [texts]):
                words = refused(lambda: client.infer(case.name, inputs))
                assert any(code in words for code in bad), (case.name, words)
            checks += 3
    for path, key in (("/v2/models/{}/infer", "error"), ("/v1/models/{}:predict", "error"),
                      ("/models/{}/invocations", "message")):
        for case in cases:
            for name, body, status in ((case.name, '{"instances": [[1, 2', 400), (case.name, "[]", 400),
                                       (case.name, '{"instances": [[1, 2, 3]]}', 400), ("nobody", "{}", 404)):
                answer = requests.post(f"http://{server.http}{path.format(name)}", body, timeout=10,
                                       headers={"Content-Type": "application/json"})
                assert answer.status_code == status and isinstance(answer.json()[key], str), (path, body, answer.text)
                checks += 1
    print(f"errors: {checks}, each in its protocol's form")


def check_many(server, cases):
    wrong, counts = [], [0] * 8

    def ask(number):
        chance, clients = np.random.default_rng(number), Clients(server)
        try:
            for _ in range(60):
                case = cases[chance.integers(len(cases))]
                ways = clients.all_ways(case)
                way = list(ways)[chance.integers(len(ways))]
                count = int(chance.integers(1, 40))
                start = int(chance.integers(ROWS - count))
                case.check(ways[way](case, case.rows[start:start + count]), start, way)
                counts[number] += 1
        except Exception as error:  # reported by the main thread
            wrong.append((number, repr(error)))
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    print(f"{len(counts)} clients at once: {sum(counts)} answers of {len(cases)} models, each its own")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, default=os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin"))
    programs = Path(parser.parse_args().programs).resolve()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cases = make_models(Path(folder))
        server = Server(programs, cases)
        try:
            for check in (check_metadata, check_answers, check_curl, check_errors, check_many):
                check(server, cases)
        finally:
            server.stop()
    print(f"serving clients: all well, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
