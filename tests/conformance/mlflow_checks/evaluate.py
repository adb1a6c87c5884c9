"""Models measured with MLflow's own evaluators: what they log about a model, a static table, and thresholds."""
import mlflow
import numpy
import pandas
from mlflow.models import MetricThreshold, evaluate, infer_signature, make_metric
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score

from .harness import check, named, unique


def table():
    chance = numpy.random.default_rng(3)
    rows = pandas.DataFrame(chance.standard_normal((300, 3)), columns=list("abc"))
    return rows, (rows["a"] - rows["b"] + chance.normal(0, 0.5, 300) > 0).astype(int)


def classified(server):
    """A classifier, logged and evaluated in one run: the run, the result, probabilities and truth of its rows."""
    rows, truth = table()
    fitted = LogisticRegression().fit(rows.head(200), truth.head(200))
    mlflow.set_experiment(unique("evaluate"))
    held = rows.tail(100).assign(truth=truth.tail(100))
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(fitted, **named("model"), pip_requirements=["scikit-learn"],
                                        signature=infer_signature(rows, fitted.predict(rows)))
        data = mlflow.data.from_pandas(held, name="held", targets="truth")
        result = evaluate(info.model_uri, data, model_type="classifier", evaluators="default",
                          evaluator_config={"log_model_explainability": False})
    return run.info.run_id, info, result, fitted.predict_proba(rows.tail(100)), truth.tail(100)


@check
def classifier(server):
    run, _, result, chances, truth = server.once(classified)
    logged = mlflow.get_run(run).data.metrics
    wanted = {"accuracy_score": accuracy_score(truth, chances.argmax(axis=1)), "log_loss": log_loss(truth, chances),
              "roc_auc": roc_auc_score(truth, chances[:, 1]), "example_count": 100}
    for name, value in wanted.items():
        assert abs(logged[name] - value) < 1e-9 and logged[name] == result.metrics[name], (name, logged, value)
    matrix = {"true_negatives", "false_positives", "false_negatives", "true_positives"}
    assert sum(logged[name] for name in matrix) == 100, logged


@check
def artifacts_of_an_evaluation(server):
    run, _, result, _, _ = server.once(classified)
    there = {file.path for file in server.client.list_artifacts(run)}
    assert {"confusion_matrix.png", "roc_curve_plot.png", "precision_recall_curve_plot.png"} <= there, there
    for name, artifact in result.artifacts.items():
        assert artifact.uri.startswith("mlflow-artifacts:"), (name, artifact.uri)
        assert mlflow.artifacts.download_artifacts(artifact.uri), name


@check
def dataset_of_an_evaluation(server):
    run, _, _, _, _ = server.once(classified)
    used, = (entry.dataset for entry in mlflow.get_run(run).inputs.dataset_inputs)
    assert used.name == "held" and '"num_rows": 100' in used.profile, used


@check
def model_of_mlflow_3(server):
    """Its metrics are the model's too, on that dataset."""
    run, info, result, _, _ = server.once(classified)
    metrics = {metric.key: metric for metric in server.client.get_logged_model(info.model_id).metrics}
    assert metrics["accuracy_score"].value == result.metrics["accuracy_score"], metrics
    assert metrics["accuracy_score"].dataset_name == "held" and metrics["accuracy_score"].run_id == run, metrics
    found = mlflow.search_logged_models([mlflow.get_run(run).info.experiment_id], output_format="list",
                                        filter_string="metrics.accuracy_score > 0.5",
                                        datasets=[{"dataset_name": "held",
                                                   "dataset_digest": metrics["accuracy_score"].dataset_digest}])
    assert [model.model_id for model in found] == [info.model_id], found


@check
def static_table(server):
    """Predictions that are there already; a measure of one's own."""
    chance = numpy.random.default_rng(5)
    rows = pandas.DataFrame({"x": chance.random(60)})
    rows["truth"], rows["said"] = rows["x"] * 2, rows["x"] * 2 + chance.normal(0, 0.1, 60)
    worst = make_metric(eval_fn=lambda predictions, targets, metrics: float((predictions - targets).abs().max()),
                        greater_is_better=False, name="worst")
    mlflow.set_experiment(unique("static"))
    with mlflow.start_run() as run:
        result = evaluate(data=rows, targets="truth", predictions="said", model_type="regressor",
                          extra_metrics=[worst], evaluators="default")
    logged = mlflow.get_run(run.info.run_id).data.metrics
    assert abs(logged["mean_absolute_error"] - mean_absolute_error(rows["truth"], rows["said"])) < 1e-12, logged
    assert abs(logged["r2_score"] - r2_score(rows["truth"], rows["said"])) < 1e-12, logged
    assert logged["worst"] == (rows["said"] - rows["truth"]).abs().max() == result.metrics["worst"], logged


@check
def thresholds(server):
    """A candidate that is no better than a baseline is refused by the client, on metrics that are here."""
    rows, _ = table()
    goal = rows["a"] * 2 + rows["b"]
    held = rows.assign(goal=goal)
    mlflow.set_experiment(unique("thresholds"))
    results = []
    for fitted in (LinearRegression().fit(rows, goal), LinearRegression().fit(rows[["c"]], goal)):
        columns = list(rows.columns[:fitted.n_features_in_]) if fitted.n_features_in_ == 3 else ["c"]
        with mlflow.start_run() as run:
            results.append(evaluate(data=held.assign(said=fitted.predict(rows[columns])), targets="goal",
                                    predictions="said", model_type="regressor", evaluators="default"))
        assert mlflow.get_run(run.info.run_id).data.metrics["r2_score"] == results[-1].metrics["r2_score"]
    good, poor = results
    wanted = {"r2_score": MetricThreshold(threshold=0.9, min_absolute_change=0.1, greater_is_better=True)}
    mlflow.validate_evaluation_results(wanted, good, poor)
    try:
        mlflow.validate_evaluation_results(wanted, poor, good)
    except mlflow.exceptions.MlflowException as error:
        assert "r2_score" in str(error), error
    else:
        raise AssertionError("a poor model passed")
