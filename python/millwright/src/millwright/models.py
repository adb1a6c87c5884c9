"""Logged models of MLflow 3 through the delivery: made under an id of ours, so that files, tags and metrics may follow
while the server is away."""
import json
import time
import uuid

from mlflow.entities import LoggedModel, LoggedModelStatus, LoggedModelTag
from mlflow.exceptions import MlflowException
from mlflow.protos.service_pb2 import (CreateLoggedModel, FinalizeLoggedModel, LogLoggedModelParamsRequest,
                                       SetLoggedModelTags)
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.proto_json_utils import message_to_json

from .answers import failure, parsed
from .delivery import CLIENT_ID
from .sender import Refused

PARAMS_MAX = 100  # of one request


class SpooledModels:
    """Of a store with a `delivery`. `_models` are those that this process made, as far as it has told."""

    def create_logged_model(self, experiment_id, name=None, source_run_id=None, tags=None, params=None,
                            model_type=None):
        ours, name, params = f"m-{uuid.uuid4().hex}", name or _generate_random_name(), list(params or [])
        tags = list(tags or []) + [LoggedModelTag(CLIENT_ID, ours)]
        request = CreateLoggedModel(experiment_id=str(experiment_id), name=name, model_type=model_type,
                                    source_run_id=source_run_id, tags=[tag.to_proto() for tag in tags],
                                    params=[param.to_proto() for param in params[:PARAMS_MAX]])
        try:
            answer = self.delivery.make("model", ours, "logged-models",
                                        json.loads(message_to_json(request)) | {"model_id": ours})
        except Refused as error:
            raise failure(error) from error
        if answer:
            model = LoggedModel.from_proto(parsed(answer, CreateLoggedModel.Response()).model)
        else:
            location, now = self._experiments.location(experiment_id), int(time.time() * 1000)
            model = LoggedModel(str(experiment_id), ours, name, f"{location}/models/{ours}/artifacts", now, now,
                                model_type, source_run_id, LoggedModelStatus.PENDING, tags=tags, params=params)
        self._models[model.model_id] = model
        if params[PARAMS_MAX:]:
            self.log_logged_model_params(model.model_id, params[PARAMS_MAX:])
        return model

    def log_logged_model_params(self, model_id, params):
        for first in range(0, len(params), PARAMS_MAX):
            some = [param.to_proto() for param in params[first:first + PARAMS_MAX]]
            self._tell("POST", f"logged-models/{model_id}/params",
                       LogLoggedModelParamsRequest(model_id=model_id, params=some))

    def finalize_logged_model(self, model_id, status):
        status = LoggedModelStatus(status)
        answer = self._tell("PATCH", f"logged-models/{model_id}",
                            FinalizeLoggedModel(model_id=model_id, status=status.to_proto()))
        if answer:
            self._models[model_id] = LoggedModel.from_proto(parsed(answer, FinalizeLoggedModel.Response()).model)
        elif model_id in self._models:
            self._models[model_id].status = status
        return self._models.get(model_id) or self.get_logged_model(model_id)

    def set_logged_model_tags(self, model_id, tags):
        self._tell("PATCH", f"logged-models/{model_id}/tags",
                   SetLoggedModelTags(model_id=model_id, tags=[tag.to_proto() for tag in tags]))

    def get_logged_model(self, model_id, *others, **more):
        known = self._models.get(model_id)
        if known and self.delivery.waiting and self.delivery.catch_up(0.5):
            return known
        try:
            return super().get_logged_model(self.delivery.server_id(model_id), *others, **more)
        except MlflowException:
            if known and not self.delivery.is_there():
                return known
            raise

    def _tell(self, method, path, message):
        return self.delivery.send({"method": method, "path": path, "body": json.loads(message_to_json(message))})
