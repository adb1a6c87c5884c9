"""Webhooks of the registry, into a receiver of our own that checks each signature."""
import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .harness import check, listed, unique, wait_for

SECRET = "a secret of ours"
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
EVENTS = [CREATED, {"entity": "MODEL_VERSION", "action": "CREATED"}, {"entity": "MODEL_VERSION_TAG", "action": "SET"},
          {"entity": "MODEL_VERSION_TAG", "action": "DELETED"}, {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
          {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"}]


def signature(secret, headers, body):
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


@contextmanager
def receiver(statuses=()):
    """Its URL, and what came: (headers, body). Answers with the given statuses in turn, then 200."""
    came, answers = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_):
            pass
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/hook", came
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def create(server, url="http://127.0.0.1:9/hook", **fields):
    body = {"name": unique("hook"), "url": url, "events": [CREATED]} | fields
    return server.ok("POST", "webhooks", body)["webhook"]


@contextmanager
def made(server, *arguments, **fields):
    """A webhook that is gone afterwards: other checks make events too."""
    hook = create(server, *arguments, **fields)
    try:
        yield hook
    finally:
        server.ask("DELETE", f"webhooks/{hook['webhook_id']}")


@check
def create_and_get(server):
    with made(server, description="in words", secret=SECRET, events=EVENTS[:2], status="DISABLED") as hook:
        assert hook["status"] == "DISABLED" and hook["description"] == "in words" and hook["webhook_id"], hook
        assert "secret" not in hook and sorted(event["entity"] for event in hook["events"]) == \
            ["MODEL_VERSION", "REGISTERED_MODEL"], hook
        assert isinstance(hook["creation_timestamp"], int) and hook["url"] == "http://127.0.0.1:9/hook", hook
        again = server.ok("GET", f"webhooks/{hook['webhook_id']}")["webhook"]
        assert again | {"events": 0} == hook | {"events": 0}, again


@check
def active_by_itself(server):
    with made(server) as hook:
        assert hook["status"] == "ACTIVE", hook


@check
def by_the_client(server):
    hook = server.client.create_webhook(unique("client"), "http://127.0.0.1:9/x", ["registered_model.created"])
    assert server.client.get_webhook(hook.webhook_id).url == "http://127.0.0.1:9/x"
    assert hook.webhook_id in {entry.webhook_id for entry in server.client.list_webhooks(max_results=1000)}
    assert server.client.update_webhook(hook.webhook_id, description="new").description == "new"
    server.client.delete_webhook(hook.webhook_id)


@check
def listing_in_pages(server):
    hooks = {create(server)["webhook_id"] for _ in range(3)}
    seen, token, pages = [], None, 0
    while not pages or token:
        page = server.ok("GET", "webhooks", {"max_results": "2"} | ({"page_token": token} if token else {}))
        seen += [hook["webhook_id"] for hook in page["webhooks"]]
        token, pages = page.get("next_page_token"), pages + 1
    assert hooks <= set(seen) and len(seen) == len(set(seen)), seen
    for hook in hooks:
        assert server.ok("DELETE", f"webhooks/{hook}") == {}


@check
def update(server):
    with made(server) as hook:
        name = unique("renamed")
        changed = server.ok("PATCH", f"webhooks/{hook['webhook_id']}", {
            "webhook_id": hook["webhook_id"], "name": name, "status": "DISABLED", "events": EVENTS[1:2]})["webhook"]
        assert changed["name"] == name and changed["status"] == "DISABLED" and changed["events"] == EVENTS[1:2], changed
        assert changed["url"] == hook["url"] and changed["last_updated_timestamp"] >= hook["last_updated_timestamp"]


@check
def what_is_emptied(server):
    """A description goes, and a secret; a name and a URL stay."""
    with receiver() as (url, came), made(server, url, description="in words", secret=SECRET) as hook:
        changed = server.ok("PATCH", f"webhooks/{hook['webhook_id']}", {
            "webhook_id": hook["webhook_id"], "description": "", "secret": "", "name": "", "url": ""})["webhook"]
        assert changed.get("description", "") == "", changed
        assert (changed["name"], changed["url"]) == (hook["name"], url), changed
        server.ok("POST", f"webhooks/{hook['webhook_id']}/test", {})
        assert "X-MLflow-Signature" not in came[0][0], came


@check
def not_there(server):
    hook = create(server)["webhook_id"]
    server.ok("DELETE", f"webhooks/{hook}")
    gone = f"Webhook with ID {hook} not found."
    for method, path, body in (("GET", "", None), ("DELETE", "", {}), ("PATCH", "", {"name": "x"}),
                               ("POST", "/test", {})):
        server.missing(gone, method, f"webhooks/{hook}{path}", body)


@check
def refusals(server):
    good = {"name": "hook", "url": "http://127.0.0.1:9/", "events": [CREATED]}
    for fields, message in (({"name": "-a"}, "Webhook name '-a' is invalid.…"), ({"name": "a" * 64}, None),
                            ({"name": ""}, None), ({"url": "ftp://a/"}, "Invalid webhook URL scheme: 'ftp'.…"),
                            ({"url": "no url"}, None), ({"events": []}, None), ({"url": ""}, None),
                            ({"events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]}, None)):
        server.invalid(message, "POST", "webhooks", good | fields)
    for size in ("1001", "-1"):
        server.invalid("max_results must be between 1 and 1000.…", "GET", "webhooks", {"max_results": size})
    server.ok("GET", "webhooks", {"max_results": "0"})


@check
def test_is_signed(server):
    with receiver() as (url, came), made(server, url, secret=SECRET) as hook:
        result = server.ok("POST", f"webhooks/{hook['webhook_id']}/test", {})["result"]
        assert result == {"success": True, "response_status": 200, "response_body": "done"}, result
        (headers, body), = came
        assert headers["X-MLflow-Signature"] == signature(SECRET, headers, body), headers
        said = json.loads(body)
        assert said["entity"] == "registered_model" and said["action"] == "created" and "name" in said["data"], said
        assert headers["Content-Type"] == "application/json" and "T" in said["timestamp"], said


@check
def test_of_one_event(server):
    with receiver() as (url, came), made(server, url, events=EVENTS) as hook:
        server.client.test_webhook(hook["webhook_id"], "model_version_alias.created")
        (headers, body), = came
        assert "X-MLflow-Signature" not in headers, headers
        said = json.loads(body)
        assert said["entity"] == "model_version_alias" and {"name", "alias", "version"} <= set(said["data"]), said


@check
def test_that_fails(server):
    with receiver([404]) as (url, _), made(server, url) as hook:
        result = server.ok("POST", f"webhooks/{hook['webhook_id']}/test", {})["result"]
        assert result.get("success", False) is False and result["response_status"] == 404, result


@check
def events_come(server):
    with receiver() as (url, came), made(server, url, secret=SECRET, events=EVENTS):
        name, run = unique("watched"), server.run()
        number = server.client.get_run(run).info.experiment_id
        server.client.create_registered_model(name, tags={"a": "b"}, description="in words")
        server.ok("POST", "model-versions/create", {
            "name": name, "run_id": run, "description": "first", "tags": listed(c="d"),
            "source": f"mlflow-artifacts:/{number}/{run}/artifacts/m"})
        server.client.set_model_version_tag(name, "1", "k", "v")
        server.client.delete_model_version_tag(name, "1", "k")
        server.client.set_registered_model_alias(name, "best", "1")
        server.client.delete_registered_model_alias(name, "best")

        def ours():
            said = [(headers, body, json.loads(body)) for headers, body in list(came)]
            return [entry for entry in said if entry[2]["data"]["name"] == name]
        wait_for(lambda: len(ours()) == 6, "six events")
        for headers, body, _ in ours():
            assert headers["X-MLflow-Signature"] == signature(SECRET, headers, body), headers
        data = {(said["entity"], said["action"]): said["data"] for _, _, said in ours()}
    assert data[("registered_model", "created")] == {"name": name, "tags": {"a": "b"}, "description": "in words"}, data
    assert data[("model_version", "created")].items() >= {
        "name": name, "version": "1", "run_id": run, "tags": {"c": "d"}, "description": "first"}.items(), data
    assert data[("model_version_tag", "set")] == {"name": name, "version": "1", "key": "k", "value": "v"}, data
    assert data[("model_version_tag", "deleted")] == {"name": name, "version": "1", "key": "k"}, data
    assert data[("model_version_alias", "created")] == {"name": name, "alias": "best", "version": "1"}, data
    assert data[("model_version_alias", "deleted")] == {"name": name, "alias": "best"}, data


@check
def events_are_sent_again(server):
    with receiver([503, 503]) as (url, came), made(server, url, secret=SECRET):
        name = unique("again")
        server.client.create_registered_model(name)
        wait_for(lambda: sum(name.encode() in body for _, body in list(came)) >= 3, "the third try", 40)
        assert len({headers["X-MLflow-Delivery-Id"] for headers, body in came if name.encode() in body}) == 1


@check
def disabled_is_silent(server):
    with receiver() as (url, came), receiver() as (other, arrived), made(server, url, status="DISABLED"), \
            made(server, other):
        name = unique("silent")
        server.client.create_registered_model(name)
        wait_for(lambda: any(name.encode() in body for _, body in list(arrived)), "the other webhook's event")
        assert not came
