"""Search over runs: the filter language, order, views, pages."""
import math

from .harness import check, each, unique


def seven(server):
    """Runs a to g in an experiment of their own; g deleted. 'nan' is NaN in e; 'loss' is missing in f."""
    number, runs = server.experiment("search"), {}
    for place, (name, loss, nan, kind) in enumerate((
            ("a", 0.5, 1.0, "gbt"), ("b", 0.25, 2.0, "GBT"), ("c", 0.75, 3.0, "linear"), ("d", 0.5, -4.0, "lin_ear"),
            ("e", -1.0, math.nan, "100%"), ("f", None, None, "o'brien"), ("g", 9.0, 9.0, "gone"))):
        run = server.client.create_run(number, start_time=1000 + place, run_name=name).info.run_id
        runs[name] = run
        if loss is not None:
            server.client.log_metric(run, "loss", 100.0, timestamp=1, step=0)
            server.client.log_metric(run, "loss", loss, timestamp=2, step=1)
            server.client.log_metric(run, "val loss/top-1", loss, timestamp=2)
            server.client.log_metric(run, "nan", nan, timestamp=1)
        server.client.log_param(run, "kind", kind)
        server.client.log_param(run, "depth", str(place))
        server.client.set_tag(run, "dotted.key.here", kind)
        server.client.set_tag(run, "owner", "ann" if place % 2 else "ben")
    server.client.log_param(runs["b"], "only b", "x")
    server.client.set_tag(runs["c"], "only.c", "y")
    server.client.set_terminated(runs["d"], "FAILED", end_time=5000)
    server.client.delete_run(runs["g"])
    return number, runs


def found(server, text="", order=("attributes.start_time ASC",), view=1, **how):
    number, runs = server.once(seven)
    names = {run: name for name, run in runs.items()}
    text = text.format(**runs, experiment=number)
    got = server.client.search_runs([number], text, view, order_by=list(order), **how)
    return "".join(names[run.info.run_id] for run in got)


@each({text: (text, wanted) for text, wanted in (
    ("", "abcdef"), ("metrics.loss = 0.5", "ad"), ("metrics.loss != 0.5", "bce"), ("metrics.loss < 0.5", "be"),
    ("metrics.loss <= 0.5", "abde"), ("metric.loss > .5", "c"), ("metrics.loss >= 5e-1", "acd"),
    ("metrics.loss=-1", "e"), ("metrics.loss>-1.0", "abcd"), ("metrics.nan > 0", "abc"),
    ("metrics.`val loss/top-1` = 0.5", "ad"),
    ('metrics."val loss/top-1" < 0.5', "be"), ("metrics.loss = 100", ""), ("metrics.nobody != 1", ""),
    ("params.kind = 'gbt'", "a"), ('param.kind = "gbt"', "a"), ("parameters.kind != 'gbt'", "bcdef"),
    ("parameter.kind ILIKE 'gbt'", "ab"), ("params.kind LIKE 'gb%'", "a"), ("params.kind like 'lin_ear'", "d"),
    ("params.kind LIKE 'lin%'", "cd"), ("params.kind LIKE '%B%'", "b"), ("params.kind ilike '%B%'", "abf"),
    ("params.kind = '100%'", "e"), ("params.kind = \"o'brien\"", "f"), ("params.depth = '3'", "d"),
    ("params.`only b` = 'x'", "b"), ("params.`only b` != 'y'", "b"), ("params.`only b` IS NULL", "acdef"),
    ("params.`only b` IS NOT NULL", "b"), ("params.kind IS NOT NULL AND metrics.loss < 0", "e"),
    ("tags.owner = 'ann'", "bdf"), ("tag.owner != 'ann'", "ace"), ("tags.dotted.key.here = 'gbt'", "a"),
    ("tags.`dotted.key.here` ILIKE 'GBT'", "ab"), ("tags.only.c is not null", "c"), ("tags.only.c IS NULL", "abdef"),
    ("tags.mlflow.runName = 'b'", "b"), ("tags.owner LIKE 'a__'", "bdf"),
    ("attributes.run_name = 'c'", "c"), ("run_name LIKE '%'", "abcdef"), ("attribute.run_name != 'c'", "abdef"),
    ("attributes.`run name` = 'c'", "c"), ("run_name ILIKE 'A'", "a"),
    ("attributes.status = 'FAILED'", "d"), ("status != 'FAILED'", "abcef"), ("attr.status LIKE 'RUN%'", "abcef"),
    ("run_id = '{c}'", "c"), ("attributes.run_id != '{c}'", "abdef"), ("run_id IN ('{a}', '{b}', 'x')", "ab"),
    ("attributes.run_id NOT IN ('{a}', '{b}')", "cdef"), ("run_id in ('{f}')", "f"),
    ("attributes.start_time > 1002", "def"), ("start_time >= 1002 AND start_time < 1004", "cd"),
    ("created = 1001", "b"), ("end_time = 5000", "d"), ("attributes.end_time < 9999", "d"),
    ("attributes.artifact_uri LIKE '%/{a}/%'", "a"),
    ("metrics.loss < 1 and params.kind ILIKE '%i%' AND tags.owner = 'ann'", "d"),
    ("metrics.loss < 1 AND metrics.nan > 0 AND metrics.loss > 0.3", "ac"),
    ("metrics.loss = 0.5 tags.owner = 'ann'", "d"), ("AND tags.owner = 'ann' AND", "bdf"),
    ("params.kind = 'x\" AND run_id'", ""), ("params.kind = 'a AND b'", ""),
)})
def filter(server, text, wanted):
    assert found(server, text) == wanted, found(server, text)


@each({text: (text, wanted) for text, wanted in (
    ("metrics.nan > -10", "abcd"), ("metrics.nan < 10", "abcd"), ("metrics.nan != 5", "abcd"), ("metrics.nan = 0", ""),
)}, beyond=True)
def filter_with_nan(server, text, wanted):
    """Not a number is no number: MLflow's own server takes it for zero here."""
    assert found(server, text) == wanted, found(server, text)


@each({text: (text, message) for text, message in (
    ("params.kind = 'a' OR params.kind = 'b'", "Invalid clause(s) in filter string: 'OR'…"),
    ("nothing.a = 'b'", "Invalid entity type 'nothing'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
     "'dataset']"), ("flavour = 'b'", "Invalid attribute key 'flavour' specified. Valid keys are…"),
    ("metrics.loss LIKE 'a'", None), ("metrics.loss = 'a'", "Expected numeric value type for metric. Found 'a'"),
    ("params.kind = 1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"),
    ("params.kind > 'a'", "Invalid comparator '>' not one of …"), ("params.kind = gbt", None), ("params.kind", None),
    ("params.kind = ", None), ("= 'a'", None), ("params.kind == 'a'", None), ("'a' = params.kind", None),
    ("status = 'a'; status = 'b'", "Search filter contained multiple expression…"),
    ("run_id IN ()", None), ("run_id IN (1, 2)", None), ("run_id IN 'a'", None),
    ("status IN ('FAILED')", "Only ['run_id'] attributes support comparison with a list of quoted string values."),
    ("metrics.loss IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'loss'"),
    ("start_time = 'noon'", None), ("run_name = 5", None),
)})
def filter_refused(server, text, message):
    number, _ = server.once(seven)
    server.invalid(message, "POST", "runs/search", {"experiment_ids": [number], "filter": text})


@each({", ".join(order) or "nothing": (order, wanted) for order, wanted in (
    ((), "fedcba"), (("start_time",), "abcdef"), (("attributes.start_time DESC",), "fedcba"),
    (("metrics.loss ASC",), "ebdacf"), (("metrics.loss DESC",), "cdabef"), (("metric.loss",), "ebdacf"),
    (("metrics.nan ASC",), "dabcef"), (("metrics.nan DESC",), "cbadef"),
    (("metrics.loss ASC", "attributes.start_time ASC"), "ebadcf"), (("params.kind ASC",), "ebadcf"),
    (("params.depth DESC",), "fedcba"), (("params.`only b` ASC",), "bfedca"), (("params.`only b` DESC",), "bfedca"),
    (("tags.owner", "run_name DESC"), "fdbeca"), (("attributes.run_name",), "abcdef"),
    (("tags.only.c DESC", "start_time ASC"), "cabdef"), (("end_time ASC",), "dfecba"), (("end_time DESC",), "dfecba"),
    (("metrics.`val loss/top-1` desc",), "cdabef"), (("status ASC", "start_time"), "dabcef"),
    (("metrics.nobody",), "fedcba"),
)})
def order(server, keys, wanted):
    assert found(server, order=keys) == wanted, found(server, order=keys)


@each({text: text for text in ("metrics.loss DOWN", "metrics.loss ASC DESC", "nothing.a", "flavour", "run_name x y")})
def order_refused(server, text):
    number, _ = server.once(seven)
    server.invalid(None, "POST", "runs/search", {"experiment_ids": [number], "order_by": [text]})


@check
def views(server):
    assert found(server, view=1) == "abcdef" and found(server, view=2) == "g" and found(server, view=3) == "abcdefg"


@check
def whole_answer(server):
    number, runs = server.once(seven)
    got = server.ok("POST", "runs/search", {"experiment_ids": [number], "filter": f"run_id = '{runs['b']}'"})["runs"]
    assert got == [server.ok("GET", "runs/get", {"run_id": runs["b"]})["run"]] or \
        _sorted(got[0]) == _sorted(server.ok("GET", "runs/get", {"run_id": runs["b"]})["run"]), got


def _sorted(run):
    return {"info": run["info"], "data": {kind: sorted(entries, key=lambda entry: entry["key"])
                                          for kind, entries in run["data"].items()}}


@check
def pages(server):
    number, runs = server.once(seven)
    seen, token, sizes = [], None, []
    while not sizes or token:
        body = {"experiment_ids": [number], "max_results": 4, "order_by": ["metrics.loss"]}
        page = server.ok("POST", "runs/search", body | ({"page_token": token} if token else {}))
        seen += [run["info"]["run_name"] for run in page["runs"]]
        token = page.get("next_page_token")
        sizes.append(len(page["runs"]))
    assert "".join(seen) == "ebdacf" and sizes == [4, 2], (seen, sizes)


@check
def pages_of_one(server):
    assert found(server, order=("metrics.nan DESC",), max_results=1) == "c"
    number, _ = server.once(seven)
    for keys, wanted in ((["metrics.nan DESC"], "cbadef"), (["params.`only b`"], "bfedca"), (["tags.owner"], "fdbeca")):
        seen, token = "", None
        while not seen or token:
            page = server.client.search_runs([number], order_by=keys, max_results=1, page_token=token)
            seen, token = seen + page[0].info.run_name, page.token
        assert seen == wanted, (keys, seen)


def paged_while_growing(server):
    """The names that pages of 10 showed while five runs were added before each next page."""
    number = server.experiment("growing")
    first = [server.run(number, run_name=f"old{place}", start_time=1000 + place) for place in range(35)]
    seen, token, added = [], None, 0
    while not seen or token:
        page = server.client.search_runs([number], max_results=10, page_token=token)
        seen += [run.info.run_id for run in page]
        token = page.token
        for _ in range(5 if len(seen) < 60 else 0):
            added += 1
            server.run(number, run_name=f"new{added}", start_time=2000 + added)
    return first, seen


@check
def pages_while_runs_are_added(server):
    first, seen = paged_while_growing(server)
    assert set(first) <= set(seen)


@check(beyond=True)
def pages_show_no_run_twice(server):
    first, seen = paged_while_growing(server)
    assert len(seen) == len(set(seen)) and set(first) <= set(seen)


@check
def several_experiments(server):
    numbers = [server.experiment() for _ in range(3)]
    runs = [server.run(number) for number in numbers]
    got = server.client.search_runs(numbers[:2])
    assert {run.info.run_id for run in got} == set(runs[:2])
    assert len(server.client.search_runs([])) == 0 and len(server.client.search_runs(["987654321"])) == 0


@check
def all_experiments(server):
    import mlflow
    name = unique("everywhere")
    runs = {server.run(server.experiment(), tags=[{"key": "where", "value": name}]) for _ in range(2)}
    got = mlflow.search_runs(search_all_experiments=True, filter_string=f"tags.where = '{name}'", output_format="list")
    assert {run.info.run_id for run in got} == runs


@check
def as_a_table(server):
    import mlflow
    number, runs = server.once(seven)
    table = mlflow.search_runs([number], order_by=["start_time ASC"])
    assert list(table["run_id"]) == [runs[name] for name in "abcdef"]
    assert list(table["params.kind"])[:2] == ["gbt", "GBT"] and math.isnan(table["metrics.loss"][5])


@check
def sizes(server):
    number, _ = server.once(seven)
    for size, message in ((50001, "Invalid value 50001 for parameter 'max_results' supplied…"), (-1, None)):
        server.invalid(message, "POST", "runs/search", {"experiment_ids": [number], "max_results": size})
    server.invalid("Invalid page token, …", "POST", "runs/search",
                   {"experiment_ids": [number], "page_token": "not a token"})
