"""Logged models: made, finished, tagged, searched by metrics on datasets, deleted."""
import re

import mlflow

from .harness import check, listed, pairs, unique
from .inputs import dataset


def make(server, number, **fields):
    return server.ok("POST", "logged-models", {"experiment_id": number, "name": "forest"} | fields)["model"]


def get(server, model, **how):
    return server.ok("GET", f"logged-models/{model}", **how)["model"]


@check
def create_and_get(server):
    number = server.experiment()
    run = server.run(number)
    made = make(server, number, model_type="classifier", source_run_id=run, params=listed(depth="3"),
                tags=listed(a="b"))
    info, model = made["info"], made["info"]["model_id"]
    assert re.fullmatch("m-[0-9a-f]{32}", model), info
    assert info["artifact_uri"] == f"mlflow-artifacts:/{number}/models/{model}/artifacts", info
    assert info["status"] == "LOGGED_MODEL_PENDING" and info["name"] == "forest" and info["source_run_id"] == run, info
    assert info["experiment_id"] == number and info["model_type"] == "classifier" and pairs(info["tags"]) == {"a": "b"}
    assert isinstance(info["creation_timestamp_ms"], int) and pairs(made["data"]["params"]) == {"depth": "3"}, made
    assert get(server, model) == made


@check
def name_of_none(server):
    assert server.client.create_logged_model(server.experiment()).name


@check
def finalize(server):
    model = make(server, server.experiment())["info"]["model_id"]
    for status in ("LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"):
        got = server.ok("PATCH", f"logged-models/{model}", {"model_id": model, "status": status})["model"]
        assert got["info"]["status"] == status and get(server, model)["info"]["status"] == status, got
    got = server.client.finalize_logged_model(model, "READY")
    assert got.status == "READY" and got.last_updated_timestamp >= got.creation_timestamp


@check
def tags(server):
    model = make(server, server.experiment())["info"]["model_id"]
    server.client.set_logged_model_tags(model, {"a": "1", "b/c d": "2"})
    server.client.set_logged_model_tags(model, {"a": "3"})
    assert pairs(get(server, model)["info"]["tags"]) == {"a": "3", "b/c d": "2"}
    server.client.delete_logged_model_tag(model, "a")
    assert pairs(get(server, model)["info"]["tags"]) == {"b/c d": "2"}
    server.missing(f"No tag with key 'a' found for model with ID '{model}'.", "DELETE", f"logged-models/{model}/tags/a")


@check
def parameters(server):
    number = server.experiment()
    many = {f"p{place}": str(place) for place in range(230)}
    model = server.client.create_logged_model(number, name="many", params=many).model_id
    assert server.client.get_logged_model(model).params == many
    server.client.log_model_params(model, {"later": "x"})
    assert server.client.get_logged_model(model).params == many | {"later": "x"}


@check
def not_there(server):
    gone, model = "Logged model with ID 'm-" + "0" * 32 + "' not found.", "m-" + "0" * 32
    server.missing(gone, "GET", f"logged-models/{model}")
    server.missing(gone, "DELETE", f"logged-models/{model}")
    server.missing(gone, "PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})
    server.missing(gone, "PATCH", f"logged-models/{model}/tags", {"model_id": model, "tags": listed(a="b")})


@check
def delete(server):
    number = server.experiment()
    model = make(server, number)["info"]["model_id"]
    assert server.ok("DELETE", f"logged-models/{model}") == {}
    server.missing(f"Logged model with ID '{model}' not found.", "GET", f"logged-models/{model}")
    assert get(server, f"{model}?allow_deleted=true")["info"]["model_id"] == model
    assert server.client.search_logged_models([number]) == []


@check
def refusals(server):
    number = server.experiment()
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
        server.invalid(f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot "
                       "contain the following characters: ('/', ':', '.', '%', '\"', \"'\")…", "POST",
                       "logged-models", {"experiment_id": number, "name": name})
    server.missing("No Experiment with id=987654321 exists", "POST", "logged-models",
                   {"experiment_id": "987654321", "name": "x"})
    server.invalid("Missing value for required parameter 'experiment_id'.…", "POST", "logged-models", {"name": "x"})


@check
def metrics(server):
    number = server.experiment()
    run = server.run(number)
    model = make(server, number, source_run_id=run)["info"]["model_id"]
    server.ok("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset()}]})
    point = {"key": "auc", "value": 0.5, "timestamp": 1000, "step": 1, "model_id": model}
    server.ok("POST", "runs/log-metric", {"run_id": run} | point | {"dataset_name": "rows", "dataset_digest": "d1"})
    server.log(run, metrics=[point | {"value": 0.75, "step": 2}])
    got = {entry["step"]: entry for entry in get(server, model)["data"]["metrics"]}
    assert got[max(got)]["value"] == 0.75 and got[max(got)]["run_id"] == run, got
    assert all(entry["model_id"] == model and entry["key"] == "auc" for entry in got.values()), got
    assert server.client.get_run(run).data.metrics == {"auc": 0.75}


def several(server):
    """Models a to d; auc on two datasets; d deleted."""
    number, models = server.experiment("models"), {}
    run = server.run(number)
    server.ok("POST", "runs/log-inputs", {"run_id": run, "datasets": [
        {"dataset": dataset("one", "1")}, {"dataset": dataset("two", "2")}]})
    for name, one, two in (("a", 0.5, 0.9), ("b", 0.7, 0.1), ("c", None, None), ("d", 0.1, 0.2)):
        model = make(server, number, name=name, source_run_id=run, model_type="tree" if name in "ab" else "line",
                     params=listed(letter=name), tags=listed(kind="x" if name == "a" else "y"))["info"]["model_id"]
        models[model] = name
        for which, digest, value in (("one", "1", one), ("two", "2", two)):
            if value is not None:
                server.ok("POST", "runs/log-metric", {
                    "run_id": run, "key": "auc", "value": value, "timestamp": 1, "step": int(digest),
                    "model_id": model, "dataset_name": which, "dataset_digest": digest})
    server.client.finalize_logged_model(next(iter(models)), "READY")
    server.client.delete_logged_model([model for model, name in models.items() if name == "d"][0])
    return number, models


def found(server, text=None, **how):
    number, models = server.once(several)
    got = server.client.search_logged_models([number], text, **how)
    return "".join(models[model.model_id] for model in got)


@check
def search_filters(server):
    number, models = server.once(several)
    first = next(iter(models))
    for text, wanted in ((None, "abc"), ("name = 'a'", "a"), ("attributes.name != 'a'", "bc"), ("name LIKE 'A'", ""),
                         ("name ILIKE 'A'", "a"), ("name IN ('a', 'c')", "ac"), ("name NOT IN ('a')", "bc"),
                         ("model_type = 'tree'", "ab"), (f"model_id = '{first}'", "a"),
                         ("params.letter = 'b'", "b"), ("tags.kind != 'x'", "bc"), ("metrics.auc > 0.6", "a"),
                         ("metrics.auc >= 0.8", "a"), ("creation_timestamp > 1", "abc"),
                         ("metrics.auc > 0 AND params.letter = 'a'", "a")):
        got = "".join(sorted(found(server, text)))
        assert got == wanted, (text, got)


@check
def search_on_datasets(server):
    one, two = {"dataset_name": "one", "dataset_digest": "1"}, {"dataset_name": "two", "dataset_digest": "2"}
    for text, datasets, wanted in (("metrics.auc > 0.6", [one], "b"), ("metrics.auc > 0.6", [two], "a"),
                                   ("metrics.auc > 0.6", [two | {"dataset_digest": "no"}], ""), (None, [one], "ab"),
                                   (None, [one | {"dataset_name": "nobody"}], "")):
        got = "".join(sorted(found(server, text, datasets=datasets)))
        assert got == wanted, (text, datasets, got)


@check(beyond=True)
def search_on_datasets_of_any_digest(server):
    assert found(server, "metrics.auc > 0.6", datasets=[{"dataset_name": "one"}]) == "b"
    assert sorted(found(server, None, datasets=[{"dataset_name": "one"}])) == ["a", "b"]


@check(beyond=True)
def search_by_status(server):
    assert found(server, "status = 'READY'") == "a" and sorted(found(server, "status != 'READY'")) == ["b", "c"]


@check
def search_orders(server):
    for order, wanted in ((None, "cba"), ([{"field_name": "name"}], "abc"),
                          ([{"field_name": "name", "ascending": False}], "cba"),
                          ([{"field_name": "metrics.auc", "dataset_name": "one", "dataset_digest": "1"}], "abc"),
                          ([{"field_name": "metrics.auc", "dataset_name": "one", "ascending": False}], "bac"),
                          ([{"field_name": "metrics.auc", "dataset_name": "two", "ascending": False}], "abc"),
                          ([{"field_name": "creation_timestamp"}, {"field_name": "name"}], "abc")):
        assert found(server, order_by=order) == wanted, (order, found(server, order_by=order))


@check
def search_pages(server):
    number, models = server.once(several)
    seen, token = "", None
    while not seen or token:
        page = server.client.search_logged_models([number], max_results=1, page_token=token,
                                                  order_by=[{"field_name": "name"}])
        seen, token = seen + models[page[0].model_id], page.token
    assert seen == "abc"


@check
def search_refusals(server):
    number, _ = server.once(several)
    for fields in ({"filter": "nothing.a = 'b'"}, {"datasets": [{"dataset_digest": "1"}]},
                   {"order_by": [{"field_name": "params.letter"}]}, {"order_by": [{"field_name": "flavour"}]},
                   {"filter": "params.letter > 'a'"}):
        server.invalid(None, "POST", "logged-models/search", {"experiment_ids": [number]} | fields)


@check
def artifacts(server):
    mlflow.set_experiment(unique("files"))
    with mlflow.start_run():
        model = mlflow.create_external_model(name="outside")
    server.client.log_model_artifact(model.model_id, __file__)
    listed_files = server.client.list_logged_model_artifacts(model.model_id)
    assert "logged_models.py" in [entry.path for entry in listed_files], listed_files
    got = server.ok("GET", f"logged-models/{model.model_id}/artifacts/directories")
    assert ("logged_models.py", False) in [(entry["path"], entry["is_dir"]) for entry in got["files"]], got
    file = server.ask("GET", f"/ajax-api/2.0/mlflow/logged-models/{model.model_id}/artifacts/files",
                      {"artifact_file_path": "logged_models.py"})
    assert file.status_code == 200 and file.content == open(__file__, "rb").read(), file
