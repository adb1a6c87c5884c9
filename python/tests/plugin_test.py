"""The plugin under MLflow's own client, where MLflow can be imported: trainings beside a server that is away."""
import importlib.metadata
import logging
import os
import unittest
from unittest import mock

from support import Case

try:
    import mlflow
except ImportError:
    mlflow = None

logging.getLogger("millwright").setLevel(logging.CRITICAL)


@unittest.skipUnless(mlflow, "needs MLflow")
class PluginTest(Case):
    def setUp(self):
        super().setUp()
        os.environ.update({"MILLWRIGHT_SPOOL": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                           "GIT_PYTHON_REFRESH": "quiet"})
        from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry as artifacts
        from mlflow.tracking._tracking_service.utils import _tracking_store_registry as stores

        from millwright import plugin
        self.plugin = plugin
        for registry, entries in ((stores, {"http": plugin.tracking_store,
                                            "millwright+http": plugin.spooling_tracking_store}),
                                  (artifacts, {"mlflow-artifacts": plugin.artifact_repository})):
            patched = mock.patch.dict(registry._registry, entries)
            patched.start()
            self.addCleanup(patched.stop)
        self.addCleanup(mlflow.set_tracking_uri, None)
        self.addCleanup(lambda: mlflow.active_run() and mlflow.end_run())

    def store(self, server, scheme=""):
        mlflow.set_tracking_uri(scheme + server.url)
        delivery = self.plugin.delivery_to(server.url)
        self.addCleanup(delivery.close, 0)
        return delivery

    def train(self):
        mlflow.set_experiment("new")
        with mlflow.start_run(run_name="offline") as run:
            mlflow.log_params({"depth": 3})
            for step in range(40):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_metrics({"auc": float("nan")}, step=1)
            mlflow.set_tag("a", "b")
            mlflow.log_text("words", "notes/a.txt")
        return run.info

    def check(self, server):
        run, = server.runs.values()
        self.assertEqual(run["info"]["status"], "FINISHED")
        self.assertEqual(run["info"]["experiment_id"], server.experiments["new"])
        self.assertEqual([step for key, step, _ in server.points() if key == "loss"], list(range(40)))
        self.assertIn(("auc", 1, "NaN"), server.points())
        folder = f"{server.experiments['new']}/{run['info']['run_id']}/artifacts"
        self.assertEqual(server.files, {f"{folder}/notes/a.txt": b"words"})
        self.assertIn({"key": "mlflow.runName", "value": "offline"}, run["data"]["tags"])

    def test_server_is_there(self):
        for scheme in ("", "millwright+"):
            server = self.server()
            delivery = self.store(server, scheme)
            info = self.train()
            self.assertEqual((delivery.waiting, info.run_id), (0, next(iter(server.runs))))
            self.check(server)

    def test_server_is_away(self):
        for own_ids in (False, True):
            server = self.server(own_ids=own_ids)
            server.trouble = "close"
            delivery = self.store(server)
            self.train()
            self.assertGreater(delivery.waiting, 40)
            server.trouble = None
            self.assertEqual(delivery.flush(), 0)
            self.check(server)

    def test_server_goes_away(self):
        server = self.server(own_ids=True)
        delivery = self.store(server)
        mlflow.set_experiment("new")
        with mlflow.start_run(run_name="offline"):
            server.trouble = 503
            mlflow.log_param("depth", 3)
            for step in range(40):
                mlflow.log_metric("loss", 1.0, step=step)
            mlflow.log_text("words", "notes/a.txt")
            mlflow.log_metric("auc", float("nan"), step=1)
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        self.check(server)

    def test_refusals_do_not_raise(self):
        server = self.server()
        delivery = self.store(server)
        server.refuse = lambda path, body: "Changing param values is not allowed." if "params" in body else None
        with mlflow.start_run(experiment_id="0"):
            mlflow.log_params({"a": 1})
        self.assertEqual(delivery.refused, 1)

    def test_switched_off(self):
        from mlflow.store.tracking.rest_store import RestStore
        os.environ["MILLWRIGHT_SPOOL"] = "0"
        self.assertIs(type(self.plugin.tracking_store("http://127.0.0.1:1")), RestStore)

    def test_captures_by_itself(self):
        os.environ.update({"MILLWRIGHT_CAPTURE": "environment", "MILLWRIGHT_HOST_METRICS": "0.05"})
        server = self.server()
        self.store(server)
        with mlflow.start_run(experiment_id="0"):
            self.until(lambda: any(path.endswith("/requirements.txt") for path in server.files), "the lock")
            self.until(lambda: any(key == "system/disk_usage_percentage" for key, _, _ in server.points()), "the host")
        lock = next(data for path, data in server.files.items() if path.endswith("requirements.txt")).decode()
        self.assertIn(f"mlflow=={importlib.metadata.version('mlflow')}\n", lock)

    def test_capture_by_a_call(self):
        from millwright import capture
        server = self.server()
        self.store(server)
        with mlflow.start_run(experiment_id="0"):
            capture(git=False)
        self.assertTrue(any(path.endswith("environment/machine.json") for path in server.files))
        with self.assertRaisesRegex(ValueError, "no run is active"):
            capture()


if __name__ == "__main__":
    unittest.main()
