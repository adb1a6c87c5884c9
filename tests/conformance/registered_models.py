#!/usr/bin/env python3
"""Models that were trained elsewhere: registered, deployed and asked through a live `millwright up`.

    tests/conformance/registered_models.py

XGBoost (UBJ with categories, JSON), LightGBM, scikit-learn trees and a perceptron as ONNX, a Triton model's directory
and a scikit-learn pipeline that MLflow logged. What they answer is what their own libraries say: to the bit where trees
run here, else within 1e-6. Files give the bits of requests. What could not be served is refused at registration, with
the reason. Libraries come from serving_requirements.txt and, for MLflow, from tools/pyfunc.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/conformance"), str(ROOT / "tests/crash")]
from client_environment import run_within  # noqa: E402

if __name__ == "__main__":
    run_within("serving_clients", Path(__file__).with_name("serving_requirements.txt"))

import os  # noqa: E402

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import xgboost  # noqa: E402
from crash_rounds import BIN, Platform, call, wait_for  # noqa: E402
from serving_clients import NAMES, ROWS, json_rows, make_models, training_rows  # noqa: E402

PYFUNC = ROOT / "build/deps/pyfunc/bin/python"
SAVE_PIPELINE = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import mlflow, numpy, pandas, sklearn
from mlflow.models import infer_signature
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
chance = numpy.random.default_rng(3)
rows = pandas.DataFrame({"age": chance.normal(40, 10, 300), "visits": chance.integers(0, 20, 300)})
pipeline = make_pipeline(SimpleImputer(), LogisticRegression()).fit(rows, rows.age + rows.visits > 50)
signature = infer_signature(rows, pipeline.predict_proba(rows))
needs = [f"{each.__name__}=={each.__version__}" for each in (mlflow, numpy)]
mlflow.sklearn.save_model(pipeline, sys.argv[1], signature=signature, pyfunc_predict_fn="predict_proba",
                          pip_requirements=needs + [f"scikit-learn=={sklearn.__version__}"])
needs.append("a-package-that-nobody-has==1.0")
mlflow.sklearn.save_model(pipeline, sys.argv[2], signature=signature, pip_requirements=needs)
print(json.dumps({"age": rows.age.tolist(), "visits": rows.visits.tolist(),
                  "expected": pipeline.predict_proba(rows).reshape(-1).tolist()}))
"""


def verb(platform, *words, code=0):
    done = subprocess.run([BIN / "millwright", *words, "--home", platform.home, "--json"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if code == 0 else done.stderr.strip()


def infer(platform, model, inputs):
    status, answer = call(platform.inference(), "POST", f"/v2/models/{model}/infer", {"inputs": inputs})
    assert status == 200, (model, answer)
    return {each["name"]: each["data"] for each in answer["outputs"]}


def matrix(name, rows):
    return [{"name": name, "datatype": "FP32", "shape": list(rows.shape), "data": json_rows(rows)}]


def trees(platform, case, **how):
    """Registered, deployed, asked in requests of many sizes."""
    made = verb(platform, "register", case.name, str(case.path), *[word for pair in how.items() for word in pair])
    verb(platform, "deploy", case.name)
    name = {"forest": "X", "perceptron": "input"}.get(case.name, "rows")
    output = {"perceptron": "score"}.get(case.name, "probability")
    for size in (1, 7, 64, ROWS):
        values = infer(platform, case.name, matrix(name, case.rows[:size]))[output]
        case.check(np.asarray(values).reshape((size, *case.expected.shape[1:])), 0, f"a request of {size} rows")
    return made


def refused(platform, reason, *words):
    said = verb(platform, "register", *words, code=2)
    assert reason in said, (words, said)


def write_warm_up(path, rows, answers):
    path.write_text(json.dumps({"rows": [dict(zip(NAMES, row)) for row in json_rows(rows)],
                                "answers": answers.tolist(), "answered_by": f"LightGBM {lightgbm.__version__}"}))


def predict_file(platform, folder, model, columns):
    """The rows of a CSV file through the model: the output's columns, in the rows' order."""
    source, output = folder / f"{model}.csv", folder / f"{model}.parquet"
    rows = zip(*columns.values())
    source.write_text("\n".join([",".join(columns)] + [
        ",".join("" if value != value else repr(value) for value in row) for row in rows]) + "\n")
    done = verb(platform, "predict", f"{model}@1", "--input", str(source), "--output", str(output))
    assert done["rows"] == len(next(iter(columns.values()))) and done["bad_rows"] == 0, done
    read = "import json,sys,pyarrow.parquet as p; print(json.dumps(p.read_table(sys.argv[1]).to_pydict()))"
    said = subprocess.run([PYFUNC, "-c", read, output], capture_output=True, text=True, check=True).stdout
    return json.loads(said)


def batches(platform, folder, cases, logged, predictions):
    """Files through the models: the same bits as online."""
    for name, output in (("classes", "probability"), ("forest", "probability"), ("perceptron", "score"),
                         ("categories", "probability")):
        case = cases[name]
        names = {"forest": "f", "perceptron": "f"}.get(name, "c")
        columns = {f"{names}{i}": [float(value) for value in case.rows[:, i]] for i in range(8)}
        answered = predict_file(platform, folder, name, columns)
        asked = infer(platform, name, matrix({"forest": "X", "perceptron": "input"}.get(name, "rows"), case.rows))
        of = case.expected.dtype  # as the library answers: JSON prints either in the shortest form
        assert np.asarray(answered[output], of).tobytes() == np.asarray(asked[output], of).tobytes(), name
        if "label" in asked:
            assert answered["label"] == asked["label"], name
    answered = predict_file(platform, folder, "logged", {"age": logged["age"], "visits": logged["visits"]})
    assert np.asarray(answered["predictions"]).reshape(-1).tolist() == predictions


def main():
    with tempfile.TemporaryDirectory(prefix="mw-registered-") as directory:
        folder = Path(directory)
        os.environ["MILLWRIGHT_PYTHON"] = str(PYFUNC)
        platform = Platform(directory)
        platform.start()
        wait_for("the model server", 30, lambda: platform.serve_record()["pid"] != 0)
        try:
            run(platform, folder)
        finally:
            platform.stop()
    return 0


def run(platform, folder):
    cases = {case.name: case for case in make_models(folder)}
    made = trees(platform, cases["categories"], **{"--threshold": "0.4"})
    assert made["framework"] == "xgboost" and made["type"] == "binary_classification", made
    assert any("every answer the same bits" in note for note in made["notes"]), made
    decision = infer(platform, "categories", matrix("rows", cases["categories"].rows))["decision"]
    assert decision == (cases["categories"].expected >= np.float32(0.4)).tolist()

    # LightGBM's own answers travel with the package; wrong ones keep it out.
    classes = cases["classes"]
    write_warm_up(folder / "answers.json", classes.rows[:200], classes.expected[:200])
    made = trees(platform, classes, **{"--warm-up": str(folder / "answers.json")})
    assert made["type"] == "multiclass_classification", made
    wrong = classes.expected[:200].copy()
    wrong[117, 1] = np.nextafter(wrong[117, 1], 1)
    write_warm_up(folder / "wrong.json", classes.rows[:200], wrong)
    refused(platform, "warm-up row 117", "classes", str(classes.path), "--warm-up", str(folder / "wrong.json"))

    made = trees(platform, cases["forest"])
    assert made["framework"] == "onnx" and made["type"] == "multiclass_classification", made
    made = trees(platform, cases["perceptron"])
    assert made["type"] == "tensors" and made["described"].startswith("ONNX Runtime"), made

    # A linear booster has no trees: XGBoost's own library runs it.
    rows, label, _ = training_rows(np.random.default_rng(5))
    data = xgboost.DMatrix(np.nan_to_num(rows), label)
    linear = xgboost.train({"objective": "binary:logistic", "booster": "gblinear", "nthread": 1}, data, 5)
    linear.save_model(folder / "linear.json")
    made = verb(platform, "register", "linear", str(folder / "linear.json"))
    assert made["type"] == "tensors" and made["described"].startswith("XGBoost"), made
    verb(platform, "deploy", "linear")
    values = infer(platform, "linear", matrix("input", np.nan_to_num(rows[:50])))["output"]
    assert np.abs(np.asarray(values) - linear.predict(data)[:50]).max() < 1e-6

    # A Triton model: its newest version, its configuration.
    triton = folder / "net"
    (triton / "3").mkdir(parents=True)
    (triton / "3/model.onnx").write_bytes(cases["perceptron"].path.read_bytes())
    (triton / "config.pbtxt").write_text(
        'platform: "onnxruntime_onnx" max_batch_size: 32 dynamic_batching { preferred_batch_size: 8 }\n'
        'model_warmup { name: "ones" batch_size: 4 inputs { key: "input" value {\n'
        '  data_type: TYPE_FP32 dims: 8 random_data: true } } }\n')
    made = verb(platform, "register", "net", str(triton))
    assert "version 3 of the Triton model" in made["notes"], made
    assert any("dynamic_batching.preferred_batch_size" in note for note in made["notes"]), made
    verb(platform, "deploy", "net")
    perceptron = cases["perceptron"]
    answer = infer(platform, "net", matrix("input", perceptron.rows[:20]))["score"]
    perceptron.check(np.asarray(answer).reshape(20, 1), 0, "the Triton model")

    # What MLflow logged, in its own Python.
    saved = subprocess.run([PYFUNC, "-c", SAVE_PIPELINE, str(folder / "logged"), str(folder / "lacking")],
                           capture_output=True, text=True, check=True).stdout
    logged = json.loads(saved.splitlines()[-1])
    made = verb(platform, "register", "logged", str(folder / "logged"))
    assert made["framework"] == "mlflow", made
    verb(platform, "deploy", "logged")
    count = len(logged["age"])
    answer = infer(platform, "logged", [
        {"name": "age", "datatype": "FP64", "shape": [count], "data": logged["age"]},
        {"name": "visits", "datatype": "INT64", "shape": [count], "data": logged["visits"]}])
    differ = np.abs(np.asarray(answer["predictions"]) - logged["expected"]).max()
    assert differ < 1e-12, differ  # the same library, in another order of sums

    batches(platform, folder, cases, logged, answer["predictions"])
    refused(platform, "a-package-that-nobody-has", "bad", str(folder / "lacking"))
    refused(platform, "is no model that is known", "bad", __file__)
    (folder / "short.ubj").write_bytes(cases["categories"].path.read_bytes()[:3000])
    refused(platform, "", "bad", str(folder / "short.ubj"))
    refused(platform, "--threshold is for", "bad", str(classes.path), "--threshold", "0.5")
    names = [model["name"] for model in verb(platform, "models")["models"]]
    assert sorted(names) == sorted([*cases, "linear", "net", "logged"]), names  # what was refused is not there

    # Every version says where it is and what it takes, measured.
    for name in names:
        state = verb(platform, "endpoint", name)["versions"][0]["servers"][0]
        least = {"perceptron": 10 << 20, "net": 10 << 20, "linear": 5 << 20, "logged": 100 << 20}.get(name, 1000)
        assert state["state"] == "READY" and state["memory_bytes"] > least, (name, state)
    print(f"{len(names)} models registered, deployed and asked: the libraries' own answers")


if __name__ == "__main__":
    sys.exit(main())
