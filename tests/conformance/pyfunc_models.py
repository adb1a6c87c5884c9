#!/usr/bin/env python3
"""MLflow's own models behind the Python backend: what it answers must be what the library itself says.

    tests/conformance/pyfunc_models.py [--make-environment]

A scikit-learn pipeline with numbers, texts and truth values (labels and probabilities), a forest over a matrix, one
logged with nothing but an example, one with nothing at all; XGBoost and LightGBM as python_function; a model of one's
own in Python. `tools/pyfunc` fetches MLflow and the libraries into build/deps/pyfunc. --make-environment has the
backend make the environment of the first model itself, from PyPI: minutes.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/deps/pyfunc/bin/python"
PROGRAM = Path(os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin")) / "pyfunc_backend"


class Backend:
    """The backend of one model directory, asked as a model server asks it."""

    def __init__(self, model, directory, python=PYTHON):
        words = [PROGRAM, model, directory, *([python] if python else [])]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.info = json.loads(self.process.stdout.readline())

    def ask(self, inputs):
        self.process.stdin.write(json.dumps({"inputs": inputs}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        return self.process.wait(30)


def tensor(name, datatype, values, shape=None):
    return {"name": name, "datatype": datatype, "shape": shape or [len(values)], "data": values}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--make-environment", action="store_true")
    options = parser.parse_args()
    if not PYTHON.exists():
        print("MLflow is not here; tools/pyfunc fetches it", file=sys.stderr)
        return 1
    if Path(sys.prefix) != PYTHON.parent.parent:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])

    import warnings
    warnings.filterwarnings("ignore")
    import lightgbm
    import mlflow
    import numpy
    import pandas
    import sklearn
    import xgboost
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = numpy.random.default_rng(1)
    count = 2000
    table = pandas.DataFrame({"age": rng.normal(40, 10, count), "visits": rng.integers(0, 20, count),
                              "city": rng.choice(["Rom", "Köln", "Oslo", ""], count), "member": rng.random(count) > .5})
    table.loc[::7, "age"] = numpy.nan
    truth = numpy.where((table.age > 42) & (table.city != "Oslo"), "ja", "nein")
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "visits"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
    pipeline = make_pipeline(prepare, LogisticRegression()).fit(table, truth)
    matrix = table[["visits"]].assign(other=rng.random(count)).to_numpy("float64")
    target = matrix[:, 0] * 2 + matrix[:, 1]
    forest = RandomForestRegressor(20, random_state=1).fit(matrix, target)

    class Doubler(mlflow.pyfunc.PythonModel):
        """Answers with a DataFrame of two columns."""

        def predict(self, context, model_input, params=None):
            return pandas.DataFrame({"twice": model_input["visits"] * 2, "shout": model_input["city"].str.upper()})

    checked = 0
    # Said, so that MLflow does not find them out anew for each model.
    needs = {"pip_requirements": [f"{each.__name__}=={each.__version__}" for each in (mlflow, xgboost, lightgbm)]
             + [f"scikit-learn=={sklearn.__version__}"]}

    def same(name, answer, expected):
        nonlocal checked
        assert "error" not in answer, (name, answer)
        for output, values in expected.items():
            wanted = numpy.asarray(values).reshape(-1).tolist()
            assert answer[output] == wanted, (name, output, answer[output][:5], wanted[:5])
            checked += len(wanted)

    types = {"age": "FP64", "visits": "INT64", "city": "BYTES", "member": "BOOL"}

    def columns(rows):
        return [tensor(name, types[name], [None if value != value else value for value in rows[name].tolist()])
                for name in rows]

    with tempfile.TemporaryDirectory() as directory:
        mlflow.set_tracking_uri(Path(directory, "tracking").as_uri())
        kept = Path(directory, "python")

        def start(name, python=PYTHON):
            backend = Backend(Path(directory, name), kept, python)
            assert "error" not in backend.info, (name, backend.info)
            print(f"{name}: {backend.info['library']}, {backend.info['memory_bytes'] >> 20} MiB, "
                  f"{[(each['name'], each['datatype'], each['shape']) for each in backend.info['outputs']]}")
            return backend

        signature = infer_signature(table, pipeline.predict(table))
        mlflow.sklearn.save_model(pipeline, Path(directory, "labels"), signature=signature, **needs)
        backend = start("labels")
        same("labels", backend.ask(columns(table)), {"predictions": pipeline.predict(table)})
        for i in range(20):  # rows alone are answered as rows in a batch
            row = table.iloc[i:i + 1]
            same("one row", backend.ask(columns(row)), {"predictions": pipeline.predict(row)})
        wrong = columns(table.head(2))
        wrong[2] = tensor("city", "FP64", [1.0, 2.0])
        assert "error" in backend.ask(wrong)
        assert backend.end() == 0

        mlflow.sklearn.save_model(pipeline, Path(directory, "probabilities"), pyfunc_predict_fn="predict_proba",
                                  signature=infer_signature(table, pipeline.predict_proba(table)), **needs)
        backend = start("probabilities")
        same("probabilities", backend.ask(columns(table)), {"predictions": pipeline.predict_proba(table)})
        backend.end()

        given = tensor("input", "FP64", matrix.reshape(-1).tolist(), [count, 2])
        mlflow.sklearn.save_model(forest, Path(directory, "matrix"), signature=infer_signature(matrix, target), **needs)
        mlflow.sklearn.save_model(forest, Path(directory, "example"), input_example=matrix[:3], **needs)
        mlflow.sklearn.save_model(forest, Path(directory, "bare"), **needs)
        for name in ("matrix", "example", "bare"):
            backend = start(name)
            same(name, backend.ask([given]), {"predictions": forest.predict(matrix)})
            backend.end()

        numbers = table[["age", "visits"]].astype({"visits": "float64"})
        named = [tensor("age", "FP64", columns(table)[0]["data"]), tensor("visits", "FP64", numbers.visits.tolist())]
        boosted = xgboost.XGBRegressor(n_estimators=20, max_depth=4).fit(numbers, target)
        mlflow.xgboost.save_model(boosted, Path(directory, "xgboost"),
                                  signature=infer_signature(numbers, boosted.predict(numbers)), **needs)
        backend = start("xgboost")
        same("xgboost", backend.ask(named), {"predictions": boosted.predict(numbers)})
        backend.end()
        light = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(numbers, target)
        mlflow.lightgbm.save_model(light, Path(directory, "lightgbm"),
                                   signature=infer_signature(numbers, light.predict(numbers)), **needs)
        backend = start("lightgbm")
        same("lightgbm", backend.ask(named), {"predictions": light.predict(numbers)})
        backend.end()

        small = table[["visits", "city"]]
        doubled = Doubler().predict(None, small)
        mlflow.pyfunc.save_model(Path(directory, "own"), python_model=Doubler(),
                                 signature=infer_signature(small, doubled), **needs)
        backend = start("own")
        same("own", backend.ask(columns(small)), {"twice": doubled.twice, "shout": doubled.shout})
        backend.end()

        if options.make_environment:
            backend = start("labels", None)
            same("in an environment of its own", backend.ask(columns(table)), {"predictions": pipeline.predict(table)})
            backend.end()
            lock = next(kept.glob("*/requirements.lock")).read_text().splitlines()
            assert all(" --hash=sha256:" in line for line in lock)
            print(f"an environment of {len(lock)} packages, each locked by version and digest")
    print(f"{checked:,} values, all equal to the libraries' own")
    return 0


if __name__ == "__main__":
    sys.exit(main())
