"""Models of scikit-learn and XGBoost: logged, registered, loaded again; autologging; measurements of the host."""
import mlflow
import numpy
import pandas
import xgboost
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .harness import MLFLOW, check, named, unique, wait_for


def rows():
    chance = numpy.random.default_rng(1)
    table = pandas.DataFrame(chance.standard_normal((200, 4)), columns=list("abcd"))
    return table, (table["a"] + table["b"] > 0.3).astype(int)


def logged(server):
    """A logistic regression, logged with its signature and registered; its name and its predictions."""
    name = unique("regression")
    table, label = rows()
    fitted = LogisticRegression().fit(table, label)
    mlflow.set_experiment(unique("sklearn"))
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            fitted, **named("model"), registered_model_name=name, input_example=table.head(2),
            signature=infer_signature(table, fitted.predict(table)), pip_requirements=["scikit-learn"])
    server.client.set_registered_model_alias(name, "champion", "1")
    return name, run.info.run_id, info, table, fitted.predict(table)


@check
def log_and_load_by_version(server):
    name, _, _, table, wanted = server.once(logged)
    assert (mlflow.sklearn.load_model(f"models:/{name}/1").predict(table) == wanted).all()
    assert (mlflow.pyfunc.load_model(f"models:/{name}/1").predict(table) == wanted).all()


@check
def load_by_alias(server):
    name, _, _, table, wanted = server.once(logged)
    for uri in (f"models:/{name}@champion", f"models:/{name}/latest"):
        assert (mlflow.pyfunc.load_model(uri).predict(table) == wanted).all()


@check
def load_by_model_and_by_run(server):
    _, run, info, table, wanted = server.once(logged)
    for uri in (info.model_uri, f"runs:/{run}/model"):
        assert (mlflow.sklearn.load_model(uri).predict(table) == wanted).all()


@check
def what_was_logged(server):
    name, run, info, _, _ = server.once(logged)
    version = server.client.get_model_version(name, "1")
    assert version.source == f"models:/{info.model_id}", version
    model = server.client.get_logged_model(info.model_id)
    assert model.status == "READY" and model.source_run_id == run and "mlflow.modelVersions" in model.tags
    assert [output.model_id for output in mlflow.get_run(run).outputs.model_outputs] == [info.model_id]


@check
def version_and_signature(server):
    name, run, info, _, _ = server.once(logged)
    version = server.client.get_model_version(name, "1")
    assert version.run_id == run and version.status == "READY", version
    assert MLFLOW >= 3 or version.source == f"{mlflow.get_run(run).info.artifact_uri}/model", version
    got = mlflow.models.get_model_info(f"models:/{name}/1")
    assert got.signature.inputs.input_names() == list("abcd") and got.flavors["sklearn"], got


@check
def a_second_version(server):
    name, run, info, _, _ = server.once(logged)
    made = mlflow.register_model(info.model_uri, name, tags={"again": "yes"})
    assert int(made.version) >= 2 and server.client.get_model_version(name, made.version).tags["again"] == "yes"


@check
def autolog_sklearn(server):
    server.once(autologged)


def autologged(server):
    """A forest, fitted under autologging, and what was logged looked at: the run's info, the forest's predictions."""
    table, label = rows()
    mlflow.set_experiment(unique("autolog"))
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            fitted = RandomForestClassifier(5, max_depth=3, random_state=1).fit(table, label)
            fitted.score(table, label)
    finally:
        mlflow.sklearn.autolog(disable=True)
    data = mlflow.get_run(run.info.run_id)
    assert data.data.params["n_estimators"] == "5" and data.data.params["max_depth"] == "3"
    assert {"training_accuracy_score", "training_log_loss", "training_roc_auc"} <= set(data.data.metrics)
    assert data.data.tags["estimator_name"] == "RandomForestClassifier"
    assert data.data.metrics["training_accuracy_score"] == fitted.score(table, label)
    assert len(data.inputs.dataset_inputs) >= 1, data.inputs
    if MLFLOW < 3:
        there = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
        assert (there.predict(table) == fitted.predict(table)).all()
    return run.info, fitted.predict(table)


@check
def model_of_autolog_sklearn(server):
    info, predictions = server.once(autologged)
    outputs = mlflow.get_run(info.run_id).outputs.model_outputs
    assert len(outputs) == 1, outputs
    model = server.client.get_logged_model(outputs[0].model_id)
    there = mlflow.sklearn.load_model(model.model_uri).predict(rows()[0])
    assert model.status == "READY" and (there == predictions).all()
    found = mlflow.search_logged_models([info.experiment_id], output_format="list",
                                        filter_string="metrics.training_accuracy_score > 0")
    assert [entry.model_id for entry in found] == [model.model_id]


@check
def autolog_xgboost(server):
    table, label = rows()
    mlflow.set_experiment(unique("autolog"))
    mlflow.xgboost.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = xgboost.DMatrix(table, label)
            booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, data, 12,
                                    evals=[(data, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    got = mlflow.get_run(run.info.run_id)
    assert got.data.params["max_depth"] == "2" and got.data.params["num_boost_round"] == "12"
    history = server.client.get_metric_history(run.info.run_id, "train-logloss")
    assert [point.step for point in history] == list(range(12)) and history[-1].value < history[0].value
    assert got.data.metrics["train-logloss"] == history[-1].value
    uri = f"models:/{got.outputs.model_outputs[0].model_id}" if MLFLOW >= 3 else f"runs:/{run.info.run_id}/model"
    assert (mlflow.xgboost.load_model(uri).predict(data) == booster.predict(data)).all()


@check
def measurements_of_the_host(server):
    mlflow.set_experiment(unique("host"))
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    try:
        with mlflow.start_run(log_system_metrics=True) as run:
            wait_for(lambda: "system/cpu_utilization_percentage" in mlflow.get_run(run.info.run_id).data.metrics,
                     "measurements of the host")
    finally:
        mlflow.disable_system_metrics_logging()
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    assert {"system/system_memory_usage_megabytes", "system/disk_usage_percentage"} <= set(metrics), metrics
    points = server.client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert [point.step for point in points] == list(range(len(points))), points
