"""The MLflow plugin: stores that log through a Delivery, so that a server that is away does not stop a training.

Switched on by tracking URIs millwright+http(s)://, or for http(s):// by MILLWRIGHT_SPOOL=1. Logging calls, create_run
and create_experiment never fail because of the server's absence; what it refuses is warned about. Reads fail as ever,
except of experiments, runs and models that this process has seen. Reads and the registry need the server: they fail at
once while it is away.
"""
import functools
import inspect
import json
import os
import re
import tempfile
import uuid
from urllib.parse import urlsplit

from mlflow.entities import Experiment, LifecycleStage, Run, RunData, RunInfo, RunStatus, RunTag
from mlflow.exceptions import RestException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.protos.service_pb2 import (CreateExperiment, CreateRun, GetExperiment, GetExperimentByName, GetRun,
                                       LogBatch, UpdateRun)
from mlflow.protos.service_pb2 import RunInfo as ToldRunInfo
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.proto_json_utils import message_to_json

from . import automatic
from .answers import failure, must_be_there, parsed, unavailable
from .delivery import CLIENT_ID, Delivery
from .sender import Away, Refused

try:
    from .models import SpooledModels
except ImportError:
    class SpooledModels:
        """MLflow 2 has no logged models."""

PREFIX = "millwright+"
# RPCs that only add something to what is there: path below /api/2.0/mlflow. log-metric goes as a batch of one.
LOGGING = {"LogParam": "runs/log-parameter", "SetTag": "runs/set-tag", "DeleteTag": "runs/delete-tag",
           "LogBatch": "runs/log-batch", "LogInputs": "runs/log-inputs", "LogOutputs": "runs/outputs",
           "LogModel": "runs/log-model", "SetExperimentTag": "experiments/set-experiment-tag"}


def spooling():
    return os.environ.get("MILLWRIGHT_SPOOL", "").lower() in ("1", "true", "on", "yes")


def plain(uri):
    return uri[len(PREFIX):] if uri and uri.startswith(PREFIX) else uri


@functools.lru_cache(maxsize=None)
def delivery_to(url):
    return Delivery(url)


def host_creds(url):
    from mlflow.tracking._tracking_service.utils import get_default_host_creds
    return functools.partial(get_default_host_creds, url)


# ---- what MLflow's entry points name

def tracking_store(store_uri, artifact_uri=None, **_):
    """For http and https: MLflow's own store, unless MILLWRIGHT_SPOOL is set."""
    return SpoolingStore(store_uri) if spooling() else RestStore(host_creds(store_uri))


def spooling_tracking_store(store_uri, artifact_uri=None, **_):
    return SpoolingStore(plain(store_uri))


def registry_store(store_uri, tracking_uri=None, **_):
    """MLflow's own store; while it spools, one that does not wait for a server that is away."""
    from mlflow.store.model_registry.rest_store import RestStore as RegistryStore
    url = plain(store_uri)
    if url == store_uri and not spooling():
        return RegistryStore(host_creds(url))

    class ImpatientStore(RegistryStore):
        def _call_endpoint(self, *words, **more):
            must_be_there(delivery_to(url.rstrip("/")))
            return super()._call_endpoint(*words, **more)
    return ImpatientStore(host_creds(url))


def artifact_repository(artifact_uri, tracking_uri=None, **others):
    from mlflow.tracking import get_tracking_uri
    uri = tracking_uri or get_tracking_uri()
    kind = SpoolingArtifacts if uri.startswith(PREFIX) or spooling() else Artifacts
    return kind(artifact_uri, tracking_uri=plain(uri), **{k: plain(v) for k, v in others.items() if v is not None})


# ---- the stores

class SpoolingStore(SpooledModels, RestStore):
    """MLflow's REST store with a spool behind its logging calls."""

    def __init__(self, url):
        super().__init__(host_creds(url))
        self.delivery = delivery_to(url.rstrip("/"))
        self._runs, self._models = {}, {}
        self._experiments = Experiments(self.delivery.root / "experiments.json")

    def _call_endpoint(self, api, json_body=None, *others, **more):
        """Logging goes through the delivery; reads see what was logged before them, if the server is there."""
        path = LOGGING.get(api.DESCRIPTOR.name)
        if path and not others and not more:
            self.delivery.send({"method": "POST", "path": path, "body": json.loads(json_body)})
            return api.Response()
        if self.delivery.waiting:
            self.delivery.catch_up(2.0)
        must_be_there(self.delivery)
        return super()._call_endpoint(api, self._with_server_ids(json_body), *others, **more)

    def _with_server_ids(self, json_body):
        for ours in [*self._runs, *self._models]:
            theirs = self.delivery.server_id(ours)
            if json_body and theirs != ours:
                json_body = json_body.replace(ours, theirs)
        return json_body

    def _ask(self, api, method, path, body):
        """A read that fails at once: the server's answer as a message of the API."""
        try:
            return parsed(self.delivery.sender.ask(method, path, body), api.Response())
        except Refused as error:
            raise failure(error) from error

    # ---- logging that is not just passed on

    def log_metric(self, run_id, metric):
        body = json.loads(message_to_json(LogBatch(run_id=run_id, metrics=[metric.to_proto()])))
        self.delivery.send({"method": "POST", "path": "runs/log-batch", "body": body})

    def log_points(self, run_id, points):
        """Points as (key, value, milliseconds, step)."""
        metrics = [{"key": key, "value": value, "timestamp": time, "step": step} for key, value, time, step in points]
        self.delivery.send({"method": "POST", "path": "runs/log-batch", "body": {"run_id": run_id, "metrics": metrics}})

    def note(self, run, tags, files):
        """Tags, and texts as artifacts."""
        self.log_batch(run.info.run_id, [], [], [RunTag(*tag) for tag in tags.items()])
        artifacts = SpoolingArtifacts(run.info.artifact_uri, tracking_uri=self.delivery.sender.url)
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = os.path.join(folder, os.path.basename(name))
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                artifacts.log_artifact(path, os.path.dirname(name))

    def create_experiment(self, name, artifact_location=None, tags=None):
        ours = f"local-{uuid.uuid4().hex[:20]}"
        request = CreateExperiment(name=name, artifact_location=artifact_location,
                                   tags=[tag.to_proto() for tag in tags or []])
        try:
            answer = self.delivery.make("experiment", ours, "experiments/create", json.loads(message_to_json(request)))
        except Refused as error:
            raise failure(error) from error
        if answer:
            return answer["experiment_id"]
        self._experiments.add(ours, name, artifact_location)
        return ours

    def create_run(self, experiment_id, user_id, start_time, tags, run_name):
        ours = uuid.uuid4().hex
        name = run_name or next((tag.value for tag in tags if tag.key == MLFLOW_RUN_NAME), _generate_random_name())
        tags = [tag for tag in tags if tag.key != MLFLOW_RUN_NAME] + [RunTag(MLFLOW_RUN_NAME, name),
                                                                    RunTag(CLIENT_ID, ours)]
        request = CreateRun(experiment_id=str(experiment_id), user_id=user_id, start_time=start_time, run_name=name,
                            tags=[tag.to_proto() for tag in tags])
        body = json.loads(message_to_json(request)) | {"run_id": ours}
        try:
            answer = self.delivery.make("run", ours, "runs/create", body)
        except Refused as error:
            raise failure(error) from error
        if answer:
            run = Run.from_proto(parsed(answer, CreateRun.Response()).run)
        else:
            run = self._local_run(ours, experiment_id, user_id, start_time, tags, name)
        self._runs[run.info.run_id] = run
        self.delivery.begin_run(run.info.run_id)
        automatic.begin_run(self, run)
        return run

    def _local_run(self, ours, experiment_id, user_id, start_time, tags, name):
        location = self._experiments.location(experiment_id)
        told = ToldRunInfo(run_id=ours, run_uuid=ours, experiment_id=str(experiment_id), user_id=user_id or "",
                           start_time=start_time, status=RunStatus.RUNNING, run_name=name,
                           lifecycle_stage=LifecycleStage.ACTIVE, artifact_uri=f"{location}/{ours}/artifacts")
        return Run(RunInfo.from_proto(told), RunData(tags=tags))

    def update_run_info(self, run_id, run_status, end_time, run_name):
        if run_status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED):
            automatic.end_run(run_id)
            self.delivery.end_run(run_id)
        elif run_status == RunStatus.RUNNING:
            self.delivery.begin_run(run_id)
        request = UpdateRun(run_uuid=run_id, run_id=run_id, status=run_status, end_time=end_time, run_name=run_name)
        answer = self.delivery.send({"method": "POST", "path": "runs/update",
                                     "body": json.loads(message_to_json(request))})
        if answer:
            return RunInfo.from_proto(parsed(answer, UpdateRun.Response()).run_info)
        known = self._runs.get(run_id)
        return known.info if known else None

    # ---- reads that a training makes by the way

    def get_run(self, run_id):
        known = self._runs.get(run_id)
        if known and self.delivery.waiting and self.delivery.catch_up(0.5):
            return known
        try:
            number = self.delivery.server_id(run_id)
            run = Run.from_proto(self._ask(GetRun, "GET", "runs/get", {"run_id": number}).run)
        except Away as error:
            if known:
                return known
            raise unavailable(error) from error
        self._runs[run_id] = run
        return run

    def get_experiment(self, experiment_id):
        number = self.delivery.server_id(str(experiment_id))
        return self._experiment(lambda: self._ask(GetExperiment, "GET", "experiments/get", {"experiment_id": number}),
                                lambda: self._experiments.by_id(str(experiment_id)))

    def get_experiment_by_name(self, experiment_name):
        try:
            return self._experiment(lambda: self._ask(GetExperimentByName, "GET", "experiments/get-by-name",
                                                      {"experiment_name": experiment_name}),
                                    lambda: self._experiments.by_name(experiment_name), or_none=True)
        except RestException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                return None
            raise

    def _experiment(self, ask, remembered, or_none=False):
        try:
            found = Experiment.from_proto(ask().experiment)
            self._experiments.add(found.experiment_id, found.name, found.artifact_location)
            return found
        except Away as error:
            if (known := remembered()) or or_none:
                return known
            raise unavailable(error) from error


class Artifacts(MlflowArtifactsRepository):
    """MLflow's own, of that server. MLflow 2's takes none: it looks for the tracking URI, which may have our prefix."""

    def __init__(self, artifact_uri, tracking_uri=None, **others):
        if "tracking_uri" in inspect.signature(MlflowArtifactsRepository.__init__).parameters:
            super().__init__(artifact_uri, tracking_uri=tracking_uri, **others)
        else:
            HttpArtifactRepository.__init__(self, self.resolve_uri(artifact_uri, tracking_uri))


class SpoolingArtifacts(Artifacts):
    """Files of runs and models through the server's proxy; kept while it is away."""

    def __init__(self, artifact_uri, tracking_uri=None, **others):
        super().__init__(artifact_uri, tracking_uri=tracking_uri, **others)
        self._delivery = delivery_to(tracking_uri.rstrip("/"))
        path = urlsplit(artifact_uri).path.strip("/")
        run = re.search(r"(?:^|/)([0-9a-f]{32})/artifacts(?:/|$)", path)
        self._base, self._run = (path[:run.end()].strip("/"), run[1]) if run else (path, None)
        self._below = path[len(self._base):].strip("/")

    def log_artifact(self, local_file, artifact_path=None):
        name = "/".join(part for part in (self._below, artifact_path, os.path.basename(local_file)) if part)
        self._delivery.send_file(local_file, self._base, self._run, name)

    def list_artifacts(self, path=None):
        must_be_there(self._delivery)
        return super().list_artifacts(path)

    def _download_file(self, *words, **more):
        must_be_there(self._delivery)
        return super()._download_file(*words, **more)


class Experiments:
    """Experiments that were seen, on disk: a training that starts while the server is away finds its own by name."""

    def __init__(self, path):
        self._path = path

    def _read(self):
        try:
            return json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}

    def add(self, number, name, location):
        seen = self._read()
        if seen.get(name) != [number, location]:
            seen[name] = [number, location]
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary = self._path.with_suffix(f".{uuid.uuid4().hex}")
                temporary.write_text(json.dumps(seen))
                temporary.replace(self._path)
            except OSError:
                pass  # only a memory

    def by_name(self, name):
        found = self._read().get(name)
        return entity(found[0], name, found[1]) if found else None

    def by_id(self, number):
        return next((entity(number, name, location) for name, (found, location) in self._read().items()
                     if found == number), None)

    def location(self, number):
        known = self.by_id(str(number))
        return (known and known.artifact_location) or f"mlflow-artifacts:/{number}"


def entity(number, name, location):
    return Experiment(number, name, location or f"mlflow-artifacts:/{number}", LifecycleStage.ACTIVE)
