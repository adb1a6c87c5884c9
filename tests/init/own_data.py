#!/usr/bin/env python3
"""From a table of one's own to answers and labels: init, apply, run, predict and labels for two classes, several and a
number; then tables that nobody can learn from. own_data.py [--keep DIRECTORY]"""
import csv
import json
import math
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import BIN, Platform, call, wait_for  # noqa: E402

import tables  # noqa: E402


def millwright(platform, *arguments, fails=False):
    command = [BIN / "millwright", *map(str, arguments), *(["--home", platform.home] if platform else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert fails or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def bits(numbers):
    """As float32, which both sides write in their own shortest way."""
    return struct.pack(f"<{len(numbers)}f", *numbers)


class OwnData:
    """One table, from file to endpoint."""

    def __init__(self, platform, scratch, name, text, label, *arguments):
        self.platform, self.name, self.label = platform, name, label
        self.directory = Path(scratch, name)
        file = Path(scratch, f"{name}.csv")
        file.write_text(text, encoding="utf-8")
        self.init = json.loads(millwright(None, "init", file, "--label", label, "--dir", self.directory, "--json",
                                          *arguments).stdout)
        millwright(None, "check", self.directory)
        millwright(platform, "apply", "-f", self.directory)
        millwright(platform, "run", name)
        self.version = platform.get(f"/api/v1/models/{name}/versions/candidate")
        manifest = platform.get(f"/api/v1/artifacts/{self.version['package']}")
        self.files = {file["path"]: file["digest"] for file in manifest["files"]}

    def file(self, path):
        return self.platform.get(f"/api/v1/artifacts/{self.files[path]}")

    def found(self, kind):
        """The columns that findings of the kind are about."""
        return {finding["column"] for finding in self.init["findings"] if finding["kind"] == kind}

    def metrics(self):
        return dict(self.version["metrics"])

    def predict(self):
        """The example's answer by the command line, and every warm-up row's by the model server."""
        example = json.loads(millwright(self.platform, "predict", self.name).stdout)
        assert example["model_name"] == self.name
        assert "curl" in millwright(self.platform, "predict", self.name, "--example").stdout
        schema = {column["name"]: column["type"] for column in self.file("schema.json")["columns"]}
        kinds = {"category": "BYTES", "integer": "INT64", "boolean": "BOOL"}
        warm_up = self.file("warmup.json")
        inputs = [{"name": name, "shape": [len(warm_up["rows"])], "datatype": kinds.get(schema[name], "FP32"),
                   "data": [row[name] for row in warm_up["rows"]]} for name in self.file("package.json")["features"]]
        status, answer = call(self.platform.inference(), "POST", f"/v2/models/{self.name}/infer", {"inputs": inputs})
        assert status == 200, answer
        outputs = {output["name"]: output for output in answer["outputs"]}
        value = next(iter(outputs.values()))
        served, trained = bits(value["data"]), bits(warm_up["probabilities"])
        assert served == trained, "served answers differ from the training library's"
        return outputs, warm_up

    def produce(self):
        """Replays the model's rows with their labels; the cells of the goal's quality targets in production."""
        millwright(self.platform, "replay", self.name)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            board = self.platform.get(f"/api/v1/goals/{self.name}/production")
            windows = [window for window in board["windows"] if window["stage"] == "production"]
            if board["pending"] == 0 and windows and windows[-1]["labelled"] > 0:
                break
            time.sleep(0.2)
        assert board["state"] == "met", board
        return {target["metric"]: target["cells"][-1]["value"] for target in board["targets"]
                if target["kind"] == "quality"}

    def ask_for(self, rows):
        """Answers to the first rows of the table, under the ids p0, p1, ...; the labels that they have there."""
        text = Path(self.directory.parent, f"{self.name}.csv").read_text(encoding="utf-8")
        table = list(csv.DictReader(text.splitlines()))
        # From all over the table: it may be sorted by its label.
        table = [table[i * len(table) // rows] for i in range(rows)]
        schema = {column["name"]: column["type"] for column in self.file("schema.json")["columns"]}
        for number, row in enumerate(table):
            inputs = [{"name": name, "shape": [1], "datatype": "BYTES" if schema[name] == "category" else "FP32",
                       "data": [read(row[name], schema[name])]} for name in self.file("package.json")["features"]]
            status, answer = call(self.platform.inference(), "POST", f"/v2/models/{self.name}/infer",
                                  {"id": f"p{number}", "inputs": inputs})
            assert status == 200, answer
        return [row[self.label] for row in table]

    def bring_labels(self, values, fails=False):
        """A file of labels as they stand in the table."""
        file = Path(self.directory, "labels.csv")
        with open(file, "w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([["id", self.label], *([f"p{i}", value] for i, value in enumerate(values))])
        return millwright(self.platform, "labels", self.name, "--file", file, "--id", "id", "--label", self.label,
                          "--json", fails=fails)

    def labels_arrive(self, values, numbers):
        """By name from a file, and they mean these numbers."""
        self.bring_labels(values)
        expected = sum(numbers[value] for value in values)

        def joined():
            windows = self.platform.get(f"/api/v1/endpoints/{self.name}/windows")["windows"]
            return sum(window["labelled"] for window in windows) == len(values) and windows
        windows = wait_for(f"{len(values)} labels of {self.name}", 30, joined)
        assert sum(window["label_sum"] for window in windows) == expected, (windows, expected)


def read(text, kind):
    """A cell as a client would send it."""
    if text in ("", "NA"):
        return None
    return text if kind == "category" else float(text)


def check_churn(platform, scratch):
    data = OwnData(platform, scratch, "churn", tables.churn(), "left", "--time", "at")
    assert data.init["problem"] == "binary_classification", data.init
    assert data.init["classes"] == ["false", "true"], data.init  # as DuckDB reads yes and no
    assert data.init["key"] == "customer_id" and data.init["time"] == "at", data.init
    assert data.init["features"] == ["months", "calls", "plan"], data.init["features"]
    assert {"refund", "cancelled_at"} <= data.found("leakage"), data.init["findings"]
    assert "plan_code" in data.found("constant") and "calls" in data.found("marks"), data.init["findings"]
    metrics = data.metrics()
    assert metrics["roc_auc"] > 0.75 and metrics["saving"] > 0.1, metrics
    outputs, warm_up = data.predict()
    assert outputs["probability"]["shape"] == [len(warm_up["rows"])] and "decision" in outputs
    data.labels_arrive(data.ask_for(40), {"no": 0, "yes": 1})
    # Each request of a replay names its row's entity: the file that the model was made of brings the labels by it.
    millwright(platform, "replay", "churn", "--no-labels")
    millwright(platform, "labels", "churn", "--file", Path(scratch, "churn.csv"), "--key", "customer_id", "--label",
               "left")

    def all_known():
        known = platform.get("/api/v1/endpoints/churn/labels")
        return known["labelled"] == 1500 + 40 and known["unknown"] == 0
    wait_for("labels of the replayed rows", 30, all_known)
    return f"roc_auc {metrics['roc_auc']:.3f}"


def check_flowers(platform, scratch):
    data = OwnData(platform, scratch, "flowers", tables.flowers(), "class")
    assert data.init["problem"] == "multiclass_classification", data.init
    assert len(data.init["classes"]) == 3, data.init
    assert data.init["features"] == ["Breite (cm)", "长度", tables.ODD], data.init["features"]
    assert "" in data.found("order") and "row" in data.found("id-like"), data.init["findings"]
    metrics = data.metrics()
    assert metrics["accuracy"] > 0.6 and metrics["macro_roc_auc"] > 0.75, metrics
    outputs, warm_up = data.predict()
    classes = data.file("package.json")["classes"]
    rows, labels = len(warm_up["rows"]), outputs["label"]["data"]
    assert outputs["probability"]["shape"] == [rows, 3] and set(labels) <= set(classes), outputs
    flat = outputs["probability"]["data"]
    for row in range(rows):
        own = flat[3 * row:3 * row + 3]
        assert math.isclose(sum(own), 1, abs_tol=1e-5), own
        assert labels[row] == classes[own.index(max(own))], (own, labels[row])
    names = data.ask_for(60)
    assert len(set(names)) == 3, names
    data.labels_arrive(names, {name: number for number, name in enumerate(classes)})
    known = platform.get("/api/v1/endpoints/flowers/labels")
    assert known["classes"] == classes, known
    assert set(data.produce()) >= {"accuracy", "log_loss"}
    return f"accuracy {metrics['accuracy']:.3f}"


def check_repairs(platform, scratch):
    data = OwnData(platform, scratch, "repairs", tables.repairs(), "outcome", "--positive", "sent back")
    assert data.init["classes"] == ["kept", "sent back"], data.init
    assert data.file("package.json")["label_values"] == ["kept", "sent back"]
    values = data.ask_for(40)
    wrong = data.bring_labels([*values[:-1], "lost"], fails=True)
    assert wrong.returncode == 2 and 'label 40: it is "lost"; outcome is "kept" or "sent back"' in wrong.stderr, wrong
    data.labels_arrive(values, {"kept": 0, "sent back": 1})
    return f"roc_auc {data.metrics()['roc_auc']:.3f}"


def check_prices(platform, scratch):
    data = OwnData(platform, scratch, "prices", tables.prices(), "Preis")
    assert data.init["problem"] == "regression", data.init
    assert data.found("unreadable") == {"Fläche"}, data.init["findings"]
    metrics = data.metrics()
    assert metrics["r2"] > 0.9 and metrics["rmse"] < 50_000, metrics
    outputs, warm_up = data.predict()
    assert outputs["value"]["shape"] == [len(warm_up["rows"])] and list(outputs) == ["value"]
    # The very rows that judged the model: production measures what the evaluation did.
    produced = data.produce()
    for metric, value in produced.items():
        assert math.isclose(value, metrics[metric], rel_tol=1e-6), (metric, value, metrics)
    return f"r2 {metrics['r2']:.3f}, the same in production"


def check_broken(scratch):
    cases = tables.broken()
    for number, (name, (content, label, arguments, says)) in enumerate(cases.items()):
        file, directory = Path(scratch, f"broken{number}.csv"), Path(scratch, f"broken{number}")
        file.write_bytes(content)
        done = millwright(None, "init", file, "--label", label, "--dir", directory, *arguments, fails=True)
        assert done.returncode == 2 and says in done.stderr, f"{name}: {done.returncode}: {done.stderr}"
        assert done.stderr.count("\n") <= 3 and not directory.exists(), f"{name}: {done.stderr}"
    return len(cases)


def check_twice(platform, scratch):
    """What is there is not overwritten; applying and running again changes nothing."""
    again = millwright(None, "init", Path(scratch, "prices.csv"), "--label", "Preis", "--dir", Path(scratch, "prices"),
                       fails=True)
    assert again.returncode != 0 and "is there already" in again.stderr, again.stderr
    assert "unchanged" in millwright(platform, "apply", "-f", Path(scratch, "prices")).stdout
    second = millwright(platform, "run", "prices").stdout
    assert second.count("cached") >= 6, second


def main():
    keep = sys.argv[2] if sys.argv[1:2] == ["--keep"] else None
    with tempfile.TemporaryDirectory() as temporary:
        scratch = keep or temporary
        Path(scratch).mkdir(exist_ok=True)
        print(f"{check_broken(scratch)} broken tables, a sentence each")
        platform = Platform(scratch)
        try:
            platform.start()
            for check in (check_churn, check_flowers, check_repairs, check_prices):
                print(f"{check.__name__[6:]}: {check(platform, scratch)}")
            check_twice(platform, scratch)
        finally:
            platform.stop()


if __name__ == "__main__":
    main()
