"""Python processes that log a metric as fast as they can, all at once."""
import http.client
import importlib
import json
import multiprocessing
import time

LOG_METRIC = "/api/2.0/mlflow/runs/log-metric"


def bare_client(port, run, step):
    """What logs a metric by Python's own HTTP client: hardly any work of its own beside the request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"run_id": run, "key": "loss", "value": 0.25, "timestamp": int(time.time() * 1e3), "step": step})

    def log():
        connection.request("POST", LOG_METRIC, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    return log


def mlflow_client(port, run, step):
    """MLflow's client as trainings use it."""
    from mlflow import MlflowClient  # pylint: disable=import-outside-toplevel
    client = MlflowClient(f"http://127.0.0.1:{port}")

    def log():
        client.log_metric(run, "loss", 0.25, int(time.time() * 1e3), step)
        return True
    return log


def log_until(client, arguments, ready, go, seconds, counts):
    log = client(*arguments)
    log()
    ready.release()
    go.wait()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count += log()
    counts.put(count)


def logged_per_second(client, port, runs, connections, seconds):
    """What `connections` processes, each with a client of its own, log to the server at `port` in turns of `runs`."""
    importlib.import_module("mlflow")  # takes seconds; the processes fork from this one
    counts, ready, go = multiprocessing.SimpleQueue(), multiprocessing.Semaphore(0), multiprocessing.Event()
    processes = []
    for index in range(connections):
        arguments = (client, (port, runs[index % len(runs)], index), ready, go, seconds, counts)
        processes.append(multiprocessing.Process(target=log_until, args=arguments))
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    go.set()
    total = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    return total / seconds
