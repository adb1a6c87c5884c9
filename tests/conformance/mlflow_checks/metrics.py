"""Points: what is kept, what counts as the latest, and how histories are read."""
import math

from mlflow.entities import Metric, Param, RunTag

from .harness import check

BIGGEST = 1.7976931348623157e308


def point(key, value, timestamp, step=0):
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def triples(history):
    return [(entry["step"], entry["timestamp"], entry["value"]) for entry in history.get("metrics", [])]


@check
def one_point(server):
    run = server.run()
    assert server.ok("POST", "runs/log-metric", {"run_id": run} | point("loss", 0.25, 1700000000000, 3)) == {}
    got = server.history(run, "loss")["metrics"]
    assert len(got) == 1 and got[0]["key"] == "loss" and triples({"metrics": got}) == [(3, 1700000000000, 0.25)], got
    assert server.data(run)["metrics"][0].items() >= point("loss", 0.25, 1700000000000, 3).items()


@check
def step_is_zero_by_itself(server):
    run = server.run()
    server.ok("POST", "runs/log-metric", {"run_uuid": run, "key": "m", "value": "2.5", "timestamp": "17"})
    assert triples(server.history(run, "m")) == [(0, 17, 2.5)]
    assert server.data(run)["metrics"][0]["step"] == 0


@check
def exact_doubles(server):
    run, values = server.run(), [0.1, 1 / 3, -0.0, 5e-324, 1e308, -1e-300, 2**53 + 1, 123456789.12345679]
    server.log(run, metrics=[point("m", value, 1000 + step, step) for step, value in enumerate(values)])
    got = [value for _, _, value in triples(server.history(run, "m"))]
    assert [float(value) for value in got] == [float(value) for value in values], got


@check
def whole_int64(server):
    run = server.run()
    server.log(run, metrics=[point("m", 1, 2**62, -2**62), point("m", 2, 2**63 - 1, 2**63 - 1), point("m", 3, 0, -1)])
    assert sorted(triples(server.history(run, "m"))) == [(-2**62, 2**62, 1), (-1, 0, 3), (2**63 - 1, 2**63 - 1, 2)]
    assert server.client.get_run(run).data.metrics == {"m": 2.0}


@check
def not_a_number(server):
    run = server.run()
    server.ok("POST", "runs/log-metric", {"run_id": run} | point("m", "NaN", 5, 1))
    server.client.log_metric(run, "m", math.nan, 6, 2)
    assert [entry["value"] for entry in server.history(run, "m")["metrics"]] == ["NaN", "NaN"]
    assert server.data(run)["metrics"][0]["value"] == "NaN"
    assert math.isnan(server.client.get_run(run).data.metrics["m"])


@check
def infinities(server):
    run = server.run()
    server.log(run, metrics=[point("up", "Infinity", 5), point("down", "-Infinity", 5)])
    server.client.log_metric(run, "more", math.inf)
    assert server.client.get_run(run).data.metrics == {"up": BIGGEST, "down": -BIGGEST, "more": BIGGEST}
    assert triples(server.history(run, "down")) == [(0, 5, -BIGGEST)]


@check
def repeats_are_one(server):
    run = server.run()
    for _ in range(3):
        server.ok("POST", "runs/log-metric", {"run_id": run} | point("m", 0.5, 10, 1))
        server.log(run, metrics=[point("m", 0.5, 10, 1), point("m", 0.75, 11, 2), point("m", 0.75, 11, 2)])
    assert triples(server.history(run, "m")) == [(1, 10, 0.5), (2, 11, 0.75)]


@check(beyond=True)
def repeats_of_nan_are_one(server):
    run = server.run()
    for _ in range(3):
        server.log(run, metrics=[point("m", "NaN", 10, 1)])
        server.ok("POST", "runs/log-metric", {"run_id": run} | point("m", "NaN", 10, 1))
    assert triples(server.history(run, "m")) == [(1, 10, "NaN")]


@check
def equal_steps(server):
    """Different in time or in value: all of them are kept."""
    run = server.run()
    server.log(run, metrics=[point("m", value, time, 7) for value, time in ((1, 10), (2, 10), (1, 11), ("NaN", 10))])
    got = triples(server.history(run, "m"))
    assert len(got) == 4 and {str(entry) for entry in got} == \
        {"(7, 10, 1.0)", "(7, 10, 2.0)", "(7, 11, 1.0)", "(7, 10, 'NaN')"}, got


@check
def latest(server):
    """The greatest by (step, timestamp, value), in whatever order they came."""
    for points, wanted in (([(9, 5, 3), (1, 6, 2)], 2), ([(1, 6, 2), (9, 5, 3)], 2), ([(1, 5, 2), (2, 5, 1)], 1),
                           ([(2, 5, 1), (1, 5, 2)], 1), ([(4, 4, 8), (4, 4, 9)], 9), ([(4, 4, 9), (4, 4, 8)], 9),
                           ([(1, -5, 3), (1, 0, 2), (1, -7, 9)], 2), ([(5, 0, 4), (4, 0, 7)], 4)):
        run, together = server.run(), server.run()
        for timestamp, step, value in points:
            server.ok("POST", "runs/log-metric", {"run_id": run} | point("m", value, timestamp, step))
        server.log(together, metrics=[point("m", value, timestamp, step) for timestamp, step, value in points])
        for name in (run, together):
            assert server.client.get_run(name).data.metrics == {"m": wanted}, points


@check
def batch_of_1000(server):
    run = server.run()
    server.log(run, metrics=[point(f"m{number % 10}", number, 1000 + number, number // 10) for number in range(1000)])
    assert triples(server.history(run, "m3")) == [(step, 1003 + 10 * step, 10.0 * step + 3) for step in range(100)]
    assert server.client.get_run(run).data.metrics == {f"m{key}": 990.0 + key for key in range(10)}


@check
def batch_of_all_kinds(server):
    run = server.run()
    server.client.log_batch(run, [Metric("m", 1.5, 10, 2)], [Param("p", "v")], [RunTag("t", "u")])
    data = server.client.get_run(run).data
    assert data.metrics == {"m": 1.5} and data.params == {"p": "v"} and data.tags["t"] == "u"


@check
def empty_batch(server):
    assert server.log(server.run()) == {}


@check
def history_of_nothing(server):
    assert server.history(server.run(), "never") == {}


def long_history(server):
    run = server.run()
    for start in range(0, 2500, 1000):
        server.log(run, metrics=[point("loss", step / 8, 5000 + step, step)
                                 for step in range(start, min(start + 1000, 2500))])
    return run


@check
def history_in_order(server):
    run = server.once(long_history)
    assert triples(server.history(run, "loss")) == [(step, 5000 + step, step / 8) for step in range(2500)]


@check(beyond=True)
def history_without_a_size(server):
    run = server.once(long_history)
    whole = server.ok("GET", "metrics/get-history", {"run_id": run, "metric_key": "loss"})
    assert triples(whole) == triples(server.history(run, "loss"))


@check
def history_in_pages(server):
    run, seen, token, pages = server.once(long_history), [], None, 0
    while pages == 0 or token:
        page = server.history(run, "loss", max_results=700, **({"page_token": token} if token else {}))
        seen, token, pages = seen + triples(page), page.get("next_page_token"), pages + 1
    assert pages == 4 and seen == [(step, 5000 + step, step / 8) for step in range(2500)], pages


@check
def history_of_no_size(server):
    for size in (0, -1):
        server.invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer.",
                       "GET", "metrics/get-history", {"run_id": server.run(), "metric_key": "m", "max_results": size})


@check
def history_bulk(server):
    one, two = server.run(), server.run()
    server.log(one, metrics=[point("m", step, 100 - step, step) for step in range(5)])
    server.log(two, metrics=[point("m", 7, 1, 1), point("other", 8, 1, 1)])
    got = server.ok("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": [one, two], "metric_key": "m"})
    rows = [(entry["run_id"], entry["timestamp"], entry["step"], entry["value"]) for entry in got["metrics"]]
    assert rows == sorted([(one, 100 - step, step, float(step)) for step in range(5)] + [(two, 1, 1, 7.0)]), rows
    few = server.ok("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
                    {"run_id": [one, two], "metric_key": "m", "max_results": "2"})
    assert len(few["metrics"]) == 2, few


@check
def history_bulk_refusals(server):
    path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    run = server.run()
    server.invalid("GetMetricHistoryBulk request must specify at least one run_id.", "GET", path, {"metric_key": "m"})
    server.invalid("GetMetricHistoryBulk request must specify a metric_key.", "GET", path, {"run_id": [run]})
    server.invalid("GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids.",
                   "GET", path, {"metric_key": "m", "run_id": [run] * 101})


def interval(server, runs, **how):
    got = server.ok("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
                    {"run_ids": runs, "metric_key": "loss"} | how)
    return [(entry["run_id"], entry["step"], entry["value"]) for entry in got.get("metrics", [])]


@check
def interval_of_few(server):
    run = server.run()
    server.log(run, metrics=[point("loss", step, step, step) for step in range(20)])
    assert interval(server, [run], max_results=100) == [(run, step, float(step)) for step in range(20)]
    assert interval(server, [run], start_step=5, end_step=8, max_results=100) == \
        [(run, step, float(step)) for step in range(5, 9)]


@check
def interval_samples(server):
    run = server.once(long_history)
    rows = interval(server, [run], max_results=50)
    steps = [step for _, step, _ in rows]
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == 2499 and 40 <= len(rows) <= 60, steps
    part = interval(server, [run], start_step=1000, end_step=1999, max_results=50)
    assert part[0][1] == 1000 and part[-1][1] == 1999 and len(part) <= 60, part


@check
def interval_refusals(server):
    path, run = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", server.run()
    for fields in ({"start_step": 1}, {"end_step": 1}, {"start_step": 5, "end_step": 1}, {"max_results": 0},
                   {"max_results": 2501}, {"run_ids": [run] * 101}):
        server.invalid(None, "GET", path, {"run_ids": [run], "metric_key": "loss"} | fields)
