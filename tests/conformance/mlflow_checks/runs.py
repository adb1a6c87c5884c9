"""Runs: made, named, ended, nested, deleted."""
import re

import mlflow

from .harness import check, listed, now_ms, pairs, unique


@check
def create(server):
    number = server.experiment()
    run = server.ok("POST", "runs/create", {
        "experiment_id": number, "user_id": "ann", "start_time": 1700000000123, "run_name": "first",
        "tags": listed(a="1", b="")})["run"]
    info, name = run["info"], run["info"]["run_id"]
    assert re.fullmatch("[0-9a-f]{32}", name) and info["run_uuid"] == name, info
    assert info == {"run_id": name, "run_uuid": name, "run_name": "first", "experiment_id": number, "user_id": "ann",
                    "status": "RUNNING", "start_time": 1700000000123, "lifecycle_stage": "active",
                    "artifact_uri": f"mlflow-artifacts:/{number}/{name}/artifacts"}, info
    assert pairs(run["data"]["tags"]) == {"a": "1", "b": "", "mlflow.runName": "first"}, run
    assert "metrics" not in run["data"] and "params" not in run["data"], run
    again = server.ok("GET", "runs/get", {"run_id": name})["run"]
    assert again["info"] == info and pairs(again["data"]["tags"]) == pairs(run["data"]["tags"]), again
    assert server.ok("GET", "runs/get", {"run_uuid": name})["run"]["info"] == info


@check
def create_where_nothing_is(server):
    server.missing("No Experiment with id=987654321 exists", "POST", "runs/create", {"experiment_id": "987654321"})


@check
def random_names(server):
    run = server.client.create_run(server.experiment())
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.info.run_name), run.info.run_name
    assert run.data.tags["mlflow.runName"] == run.info.run_name


@check
def name_by_tag(server):
    number = server.experiment()
    run = server.client.create_run(number, tags={"mlflow.runName": "by tag"})
    assert run.info.run_name == "by tag"
    server.invalid("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                   "(run_name='one', mlflow.runName='two').", "POST", "runs/create",
                   {"experiment_id": number, "run_name": "one", "tags": [{"key": "mlflow.runName", "value": "two"}]})
    server.client.set_tag(run.info.run_id, "mlflow.runName", "renamed")
    server.client.set_tag(run.info.run_id, "mlflow.runName", "")
    assert server.client.get_run(run.info.run_id).info.run_name == "renamed"
    server.client.update_run(run.info.run_id, name="again")
    after = server.client.get_run(run.info.run_id)
    assert after.info.run_name == "again" and after.data.tags["mlflow.runName"] == "again"


@check
def name_by_batch(server):
    run = server.run(run_name="one")
    server.log(run, tags=[{"key": "mlflow.runName", "value": "two"}])
    assert server.client.get_run(run).info.run_name == "two"


@check
def update(server):
    run = server.run(run_name="steady")
    got = server.ok("POST", "runs/update", {"run_id": run, "status": "FINISHED", "end_time": 1700000005000})["run_info"]
    assert got["status"] == "FINISHED" and got["end_time"] == 1700000005000 and got["run_name"] == "steady", got
    assert server.ok("POST", "runs/update", {"run_uuid": run, "status": "FAILED"})["run_info"]["status"] == "FAILED"
    for status in ("KILLED", "SCHEDULED", "RUNNING"):
        server.client.update_run(run, status=status)
        assert server.client.get_run(run).info.status == status


@check
def set_terminated(server):
    run = server.run()
    server.client.set_terminated(run)
    info = server.client.get_run(run).info
    assert info.status == "FINISHED" and abs(info.end_time - now_ms()) < 600_000


@check
def delete_and_restore(server):
    run = server.run()
    assert server.ok("POST", "runs/delete", {"run_id": run}) == {}
    assert server.client.get_run(run).info.lifecycle_stage == "deleted"
    gone = f"The run {run} must be in the 'active' state. Current state is deleted."
    server.invalid(gone, "POST", "runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1})
    server.invalid(gone, "POST", "runs/log-parameter", {"run_id": run, "key": "p", "value": "1"})
    server.invalid(gone, "POST", "runs/set-tag", {"run_id": run, "key": "t", "value": "1"})
    server.invalid(gone, "POST", "runs/log-batch", {"run_id": run, "tags": listed(a="b")})
    server.invalid(gone, "POST", "runs/update", {"run_id": run, "status": "FINISHED"})
    assert server.ok("POST", "runs/restore", {"run_id": run}) == {}
    server.client.log_metric(run, "m", 1.5)
    assert server.client.get_run(run).data.metrics == {"m": 1.5}


@check
def not_there(server):
    gone = "Run with id=" + "0" * 32 + " not found"
    for method, path, body in (("GET", "runs/get", {}), ("POST", "runs/update", {"status": "FAILED"}),
                               ("POST", "runs/delete", {}), ("POST", "runs/restore", {}),
                               ("POST", "runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
                               ("POST", "runs/log-parameter", {"key": "p", "value": "1"}),
                               ("POST", "runs/set-tag", {"key": "t", "value": "1"}),
                               ("POST", "runs/delete-tag", {"key": "t"}),
                               ("POST", "runs/log-batch", {"tags": listed(a="b")}),
                               ("GET", "metrics/get-history", {"metric_key": "m"})):
        if path == "metrics/get-history":
            answer = server.ask(method, path, body | {"run_id": "0" * 32})
            assert answer.status_code in (200, 404) and not answer.json().get("metrics"), answer.text
        else:
            server.missing(gone, method, path, body | {"run_id": "0" * 32})


@check
def fluent(server):
    experiment = mlflow.set_experiment(unique("fluent"))
    with mlflow.start_run(run_name="outer", description="in words") as outer:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "kind": "gbt"})
        for step in range(3):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.7, "f1": 0.5}, step=2)
        mlflow.set_tags({"a": 1, "b": "two"})
        assert mlflow.active_run().info.run_id == outer.info.run_id
    run = mlflow.get_run(outer.info.run_id)
    assert run.info.status == "FINISHED" and run.info.experiment_id == experiment.experiment_id
    assert run.data.params == {"depth": "3", "rate": "0.1", "kind": "gbt"}
    assert run.data.metrics == {"loss": 1.0 / 3, "auc": 0.7, "f1": 0.5}
    tags = run.data.tags
    assert tags["a"] == "1" and tags["mlflow.note.content"] == "in words" and tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.user"] == run.info.user_id


@check
def fluent_nested(server):
    mlflow.set_experiment(unique("nested"))
    with mlflow.start_run() as outer:
        with mlflow.start_run(nested=True, run_name="inner") as inner:
            mlflow.log_metric("m", 1)
    got = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{outer.info.run_id}'", output_format="list")
    assert [run.info.run_id for run in got] == [inner.info.run_id]
    assert mlflow.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id


@check
def fluent_resumed(server):
    mlflow.set_experiment(unique("resumed"))
    with mlflow.start_run() as first:
        mlflow.log_metric("m", 1, step=0)
    with mlflow.start_run(run_id=first.info.run_id):
        assert mlflow.get_run(first.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("m", 2, step=1)
    run = mlflow.get_run(first.info.run_id)
    assert run.info.status == "FINISHED" and run.data.metrics == {"m": 2.0}


@check
def fluent_failed(server):
    mlflow.set_experiment(unique("failed"))
    try:
        with mlflow.start_run() as run:
            raise ArithmeticError("on purpose")
    except ArithmeticError:
        pass
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"


@check
def fluent_asynchronous(server):
    mlflow.set_experiment(unique("asynchronous"))
    with mlflow.start_run() as run:
        waits = [mlflow.log_metric("m", step / 7, step=step, synchronous=False) for step in range(200)]
        waits += [mlflow.log_params({"a": 1}, synchronous=False), mlflow.set_tag("t", "u", synchronous=False)]
        for wait in waits:
            wait.wait()
    history = server.client.get_metric_history(run.info.run_id, "m")
    assert [(point.step, point.value) for point in sorted(history, key=lambda point: point.step)] == \
        [(step, step / 7) for step in range(200)]
    data = mlflow.get_run(run.info.run_id).data
    assert data.params == {"a": "1"} and data.tags["t"] == "u"


@check
def links(server):
    """The page that the client's printed link leads to is there."""
    number = server.experiment()
    for path in ("/", f"/#/experiments/{number}", f"/#/experiments/{number}/runs/{server.run(number)}"):
        page = server.http.get(server.url + path, timeout=60)
        assert page.status_code == 200 and "text/html" in page.headers["Content-Type"], page.headers


@check
def link_text(server):
    import contextlib
    import io
    number, printed = server.experiment(), io.StringIO()
    with contextlib.redirect_stdout(printed):
        with mlflow.start_run(experiment_id=number) as run:
            pass
    assert f"{server.url}/#/experiments/{number}/runs/{run.info.run_id}" in printed.getvalue(), printed.getvalue()
