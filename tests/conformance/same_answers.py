#!/usr/bin/env python3
"""The flights example end to end, then the same flights twice: by curl to the model server, and through
XGBoost's own library on the package's model file. Every answer has to agree in every bit of its float.

same_answers.py             builds everything in a scratch home (about 20 s)
same_answers.py URL         asks the control plane that is already running there
"""
import ctypes
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, call  # noqa: E402

MODEL = "late-departures"


class XgboostModel:
    """XGBoost's C library and one model file; nothing of Millwright takes part."""

    def __init__(self, model_json, features):
        self.library = ctypes.CDLL("libxgboost.so.0")
        self.library.XGBGetLastError.restype = ctypes.c_char_p
        self.features = features
        self.booster = ctypes.c_void_p()
        self.check(self.library.XGBoosterCreate(None, 0, ctypes.byref(self.booster)))
        self.check(self.library.XGBoosterLoadModelFromBuffer(self.booster, model_json, len(model_json)))
        types = json.loads(model_json)["learner"].get("feature_types") or ["float"] * len(features)
        self.types = [kind.encode() for kind in types]

    def check(self, code):
        if code != 0:
            raise RuntimeError(self.library.XGBGetLastError().decode())

    def predict(self, rows):
        matrix, count, out = ctypes.c_void_p(), ctypes.c_uint64(), ctypes.POINTER(ctypes.c_float)()
        flat = [math.nan if value is None else value for row in rows for value in row]
        data = (ctypes.c_float * len(flat))(*flat)
        self.check(self.library.XGDMatrixCreateFromMat(data, ctypes.c_uint64(len(rows)),
                                                       ctypes.c_uint64(len(self.features)),
                                                       ctypes.c_float(math.nan), ctypes.byref(matrix)))
        kinds = (ctypes.c_char_p * len(self.types))(*self.types)
        self.check(self.library.XGDMatrixSetStrFeatureInfo(matrix, b"feature_type", kinds,
                                                           ctypes.c_uint64(len(self.types))))
        self.check(self.library.XGBoosterPredict(self.booster, matrix, 0, 0, 0, ctypes.byref(count),
                                                 ctypes.byref(out)))
        answers = out[:count.value]
        self.check(self.library.XGDMatrixFree(matrix))
        return answers


class Endpoint:
    """The model server, asked as a user would: by curl, a JSON body of named columns."""

    def __init__(self, url):
        self.url = f"{url}/v2/models/{MODEL}/infer"

    def ask(self, body):
        reply = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "--data-binary", "@-", self.url],
                               input=json.dumps(body), capture_output=True, text=True, check=True).stdout
        text, status = reply.rsplit("\n", 1)
        return int(status), json.loads(text)

    def predict(self, columns, rows):
        inputs = [{"name": name, "shape": [len(rows)], "data": [row[name] for row in rows],
                   "datatype": "BYTES" if kind == "category" else "FP64"} for name, kind in columns.items()]
        status, answer = self.ask({"inputs": inputs})
        assert status == 200, answer
        return answer["outputs"][0]["data"]


class Package:
    """What the registry keeps of the version: model file, schema, and real flights."""

    def __init__(self, address):
        version = call(address, "GET", f"/api/v1/models/{MODEL}/versions/production")[1]
        manifest = call(address, "GET", f"/api/v1/artifacts/{version['package']}")[1]
        self.digests = {file["path"]: file["digest"] for file in manifest["files"]}
        self.address = address
        self.schema = {column["name"]: column for column in self.file("schema.json")["columns"]}
        self.features = self.file("package.json")["features"]
        self.columns = {name: self.schema[name]["type"] for name in self.features}
        self.rows = self.file("warmup.json")["rows"]

    def file(self, name):
        return call(self.address, "GET", f"/api/v1/artifacts/{self.digests[name]}")[1]

    def encode(self, row):
        """As the schema says: numbers as they are, a category as its place in the vocabulary."""
        return [self.schema[name]["vocabulary"].index(row[name]) if self.columns[name] == "category"
                and row[name] in self.schema[name]["vocabulary"] else
                None if self.columns[name] == "category" else row[name] for name in self.features]


def bits(value):
    return struct.pack("<f", value)


def variants(package, count):
    """Real flights, and the same with a value or a few missing, moved, or never seen in training."""
    chance = random.Random(20130401)
    optional = [name for name in package.features if not package.schema[name].get("required")]
    for _ in range(count):
        row = dict(chance.choice(package.rows))
        for name in chance.sample(optional, chance.randint(0, 4)):
            row[name] = None
        if row["temp"] is not None and chance.random() < 0.5:
            row["temp"] = round(row["temp"] + chance.uniform(-20, 20), 2)
        if chance.random() < 0.1:
            row["carrier"] = "ZZ"
        yield row


def compare(package, endpoint):
    rows = package.rows + list(variants(package, 2000))
    model_json = json.dumps(package.file("model.json")).encode()
    expected = XgboostModel(model_json, package.features).predict([package.encode(row) for row in rows])
    answered = [value for start in range(0, len(rows), 256)
                for value in endpoint.predict(package.columns, rows[start:start + 256])]
    singly = [endpoint.predict(package.columns, [row])[0] for row in rows[:32]]
    different = sum(bits(one) != bits(other) for one, other in zip(answered, expected, strict=True))
    different += sum(bits(one) != bits(other) for one, other in zip(singly, expected))
    print(f"{len(rows)} flights by curl and through XGBoost: {different} answers differ in any bit")
    assert different == 0 and len(set(answered)) > 100


def refuse(package, endpoint):
    """What does not fit is named, with the value and the nearest name."""
    def inputs(row, names=None):
        return {"inputs": [{"name": (names or {}).get(name, name), "shape": [1], "data": [row[name]],
                            "datatype": "BYTES" if isinstance(row[name], str) else "FP64"} for name in row]}
    row = dict(package.rows[0])
    without = {name: value for name, value in row.items() if name != "temp"}
    for what, body, words in (("missing column", inputs(without), ["temp"]),
                              ("renamed column", inputs(row, {"temp": "tempp"}), ["tempp", "temp"]),
                              ("wrong type", inputs({**row, "temp": "warm"}), ["temp", "warm"])):
        status, answer = endpoint.ask(body)
        print(f"{what}: {status} {answer['error']}")
        assert status == 400 and all(word in answer["error"] for word in words), answer


def check(address, inference):
    package, endpoint = Package(address), Endpoint(inference)
    compare(package, endpoint)
    refuse(package, endpoint)


def main():
    if len(sys.argv) > 1:
        address = sys.argv[1].removeprefix("http://")
        servers = call(address, "GET", f"/api/v1/endpoints/{MODEL}")[1]["servers"]
        return check(address, servers[0]["address"])
    with tempfile.TemporaryDirectory(prefix="mw-conformance-") as directory:
        platform = Platform(directory)
        platform.start()
        try:
            def verb(*words):
                subprocess.run([BIN / "millwright", *words, "--home", platform.home], check=True)
            verb("apply", "-f", ROOT / "examples/flights")
            verb("run", "late-departures-training")
            addresses = json.loads((platform.home / "addresses.json").read_text(encoding="utf-8"))
            check(addresses["console"].removeprefix("http://"), addresses["inference"])
        finally:
            platform.stop()


if __name__ == "__main__":
    main()
