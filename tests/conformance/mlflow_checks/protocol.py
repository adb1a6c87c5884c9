"""What holds for every endpoint: forms of JSON, prefixes, unknown paths, health."""
import json

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND, ErrorCode
from mlflow.utils.rest_utils import http_request, verify_rest_response
from mlflow.utils.credentials import get_default_host_creds

from .harness import check, each, unique


@check
def health(server):
    answer = server.ask("GET", "/health")
    assert answer.status_code == 200 and answer.text == "OK", answer.text


@check
def version(server):
    answer = server.ask("GET", "/version")
    assert answer.status_code == 200 and answer.text.count(".") >= 1 and answer.text[0].isdigit(), answer.text


@check
def both_prefixes(server):
    run = server.run()
    for prefix in ("api", "ajax-api"):
        got = server.ok("GET", f"/{prefix}/2.0/mlflow/runs/get", {"run_id": run})
        assert got["run"]["info"]["run_id"] == run, got
        server.ok("POST", f"/{prefix}/2.0/mlflow/runs/set-tag", {"run_id": run, "key": "a", "value": prefix})


@check
def camel_case(server):
    number = server.experiment()
    server.client.delete_run(server.run(number))
    body = {"experimentIds": [number], "maxResults": "1", "runViewType": "DELETED_ONLY"}
    got = server.ok("POST", "runs/search", body)
    assert len(got["runs"]) == 1, got


@check
def spelled_both_ways(server):
    run = server.run()
    for path, body in (("runs/update", {"status": "FAILED"}), ("runs/set-tag", {"key": "a", "value": "b"}),
                       ("runs/log-batch", {"tags": [{"key": "a", "value": "b"}]})):
        server.invalid("Request specifies both 'run_id' and 'runId'; provide only one of them.", "POST", path,
                       body | {"run_id": run, "runId": run})


@check
def int64_as_text(server):
    run = server.run(start_time="1700000000001")
    server.ok("POST", "runs/log-metric", {"run_id": run, "key": "m", "value": "1.5", "timestamp": "12", "step": "3"})
    got = server.history(run, "m")["metrics"][0]
    assert (got["step"], got["timestamp"], got["value"]) == (3, 12, 1.5), got
    assert server.ok("GET", "runs/get", {"run_id": run})["run"]["info"]["start_time"] == 1700000000001


@check
def unknown_fields(server):
    run = server.run()
    server.ok("POST", "runs/set-tag", {"run_id": run, "key": "a", "value": "b", "colour": {"red": 1}})
    assert server.client.get_run(run).data.tags["a"] == "b"


@check
def enums_by_number(server):
    run = server.run()
    assert server.ok("POST", "runs/update", {"run_id": run, "status": 4})["run_info"]["status"] == "FAILED"


@check
def json_within_json(server):
    run = server.run()
    body = json.dumps(json.dumps({"run_id": run, "key": "a", "value": "b"}))
    server.ok("POST", "runs/set-tag", data=body, headers={"Content-Type": "application/json"})
    assert server.client.get_run(run).data.tags["a"] == "b"


@check
def content_type(server):
    body = json.dumps({"name": unique("typed")})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        said = server.ask("POST", "experiments/create", data=body, headers={"Content-Type": kind})
        assert said.status_code == 400 and said.json()["error_code"] == "INVALID_PARAMETER_VALUE", said.text
        assert "Content-Type must be one of ['application/json']" in said.text, said.text
    server.ok("POST", "experiments/create", data=body, headers={"Content-Type": "application/json; charset=utf-8"})


@check
def damaged_json(server):
    for body in ('{"name": ', "[1, 2", '{"name": "a"} x', "\xff\xfe".encode("latin-1")):
        answer = server.ask("POST", "experiments/create", data=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (body, answer.status_code, answer.text[:200])


@check
def no_body(server):
    answer = server.ask("POST", "experiments/create", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text


@each({f"{method} {path}": (method, path) for method, path in (
    ("GET", "/api/2.0/mlflow/nothing"), ("POST", "/api/2.0/mlflow/runs/dance"), ("GET", "/api/3.0/mlflow/a/b/c"),
    ("POST", "/ajax-api/2.0/mlflow/nothing"), ("POST", "/api/9.0/mlflow/runs/create"), ("GET", "/api/2.0/nothing"))})
def unknown_endpoint(server, method, path):
    """The client maps what is answered to ENDPOINT_NOT_FOUND: then it falls back."""
    answer = http_request(get_default_host_creds(server.url), path, method)
    try:
        verify_rest_response(answer, path)
    except MlflowException as error:
        assert error.error_code == ErrorCode.Name(ENDPOINT_NOT_FOUND), (answer.status_code, answer.text[:300])
        return
    raise AssertionError(answer.text[:300])


@check
def error_form(server):
    said = server.missing(None, "GET", "runs/get", {"run_id": "0" * 32})
    assert isinstance(said["message"], str) and said["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@check
def long_requests(server):
    """A megabyte of parameters' values in one batch."""
    run = server.run()
    server.log(run, params=[{"key": f"p{number}", "value": "é" * 5000} for number in range(100)])
    assert len(server.client.get_run(run).data.params) == 100
