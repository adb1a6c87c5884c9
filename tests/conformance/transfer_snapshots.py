"""What MLflow's client of any version tells of a store, and where two such tales differ."""
import contextlib
import hashlib
import json
import math
import tempfile
from pathlib import Path


def snapshot(uri):
    """Everything that MLflow's client tells of a store, without the places of artifacts."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities import ViewType
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    out = {"experiments": {}, "runs": {}, "logged models": {}, "registry": {}}
    has_models = hasattr(client, "search_logged_models")  # since MLflow 3
    experiments = client.search_experiments(view_type=ViewType.ALL)
    names = {experiment.experiment_id: experiment.name for experiment in experiments}
    for experiment in experiments:
        out["experiments"][experiment.name] = {
            "id": experiment.experiment_id, "stage": experiment.lifecycle_stage, "tags": dict(experiment.tags),
            "times": (experiment.creation_time, experiment.last_update_time)}
        token = None
        while True:
            page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token)
            for run in page:
                out["runs"][run.info.run_id] = run_facts(client, run, names)
            token = page.token
            if not token:
                break
        for model in client.search_logged_models([experiment.experiment_id]) if has_models else ():
            out["logged models"][model.model_id] = model_facts(client, model)
    if has_models:
        add_deleted_models(client, out)
    for model in client.search_registered_models():
        out["registry"][model.name] = registry_facts(client, model)
    return out


def add_deleted_models(client, out):
    """No search finds those; runs name them."""
    from mlflow.exceptions import MlflowException
    named = {model for run in out["runs"].values() for model, _ in run["models made"]}
    for model_id in named - out["logged models"].keys():
        with contextlib.suppress(MlflowException):
            model = client._tracking_client.store.get_logged_model(model_id, allow_deleted=True)
            out["logged models"][model_id] = model_facts(client, model) | {"stage": "deleted"}


def number(value):
    return "NaN" if math.isnan(value) else value


def run_facts(client, run, names):
    info = run.info
    facts = {"experiment": names[info.experiment_id], "name": info.run_name, "user": info.user_id,
             "status": info.status, "stage": info.lifecycle_stage, "times": (info.start_time, info.end_time),
             "params": dict(run.data.params), "tags": dict(run.data.tags),
             "latest": {key: number(value) for key, value in run.data.metrics.items()}}
    facts["histories"] = {
        key: sorted((m.timestamp, m.step, str(number(m.value))) for m in client.get_metric_history(info.run_id, key))
        for key in run.data.metrics}
    inputs = run.inputs.dataset_inputs if run.inputs else []
    if facts["experiment"] == "churn":
        run = client.get_run(info.run_id)  # MLflow's searches leave out which models a run read
    models = getattr(run.inputs, "model_inputs", None)  # since MLflow 3
    outputs = getattr(run, "outputs", None)
    facts["datasets"] = sorted(
        (i.dataset.name, i.dataset.digest, i.dataset.source_type, i.dataset.source, str(i.dataset.schema),
         str(i.dataset.profile), sorted((t.key, t.value) for t in i.tags)) for i in inputs)
    facts["models used"] = sorted(each.model_id for each in models or [])
    facts["models made"] = sorted((each.model_id, each.step) for each in (outputs and outputs.model_outputs) or [])
    if facts["experiment"] in ("churn", "Default") and info.lifecycle_stage == "active":
        facts["artifacts"] = files_of(info.artifact_uri)
    return facts


def files_of(uri):
    """Digests of the files below an artifact URI, without the one that MLflow's client adds to a version's."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    with tempfile.TemporaryDirectory() as folder:
        try:
            local = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        except (MlflowException, OSError):
            return {}
        return {str(path.relative_to(local)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(local.rglob("*")) if path.is_file() and path.name != "registered_model_meta"}


def model_facts(client, model):
    metrics = sorted((m.key, m.timestamp, m.step, str(number(m.value)), m.run_id, m.dataset_name, m.dataset_digest)
                     for m in model.metrics or [])
    # What is empty comes as None of a database and as "" of a server.
    return {"name": model.name, "type": model.model_type or "", "status": str(model.status),
            "run": model.source_run_id or "", "experiment": model.experiment_id, "message": model.status_message or "",
            "times": (model.creation_timestamp, model.last_updated_timestamp), "tags": dict(model.tags),
            "params": dict(model.params), "metrics": metrics, "artifacts": files_of(model.artifact_location)}


def registry_facts(client, model):
    versions = {}
    for version in client.search_model_versions(f"name='{model.name}'"):
        versions[int(version.version)] = {
            "times": (version.creation_timestamp, version.last_updated_timestamp), "stage": version.current_stage,
            "description": version.description or "", "run": version.run_id, "status": version.status,
            "tags": dict(version.tags),
            "files": files_of(f"models:/{model.name}/{version.version}"),
            "model id": version.source if version.source.startswith("models:/") else "a place"}
    return {"times": (model.creation_timestamp, model.last_updated_timestamp), "description": model.description or "",
            "tags": dict(model.tags), "aliases": {alias: int(v) for alias, v in model.aliases.items()},
            "versions": versions}


def differences(before, after, path=""):
    """Where two snapshots differ, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in sorted(before.keys() | after.keys(), key=str):
            found += differences(before.get(key), after.get(key), f"{path}/{key}")
        return found
    return [] if before == after else [f"{path}: {str(before)[:300]} -> {str(after)[:300]}"]


def must_be_same(what, before, after):
    found = differences(before, after)
    assert not found, f"{what}:\n" + "\n".join(found[:30])
    print(f"ok  {what}: " + ", ".join(f"{len(of_kind)} {kind}" for kind, of_kind in before.items()), flush=True)


def told(snapshot_of_source):
    """A source's snapshot as it must look here: what is known to change."""
    return json.loads(json.dumps(snapshot_of_source, default=str))


def compare(what, source, here):
    must_be_same(what, told(source), told(here))
