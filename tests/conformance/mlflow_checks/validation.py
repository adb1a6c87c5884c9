"""What is refused, and in which words."""
from .harness import check, each, listed, unique

NAMES = ("Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
         "slashes (/).")
PATHS = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such."
HINT = " See the API docs for more information about request parameters."
METRIC, PARAMETER, TAG, BATCH = "runs/log-metric", "runs/log-parameter", "runs/set-tag", "runs/log-batch"


def metric(**fields):
    return {"key": "m", "value": 1, "timestamp": 1} | fields


def value(key="k", text="v"):
    return {"key": key, "value": text}


def called(name, parameter, why):
    return f'Invalid value "{name}" for parameter \'{parameter}\' supplied: {why}'


def absent(parameter):
    return f"Missing value for required parameter '{parameter}'.{HINT}"


def typed(text, parameter, kind):
    return f"Invalid value {text} for parameter '{parameter}' supplied:  Hint: Value was of type '{kind}'.{HINT}"


def long(parameter, limit):
    return f"'{parameter}' exceeds the maximum length of {limit} characters…"


@each({
    "metric's name": (METRIC, metric(key="a$"), called("a$", "name", NAMES)),
    "parameter's name": (PARAMETER, value("a#b"), called("a#b", "key", NAMES)),
    "tag's name": (TAG, value("a?b"), called("a?b", "key", NAMES)),
    "sign that is no letter": (METRIC, metric(key="5€"), called("5\\u20ac", "name", NAMES)),
    "name that is a face": (TAG, value("😀"), called("\\ud83d\\ude00", "key", NAMES)),
    "name with a hard space": (PARAMETER, value("a\u00a0b"), called("a\\u00a0b", "key", NAMES)),
    "name that is a path": (METRIC, metric(key="../a"), called("../a", "name", PATHS) + "…"),
    "name that is a root": (PARAMETER, value("/a"), called("/a", "key", PATHS) + "…"),
    "name with a double slash": (TAG, value("a//b"),
                                 called("a//b", "key", PATHS + " This name would resolve to 'a/b'")),
    "name that is a dot": (TAG, value("."), called(".", "key", PATHS) + "…"),
    "name that ends in a slash": (TAG, value("a/"), called("a/", "key", PATHS + " This name would resolve to 'a'")),
    "name in a batch": (BATCH, {"metrics": [metric(), metric(key="a$")]}, called("a$", "metrics[1].name", NAMES)),
    "parameter in a batch": (BATCH, {"params": [value("a%")]}, called("a%", "params[0].key", NAMES)),
    "tag in a batch": (BATCH, {"tags": [value(), value(), value("a&")]},
                       called("a&", "tags[2].key", NAMES)),
    "no metric's name": (METRIC, {"value": 1, "timestamp": 1}, absent("key")),
    "empty metric's name": (METRIC, metric(key=""), absent("key")),
    "no metric's value": (METRIC, {"key": "m", "timestamp": 1}, absent("value")),
    "no timestamp": (METRIC, {"key": "m", "value": 1}, absent("timestamp")),
    "no parameter's name": (PARAMETER, {"value": "v"}, absent("key")),
    "no tag's name": (TAG, {"value": "v"}, absent("key")),
    "no name in a batch": (BATCH, {"metrics": [{"value": 1, "timestamp": 1}]}, absent("metrics[0].key")),
    "no value in a batch": (BATCH, {"metrics": [metric(), {"key": "m", "timestamp": 1}]}, absent("metrics[1].value")),
    "no timestamp in a batch": (BATCH, {"metrics": [{"key": "m", "value": 1}]}, absent("metrics[0].timestamp")),
    "no parameter in a batch": (BATCH, {"params": [{"value": "v"}]}, absent("params[0].key")),
    "no tag in a batch": (BATCH, {"tags": [{"value": "v"}]}, absent("tags[0].key")),
    "long metric's name": (METRIC, metric(key="k" * 251), long("Metric name", 250)),
    "long parameter's name": (PARAMETER, value("k" * 251), long("Param key", 250)),
    "long tag's name": (TAG, value("k" * 251), long("key", 250)),
    "long metric in a batch": (BATCH, {"metrics": [metric(key="k" * 251)]}, long("Metric name", 250)),
    "long parameter in a batch": (BATCH, {"params": [value("k" * 251)]}, long("Param key", 250)),
    "long tag in a batch": (BATCH, {"tags": [value("k" * 251)]}, long("tags[0].key", 250)),
    "negative timestamp": (METRIC, metric(timestamp=-1), "Invalid value -1 for parameter 'timestamp' supplied: metric "
                           "'m' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) "),
    "value in words": (METRIC, metric(value="many"), typed('"many"', "value", "str")),
    "timestamp in words": (METRIC, metric(timestamp="noon"), typed('"noon"', "timestamp", "str")),
    "name that is a number": (METRIC, metric(key=5), typed("5", "key", "int")),
    "parameter that is an object": (PARAMETER, value("k", {}), typed("{}", "value", "dict")),
    "batch that is no list": (BATCH, {"metrics": "m"}, typed('"m"', "metrics", "str")),
    "too many metrics": (BATCH, {"metrics": [metric(step=step) for step in range(1001)]},
                         "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split up "
                         "metrics across multiple requests and try again."),
    "too many parameters": (BATCH, {"params": [value(f"p{number}") for number in range(101)]},
                            "A batch logging request can contain at most 100 params. Got 101 params. Please split up "
                            "params across multiple requests and try again."),
    "too many tags": (BATCH, {"tags": [value(f"t{number}") for number in range(101)]},
                      "A batch logging request can contain at most 100 tags. Got 101 tags. Please split up "
                      "tags across multiple requests and try again."),
    "too many together": (BATCH, {"metrics": [metric(step=step) for step in range(950)],
                                  "params": [value(f"p{number}") for number in range(51)]},
                          "A batch logging request can contain at most 1000 metrics, params, and tags. Got 1001 "
                          "metrics, params, and tags. Please split up metrics, params, and tags across multiple "
                          "requests and try again."),
})
def of_runs(server, path, body, message):
    server.invalid(message, "POST", path, {"run_id": server.once(one_run)} | body)


def one_run(server):
    return server.run()


@check
def nothing_of_a_refused_batch_is_kept(server):
    run = server.run()
    server.invalid(None, "POST", BATCH, {"run_id": run, "metrics": [metric()], "tags": [value("a$")]})
    assert "metrics" not in server.data(run)


@each({
    "no name": ({}, absent("name")),
    "empty name": ({"name": ""}, absent("name")),
    "name that is a list": ({"name": ["a"]}, typed('["a"]', "name", "list")),
    "long name": ({"name": "n" * 501}, long("name", 500)),
    "blank name": ({"name": " \t"}, "Invalid experiment name: ' \t'"),
    "location with a fragment": ({"name": "x", "artifact_location": "mlflow-artifacts:/a#b"},
                                 "'artifact_location' URL can't include fragments or params.…"),
    "location of a run": ({"name": "x", "artifact_location": "runs:/a/b"},
                          "Artifact location cannot be a runs:/ URI. Given: 'runs:/a/b'"),
})
def of_experiments(server, body, message):
    server.invalid(message, "POST", "experiments/create", named(body))


def named(body):
    """With a name that none has yet, where one is given."""
    return body | ({"name": unique("x")} if body.get("name") == "x" else {})


@each({
    "value in a list": (METRIC, metric(value=[1])),
    "half a step": (METRIC, metric(step=1.5)),
    "value without bounds": (METRIC, metric(step=2**63)),
    "location with dots": ("experiments/create", {"name": "x", "artifact_location": "mlflow-artifacts:/a/../../b"}),
    "experiment's tag's name": ("experiments/create", {"name": "x", "tags": [value("a$")]}),
    "experiment's long tag": ("experiments/create", {"name": "x", "tags": [value("k", "v" * 20001)]}),
    "status of none": ("runs/update", {"status": "DANCING"}),
    "dataset without a digest": ("runs/log-inputs", {"datasets": [{"dataset": {"name": "n"}}]}),
    "unknown attribute of models": ("logged-models/search", {"filter": "flavour = 'b'"}),
}, beyond=True)
def of_what_mlflow_lets_pass(server, path, body):
    server.invalid(None, "POST", path, {"run_id": server.once(one_run), "experiment_ids": ["0"]} | named(body))


@each({
    "number in words": ("GET", "experiments/get", {"experiment_id": "twelve"},
                        "Invalid experiment ID 'twelve'. Experiment ID must be a valid integer."),
    "no number": ("GET", "experiments/get", {}, absent("experiment_id")),
    "no name to get": ("GET", "experiments/get-by-name", {}, absent("experiment_name")),
    "no number to delete": ("POST", "experiments/delete", {}, absent("experiment_id")),
    "no run": ("GET", "runs/get", {}, absent("run_id")),
    "no run to log to": ("POST", BATCH, {"metrics": []}, absent("run_id")),
    "run that no run could be": ("POST", BATCH, {"run_id": "a b", "metrics": []},
                                 "Invalid value \"a b\" for parameter 'run_id' supplied."),
    "value that is empty": ("POST", METRIC, metric(run_id="0" * 32, value=""), absent("value")),
    "no metric to read": ("GET", "metrics/get-history", {"run_id": "0" * 32}, absent("metric_key")),
})
def of_requests(server, method, path, body, message):
    server.invalid(message, method, path, body)


@each({
    "get": ("GET", "runs/get", {}), "update": ("POST", "runs/update", {}), "delete": ("POST", "runs/delete", {}),
    "metric": ("POST", METRIC, metric()), "parameter": ("POST", PARAMETER, value()), "tag": ("POST", TAG, value()),
})
def odd_ids_are_of_no_run(server, method, path, body):
    for odd in (".", "../a", "a b", "%2e", "a" * 257):
        server.missing(f"Run with id={odd} not found", method, path, body | {"run_id": odd})


@check
def runs_begin_with_tags_of_any_name(server):
    made = server.ok("POST", "runs/create", {"experiment_id": "0", "tags": [value("team, owner?", "x")]})
    assert value("team, owner?", "x") in made["run"]["data"]["tags"]


@check
def long_tags_of_experiments(server):
    number = server.experiment()
    for body in ({"key": "k" * 251, "value": "v"}, {"key": "k", "value": "v" * 20001}):
        server.invalid(None, "POST", "experiments/set-experiment-tag", {"experiment_id": number} | body)
    server.ok("POST", "experiments/set-experiment-tag", {"experiment_id": number, "key": "k", "value": "v" * 20000})
    server.invalid(absent("key"), "POST", "experiments/set-experiment-tag", {"experiment_id": number, "value": "v"})


@check
def empty_tag_is_a_value(server):
    run = server.run()
    server.ok("POST", TAG, {"run_id": run} | value("empty", ""))
    server.log(run, tags=listed(more=""))
    assert server.client.get_run(run).data.tags.items() >= {"empty": "", "more": ""}.items()
