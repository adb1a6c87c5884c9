#!/usr/bin/env python3
"""The unmodified tritonclient over gRPC, and grpcio's health client, against `millwright serve`.

    tests/conformance/grpc_client.py [--programs build/release/bin]

Holds every name and number of our .proto files against the clients' own descriptors; then health, metadata, raw and
typed tensors, texts, errors, streams, compression, statistics, the repository's index, deadlines, many callers, and the
end of the server. Answers have the bits of REST's. The clients come from PyPI at the versions and digests of
grpc_requirements.txt, into build/grpc_clients.
"""
import argparse
import http.client
import json
import os
import queue
import random
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from client_environment import ROOT, run_within

COLUMNS = {"temp": "FP64", "wind": "FP32", "hour": "INT64", "holiday": "BOOL", "carrier": "BYTES", "origin": "BYTES"}
CARRIERS, ORIGINS = ["AA", "B6", "DL", "Ü2", 'quo"te'], ["EWR", "JFK", "LGA"]


if __name__ == "__main__":
    run_within("grpc_clients", Path(__file__).with_name("grpc_requirements.txt"))

import grpc  # noqa: E402
import numpy as np  # noqa: E402
import tritonclient.grpc as triton  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc  # noqa: E402


# ---- names and numbers

def own_descriptors():
    folder = ROOT / "src/api/inference/grpc"
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{scratch}/set"
        subprocess.run(["protoc", f"-I{folder}", f"--descriptor_set_out={path}", "open_inference.proto",
                        "health.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(path).read_bytes()).file
    return {file.name: file for file in files}


def compare_message(own, theirs, where):
    """Every field that we have is theirs, with the same number, type and label; the count of fields."""
    fields = {field.name: field for field in theirs.field}
    for field in own.field:
        other = fields.get(field.name)
        assert other is not None, f"{where}.{field.name} is not theirs"
        for part in ("number", "type", "type_name", "label", "proto3_optional"):
            assert getattr(field, part) == getattr(other, part), f"{where}.{field.name}: {part} differs"
        assert field.HasField("oneof_index") == other.HasField("oneof_index"), f"{where}.{field.name}: oneof"
    nested = {message.name: message for message in theirs.nested_type}
    count = len(own.field)
    for message in own.nested_type:
        assert message.options.map_entry == nested[message.name].options.map_entry
        count += compare_message(message, nested[message.name], f"{where}.{message.name}")
    compare_enums(own.enum_type, theirs.enum_type, where)
    return count


def compare_enums(own, theirs, where):
    known = {enum.name: {value.name: value.number for value in enum.value} for enum in theirs}
    for enum in own:
        assert {value.name: value.number for value in enum.value} == known[enum.name], f"{where}.{enum.name} differs"


def compare_file(own, theirs):
    messages, services, enums = {}, {}, []
    for module in theirs:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        assert file.package == own.package and file.syntax == own.syntax
        messages |= {message.name: message for message in file.message_type}
        services |= {service.name: service for service in file.service}
        enums += file.enum_type
    count = sum(compare_message(message, messages[message.name], message.name) for message in own.message_type)
    compare_enums(own.enum_type, enums, own.package)
    for service in own.service:
        methods = {method.name: method for method in services[service.name].method}
        for method in service.method:
            other = methods[method.name]
            for part in ("input_type", "output_type", "client_streaming", "server_streaming"):
                assert getattr(method, part) == getattr(other, part), f"{method.name}: {part} differs"
            count += 1
    return count


def check_descriptors():
    own = own_descriptors()
    count = compare_file(own["open_inference.proto"], [service_pb2, model_config_pb2])
    count += compare_file(own["health.proto"], [health_pb2])
    print(f"descriptors: {count} fields and methods are the clients' own")


# ---- the server under test

class Server:
    def __init__(self, programs, models):
        subprocess.run([programs / "conformance_models", models], check=True)
        self.process = subprocess.Popen(
            [programs / "millwright", "serve", "--listen", "127.0.0.1:0", "--model", f"mixed={models}/mixed",
             "--model", f"classes={models}/classes", "--model", f"floats={models}/floats.json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.http = self.process.stdout.readline().split("//")[1].strip()
        self.grpc = self.process.stdout.readline().split()[1]

    def thread_states(self):
        return [path.read_text().rpartition(")")[2].split()[0]
                for path in Path(f"/proc/{self.process.pid}/task").glob("*/stat")]

    def rest(self, model, inputs, **members):
        connection = http.client.HTTPConnection(self.http, timeout=30)
        connection.request("POST", f"/v2/models/{model}/infer", json.dumps({"inputs": inputs, **members}))
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        return {output["name"]: output["data"] for output in answer["outputs"]}


def random_row(chance):
    def or_missing(value):
        return None if chance.random() < 0.2 else value
    return {"temp": or_missing(chance.uniform(0, 30)), "wind": or_missing(chance.randrange(400) / 16),
            "hour": chance.randrange(24), "holiday": chance.random() < 0.5,
            "carrier": or_missing(chance.choice(CARRIERS + ["ZZ"])), "origin": or_missing(chance.choice(ORIGINS))}


def rest_columns(rows):
    return [{"name": name, "shape": [len(rows)], "datatype": datatype, "data": [row[name] for row in rows]}
            for name, datatype in COLUMNS.items()]


def column_values(name, rows):
    """Without nulls: a number that is missing is NaN, a text that is missing is empty."""
    missing = "" if COLUMNS[name] == "BYTES" else float("nan")
    return [missing if row[name] is None else row[name] for row in rows]


def raw_columns(rows):
    dtypes = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}
    inputs = []
    for name, datatype in COLUMNS.items():
        values = column_values(name, rows)
        if datatype == "BYTES":
            values = [value.encode() for value in values]
        inputs.append(triton.InferInput(name, [len(rows)], datatype))
        inputs[-1].set_data_from_numpy(np.array(values, dtypes[datatype]))
    return inputs


def typed_columns(rows, model):
    lists = {"FP64": "fp64_contents", "FP32": "fp32_contents", "INT64": "int64_contents", "BOOL": "bool_contents",
             "BYTES": "bytes_contents"}
    request = service_pb2.ModelInferRequest(model_name=model)
    for name, datatype in COLUMNS.items():
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[len(rows)])
        values = column_values(name, rows)
        getattr(tensor.contents, lists[datatype]).extend(v.encode() if datatype == "BYTES" else v for v in values)
    return request


def bits(values):
    return np.asarray(values, np.float32).tobytes()


def matrix(rows):
    tensor = triton.InferInput("rows", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows)
    return [tensor]


# ---- checks

def check_health(server, client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("mixed")
    assert client.is_model_ready("mixed", "1") and not client.is_model_ready("mixed", "7")
    assert not client.is_model_ready("nobody")
    health = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.grpc))
    for service in ("", "inference.GRPCInferenceService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    unknown = health_pb2.HealthCheckRequest(service="x")
    assert failure(lambda: health.Check(unknown, timeout=10)) == grpc.StatusCode.NOT_FOUND
    watch = health.Watch(unknown, timeout=10)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()
    print("health: live, ready, models, Check and Watch")


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    except triton.InferenceServerException as error:
        return error.status()
    return None


def check_metadata(server, client):
    assert client.get_server_metadata().name == "millwright"
    metadata = client.get_model_metadata("mixed")
    assert [(tensor.name, list(tensor.shape)) for tensor in metadata.inputs] == [(name, [-1]) for name in COLUMNS]
    assert [tensor.datatype for tensor in metadata.outputs] == ["FP32", "BOOL"]
    connection = http.client.HTTPConnection(server.http, timeout=30)
    connection.request("GET", "/v2/models/classes")
    rest = json.loads(connection.getresponse().read())
    own = client.get_model_metadata("classes", as_json=True)
    for which in ("inputs", "outputs"):
        assert [(t["name"], t["datatype"], [int(size) for size in t["shape"]]) for t in own[which]] == \
            [(t["name"], t["datatype"], t["shape"]) for t in rest[which]]
    config = client.get_model_config("mixed").config
    assert config.name == "mixed" and config.max_batch_size == 0 and not config.model_transaction_policy.decoupled
    assert config.input[4].data_type == model_config_pb2.TYPE_STRING
    index = client.get_model_repository_index()
    assert sorted((model.name, model.version, model.state) for model in index.models) == [
        ("classes", "1", "READY"), ("floats", "1", "READY"), ("mixed", "1", "READY")]
    print("metadata, configuration, repository index: as REST's")


def check_columns(server, client):
    chance = random.Random(4)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(server.grpc))
    compared = 0
    for model in ("mixed", "classes"):
        for count in (1, 2, 50, 400):
            rows = [random_row(chance) for _ in range(count)]
            expected = server.rest(model, rest_columns(rows))
            answer = client.infer(model, raw_columns(rows), request_id="r-1")
            assert answer.get_response().id == "r-1" and answer.get_response().model_version == "1"
            probability = answer.as_numpy("probability")
            assert probability.shape == ((count,) if model == "mixed" else (count, 3))
            assert probability.tobytes() == bits(expected["probability"])
            if model == "mixed":
                assert answer.as_numpy("decision").tolist() == expected["decision"]
            else:
                assert [label.decode() for label in answer.as_numpy("label")] == expected["label"]
            typed = stub.ModelInfer(typed_columns(rows, model), timeout=30)
            assert typed.raw_output_contents[0] == probability.tobytes()
            compared += 2 * probability.size
    only = client.infer("mixed", raw_columns([random_row(chance)]), outputs=[triton.InferRequestedOutput("decision")])
    assert [output.name for output in only.get_response().outputs] == ["decision"]
    print(f"columns, raw and typed: {compared} numbers have the bits of REST's")


def check_matrices(server, client):
    chance = np.random.default_rng(5)
    for count in (1, 3, 1024, 20_000):
        rows = (chance.random((count, 30)) * 25).astype(np.float32)
        rows[chance.random(rows.shape) < 0.1] = np.nan
        answer = client.infer("floats", matrix(rows)).as_numpy("probability")
        if count <= 1024:
            data = [None if np.isnan(value) else float(value) for value in rows.ravel()]
            tensor = {"name": "rows", "shape": list(rows.shape), "datatype": "FP32", "data": data}
            expected = server.rest("floats", [tensor])
            assert answer.tobytes() == bits(expected["probability"])
        assert answer.shape == (count,) and np.isfinite(answer).all()
    half = triton.InferInput("rows", [2, 30], "FP16")
    half.set_data_from_numpy(np.full((2, 30), 1.5, np.float16))
    whole = matrix(np.full((2, 30), 1.5, np.float32))
    assert client.infer("floats", [half]).as_numpy("probability").tobytes() == \
        client.infer("floats", whole).as_numpy("probability").tobytes()
    print("matrices to 20,000 rows, missing values, half precision: the bits of REST's")


def check_errors(client):
    code = grpc.StatusCode
    rows = np.ones((2, 30), np.float32)

    def infer(model="floats", inputs=rows, **options):
        return lambda: client.infer(model, matrix(inputs), **options)
    cases = (
        ("no such model", infer(model="nobody"), code.NOT_FOUND, "nobody"),
        ("no such version", infer(model_version="9"), code.NOT_FOUND, "versions: 1"),
        ("too few columns", infer(inputs=rows[:, :29].copy()), code.INVALID_ARGUMENT, "29"),
        ("no such output", infer(outputs=[triton.InferRequestedOutput("y")]), code.INVALID_ARGUMENT, "probability"),
        ("infinite", infer(inputs=rows * np.inf), code.INVALID_ARGUMENT, "inf"),
        ("load", lambda: client.load_model("floats"), code.FAILED_PRECONDITION, "--model-repository"),
        ("unload", lambda: client.unload_model("floats"), code.FAILED_PRECONDITION, "--model-repository"),
        ("shared memory", lambda: client.register_system_shared_memory("a", "/a", 8), code.UNIMPLEMENTED,
         "unsupported"),
        ("log settings", client.get_log_settings, code.UNIMPLEMENTED, "unsupported"),
        ("trace settings", client.get_trace_settings, code.UNIMPLEMENTED, "unsupported"),
    )
    for what, call, status, words in cases:
        try:
            call()
            raise AssertionError(f"{what}: was answered")
        except triton.InferenceServerException as error:
            assert error.status() == str(status) and words in error.message(), f"{what}: {error}"
    print(f"errors: {len(cases)} with the code and the sentence")


def check_stream(client):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    chance = np.random.default_rng(6)
    sent = []
    for number in range(30):
        rows = (chance.random((1 + number, 30)) * 25).astype(np.float32)
        sent.append(rows)
        client.async_stream_infer("nobody" if number == 11 else "floats", matrix(rows), request_id=str(number))
    for number, rows in enumerate(sent):
        result, error = answers.get(timeout=30)
        if number == 11:
            assert error is not None and "nobody" in error.message()
            continue
        assert error is None and result.get_response().id == str(number)
        assert result.get_response().parameters["triton_final_response"].bool_param
        alone = client.infer("floats", matrix(rows)).as_numpy("probability")
        assert result.as_numpy("probability").tobytes() == alone.tobytes()
    client.stop_stream()
    print(f"stream: {len(sent)} requests answered in order, one with its error")


def check_statistics(client):
    rows = np.ones((7, 30), np.float32)

    def counted():
        stats = client.get_inference_statistics("floats").model_stats[0]
        return stats.inference_count, stats.inference_stats.success.count
    before = settled(counted)
    client.infer("floats", matrix(rows))
    client.infer("floats", matrix(rows))
    deadline = time.monotonic() + 10
    while counted() != (before[0] + 14, before[1] + 2):
        assert time.monotonic() < deadline, (before, counted())
        time.sleep(0.02)
    print("statistics: rows and requests counted once")


def settled(value):
    """Threads bring what they counted together a moment later: until it stays the same for half a second."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.02)
        if value() != last:
            last, since = value(), time.monotonic()
    return last


def check_deadline(server, client):
    """A server that does not answer in time; it goes on as if nothing had been."""
    rows = matrix(np.ones((2, 30), np.float32))
    server.process.send_signal(signal.SIGSTOP)
    while any(state != "T" for state in server.thread_states()):
        time.sleep(0.01)
    try:
        assert failure(lambda: client.infer("floats", rows, client_timeout=0.3)) == "StatusCode.DEADLINE_EXCEEDED"
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert client.infer("floats", rows).as_numpy("probability").shape == (2,)
    print("deadline: DEADLINE_EXCEEDED, and the next request is answered")


def check_compression(client):
    rows = matrix(np.ones((1024, 30), np.float32))
    plain = client.infer("floats", rows).as_numpy("probability").tobytes()
    for algorithm in ("gzip", "deflate"):
        assert client.infer("floats", rows, compression_algorithm=algorithm).as_numpy("probability").tobytes() == plain
    print("compression: gzip and deflate")


def check_many(server):
    wrong = []

    def ask(seed):
        chance = np.random.default_rng(seed)
        client = triton.InferenceServerClient(server.grpc)
        for number in range(60):
            rows = (chance.random((1 + number % 17, 30)) * 25).astype(np.float32)
            answer = client.infer("floats", matrix(rows), request_id=f"{seed}-{number}")
            together = answer.as_numpy("probability")
            alone = client.infer("floats", matrix(rows[:1].copy())).as_numpy("probability")
            if answer.get_response().id != f"{seed}-{number}" or together[0].tobytes() != alone[0].tobytes():
                wrong.append((seed, number))
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    print("4 callers at once: 480 answers, each its own")


def check_end(server):
    health = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.grpc))
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    begun = time.monotonic()
    server.process.terminate()
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert failure(lambda: next(watch)) == grpc.StatusCode.UNAVAILABLE
    assert server.process.wait(20) == 0 and time.monotonic() - begun < 10
    print("SIGTERM: watchers hear NOT_SERVING, the program ends with 0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin"))
    options = parser.parse_args()
    check_descriptors()
    with tempfile.TemporaryDirectory() as models:
        server = Server(Path(options.programs), models)
        try:
            client = triton.InferenceServerClient(server.grpc)
            check_health(server, client)
            check_metadata(server, client)
            check_columns(server, client)
            check_matrices(server, client)
            check_errors(client)
            check_stream(client)
            check_compression(client)
            check_statistics(client)
            check_deadline(server, client)
            check_many(server)
            check_end(server)
        finally:
            server.process.kill()


if __name__ == "__main__":
    main()
