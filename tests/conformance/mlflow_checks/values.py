"""Parameters and tags of runs."""
import mlflow
from mlflow.entities import Param

from .harness import check, listed, pairs, unique


@check
def parameters_stay(server):
    run = server.run()
    for _ in range(2):
        assert server.ok("POST", "runs/log-parameter", {"run_id": run, "key": "depth", "value": "6"}) == {}
    server.invalid(f"Changing param values is not allowed. Param with key='depth' was already logged with value='6' "
                   f"for run ID='{run}'. Attempted logging new value '7'.…", "POST", "runs/log-parameter",
                   {"run_id": run, "key": "depth", "value": "7"})
    assert pairs(server.data(run)["params"]) == {"depth": "6"}


@check
def parameters_stay_in_batches(server):
    run = server.run()
    for _ in range(2):
        server.log(run, params=listed(a="1", b="2"))
    changed = "[{'key': 'a', 'old_value': '1', 'new_value': '3'}]"
    server.invalid(f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run}'.",
                   "POST", "runs/log-batch", {"run_id": run, "params": listed(a="3", b="2", c="4")})
    assert pairs(server.data(run)["params"]).items() >= {"a": "1", "b": "2"}.items()


@check
def parameters_stay_for_the_client(server):
    mlflow.set_experiment(unique("stay"))
    with mlflow.start_run():
        mlflow.log_param("a", 1)
        mlflow.log_param("a", 1)
        try:
            mlflow.log_param("a", 2)
        except mlflow.MlflowException as error:
            assert "Changing param values is not allowed" in str(error)
        else:
            raise AssertionError("a parameter was changed")


@check
def long_values(server):
    run = server.run()
    server.ok("POST", "runs/log-parameter", {"run_id": run, "key": "k" * 250, "value": "é" * 6000})
    server.log(run, params=[{"key": "long", "value": "x" * 7000}], tags=[{"key": "t" * 250, "value": "y" * 9000}])
    data = server.client.get_run(run).data
    assert data.params == {"k" * 250: "é" * 6000, "long": "x" * 6000}
    assert data.tags["t" * 250] == "y" * 8000


@check
def a_hundred_parameters(server):
    run, wanted = server.run(), {f"p{number}": str(number) for number in range(100)}
    server.client.log_batch(run, params=[Param(*item) for item in wanted.items()])
    assert server.client.get_run(run).data.params == wanted


@check
def two_hundred_by_the_client(server):
    mlflow.set_experiment(unique("many"))
    wanted = {f"p{number}": str(number) for number in range(230)}
    with mlflow.start_run() as run:
        mlflow.log_params(wanted)
        mlflow.set_tags(wanted)
    data = mlflow.get_run(run.info.run_id).data
    assert data.params == wanted and data.tags.items() >= wanted.items()


@check
def odd_characters(server):
    run, odd = server.run(), "line\nbreak \"quotes\" 'more' \\ <b> % _ 航班 ✈ \t"
    server.log(run, params=[{"key": "größe/a b-c_d.e:f", "value": odd}], tags=[{"key": "tag/größe", "value": odd}])
    data = server.client.get_run(run).data
    assert data.params == {"größe/a b-c_d.e:f": odd} and data.tags["tag/größe"] == odd


@check
def empty_parameter(server):
    run = server.run()
    server.client.log_param(run, "nothing", "")
    server.log(run, params=listed(also=""))
    assert server.client.get_run(run).data.params == {"nothing": "", "also": ""}


@check
def duplicates_in_a_batch(server):
    twice = listed(a="1") * 2
    server.invalid("Duplicate parameter keys have been submitted: ['a']. Please ensure the request contains only one "
                   "param value per param key.", "POST", "runs/log-batch", {"run_id": server.run(), "params": twice})


@check
def tags_change(server):
    run = server.run()
    for value in ("one", "two", ""):
        assert server.ok("POST", "runs/set-tag", {"run_uuid": run, "key": "t", "value": value}) == {}
        assert server.client.get_run(run).data.tags["t"] == value
    server.log(run, tags=listed(t="x") + listed(t="y"))
    assert server.client.get_run(run).data.tags["t"] == "y"


@check
def tags_go(server):
    run = server.run()
    server.client.set_tag(run, "t", "u")
    assert server.ok("POST", "runs/delete-tag", {"run_id": run, "key": "t"}) == {}
    assert "t" not in server.client.get_run(run).data.tags
    server.missing(f"No tag with name: t in run with id {run}", "POST", "runs/delete-tag", {"run_id": run, "key": "t"})


@check
def log_model_tag(server):
    """The old RPC that notes a model in the tag mlflow.log-model.history."""
    import json
    run = server.run()
    model = {"run_id": run, "artifact_path": "model", "utc_time_created": "2026-01-01 00:00:00",
             "flavors": {"python_function": {"loader_module": "x"}}}
    server.ok("POST", "runs/log-model", {"run_id": run, "model_json": json.dumps(model)})
    history = json.loads(server.client.get_run(run).data.tags["mlflow.log-model.history"])
    assert [entry["artifact_path"] for entry in history] == ["model"], history
    server.invalid(None, "POST", "runs/log-model", {"run_id": run, "model_json": "no JSON"})
    server.invalid(None, "POST", "runs/log-model", {"run_id": run, "model_json": "{}"})
