"""Answers as MLflow's messages, and what went wrong as MLflow's exceptions."""
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.utils.proto_json_utils import parse_dict

from .sender import Away


def parsed(answer, message):
    parse_dict(answer, message)
    return message


def failure(error):
    return RestException({"error_code": error.code or "INTERNAL_ERROR", "message": error.words})


def unavailable(error):
    return MlflowException(f"{error}; reading and the registry need the server", error_code=TEMPORARILY_UNAVAILABLE)


def must_be_there(delivery):
    """Before what cannot wait in a spool: fails at once where MLflow would try for minutes."""
    try:
        delivery.must_be_there()
    except Away as error:
        raise unavailable(error) from error
