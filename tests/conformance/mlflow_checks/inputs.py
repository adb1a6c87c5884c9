"""Datasets and models that runs used and made."""
import mlflow
import pandas

from .harness import check, listed, unique


def dataset(name="rows", digest="d1", **fields):
    return {"name": name, "digest": digest, "source_type": "local", "source": '{"uri": "/data/rows.csv"}'} | fields


def log(server, run, *inputs):
    return server.ok("POST", "runs/log-inputs", {"run_id": run, "datasets": list(inputs)})


@check
def log_and_read(server):
    run = server.run(server.experiment())
    given = dataset(schema='{"columns": []}', profile='{"rows": 5}')
    assert log(server, run, {"dataset": given, "tags": [{"key": "mlflow.data.context", "value": "training"}]}) == {}
    got = server.ok("GET", "runs/get", {"run_id": run})["run"]["inputs"]["dataset_inputs"]
    assert got == [{"dataset": given, "tags": [{"key": "mlflow.data.context", "value": "training"}]}], got


@check
def same_dataset_of_two_runs(server):
    number = server.experiment()
    for run in (server.run(number), server.run(number)):
        for _ in range(2):
            log(server, run, {"dataset": dataset(), "tags": listed(a="b")}, {"dataset": dataset(digest="d2")})
        got = server.client.get_run(run).inputs.dataset_inputs
        assert sorted(entry.dataset.digest for entry in got) == ["d1", "d2"], got


@check
def fluent(server):
    mlflow.set_experiment(unique("inputs"))
    rows = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(rows, name="flights"), context="training", tags={"part": "1"})
        mlflow.log_input(mlflow.data.from_pandas(rows.head(1), name="few"), context="testing")
    got = {entry.dataset.name: entry for entry in mlflow.get_run(run.info.run_id).inputs.dataset_inputs}
    assert {tag.key: tag.value for tag in got["flights"].tags} == {"mlflow.data.context": "training", "part": "1"}
    assert '"num_rows": 3' in got["flights"].dataset.profile and got["few"].dataset.digest


def searched(server):
    number, runs = server.experiment("datasets"), {}
    for name, digest, context in (("alpha", "aa", "training"), ("beta", "bb", "testing"), ("Gamma", "cc", "training")):
        runs[server.run(number)] = name[0]
        log(server, list(runs)[-1], {"dataset": dataset(name, digest), "tags": [
            {"key": "mlflow.data.context", "value": context}]})
    return number, runs


@check
def search_by_dataset(server):
    number, runs = server.once(searched)
    for text, wanted in (("dataset.name = 'alpha'", "a"), ("datasets.name != 'alpha'", "Gb"),
                         ("dataset.name LIKE '%mm%'", "G"), ("dataset.name ILIKE 'g%'", "G"),
                         ("dataset.digest = 'bb'", "b"), ("dataset.context = 'training'", "Ga"),
                         ("dataset.digest IN ('aa', 'bb')", "ab"), ("dataset.name NOT IN ('alpha')", "Gb"),
                         ("dataset.context = 'training' AND dataset.name = 'alpha'", "a")):
        got = "".join(sorted(runs[run.info.run_id] for run in server.client.search_runs([number], text)))
        assert got == wanted, (text, got)


@check
def refusals(server):
    run = server.run()
    for fields, message in ((dataset(name="n" * 501), None), (dataset(digest="d" * 37), None)):
        server.invalid(message, "POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": fields}]})
    server.invalid(None, "POST", "runs/log-inputs", {"run_id": run, "datasets": [
        {"dataset": dataset(), "tags": [{"key": "k" * 256, "value": "v"}]}]})
    server.invalid(None, "POST", "runs/log-inputs", {"datasets": []})


@check
def models_in_and_out(server):
    from mlflow.entities import LoggedModelOutput
    number = server.experiment()
    run, user = server.run(number), server.run(number)
    model = server.client.create_logged_model(number, name="forest", source_run_id=run)
    server.client.log_outputs(run, [LoggedModelOutput(model.model_id, step=3)])
    server.ok("POST", "runs/log-inputs", {"run_id": user, "models": [{"model_id": model.model_id}]})
    made = server.ok("GET", "runs/get", {"run_id": run})["run"]["outputs"]["model_outputs"]
    assert made == [{"model_id": model.model_id, "step": 3}], made
    used = server.ok("GET", "runs/get", {"run_id": user})["run"]["inputs"]["model_inputs"]
    assert used == [{"model_id": model.model_id}], used


@check
def summaries(server):
    number, _ = server.once(searched)
    got = server.ok("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [number]})
    assert sorted((entry["name"], entry["digest"], entry["context"]) for entry in got["dataset_summaries"]) == \
        [("Gamma", "cc", "training"), ("alpha", "aa", "training"), ("beta", "bb", "testing")], got


@check(beyond=True)
def lineage_and_comparison_know_them(server):
    """What a run read and made is followed to the version, and two runs differ in their data."""
    number, name = server.experiment(), unique("flights")
    training = [{"key": "mlflow.data.context", "value": "training"}]
    runs = [server.run(number) for _ in range(2)]
    for run, digest in zip(runs, ("d1", "d2")):
        log(server, run, {"dataset": dataset(name, digest, profile='{"num_rows": 5}'), "tags": training},
            {"dataset": dataset("airports"), "tags": training})
    server.ok("POST", "runs/outputs", {"run_id": runs[0], "models": [{"model_id": unique("m"), "step": 0}]})
    model = unique("model")
    server.client.create_registered_model(model)
    server.ok("POST", "model-versions/create", {"name": model, "run_id": runs[0], "source":
                                                f"mlflow-artifacts:/{number}/{runs[0]}/artifacts/model"})
    # The newest of that name is the second run's, from which nothing was made.
    reached = server.ok("GET", "/api/v1/lineage/impact", {"of": f"dataset:{name}"})
    assert not reached["versions"], reached
    made_of = server.ok("GET", "/api/v1/lineage/origin", {"of": f"{model}@1"})
    assert {(entry["name"], entry["digest"], entry["uri"]) for entry in made_of["data"]} == \
        {(name, "d1", "/data/rows.csv"), ("airports", "d1", "/data/rows.csv")}, made_of
    reached = server.ok("GET", "/api/v1/lineage/impact", {"of": next(
        entry["id"] for entry in made_of["data"] if entry["name"] == name)})
    assert [(entry["model"], entry["version"]) for entry in reached["versions"]] == [(model, 1)], reached
    # A run that told of no model made what is registered from it.
    server.client.create_model_version(model, f"mlflow-artifacts:/{number}/{runs[1]}/artifacts/model", runs[1])
    made_of = server.ok("GET", "/api/v1/lineage/origin", {"of": f"{model}@2"})
    assert made_of["runs"] == [runs[1]], made_of
    data = {(entry["name"], entry["digest"]) for entry in made_of["data"]}
    assert data == {(name, "d2"), ("airports", "d1")}, made_of
    assert [(entry["digest"], entry["runs"]) for entry in server.ok(
        "GET", "/api/v1/lineage/impact", {"of": f"dataset:{name}"})["of"]["digests"]] == \
        [("d2", [runs[1]]), ("d1", [runs[0]])]
    reached = server.ok("GET", "/api/v1/lineage/impact", {"of": f"dataset:{name}@d1"})
    assert [(entry["model"], entry["version"]) for entry in reached["versions"]] == [(model, 1)], reached
    differs = server.ok("GET", "/api/v1/compare", {"a": f"run:{runs[0]}", "b": f"run:{runs[1]}"})
    data = {entry["name"]: entry for entry in differs["data"]}
    rows, others = data[f"training: {name}"], data["training: airports"]
    assert (rows["state"], rows["a"]["digest"], rows["b"]["digest"]) == ("changed", "d1", "d2"), data
    assert others["state"] == "same" and rows["a"]["rows"] == 5, data
