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

    def log_a_model(self):
        """As flavors do: made, filled, finished, named by a run's outputs and by a metric."""
        from mlflow.entities import LoggedModelOutput, Metric
        client = mlflow.MlflowClient()
        mlflow.set_experiment("new")
        with mlflow.start_run(run_name="offline") as run:
            model = mlflow.initialize_logged_model("forest", source_run_id=run.info.run_id,
                                                   params={f"p{i}": str(i) for i in range(150)})
            (self.folder / "MLmodel").write_text("flavors: {}")
            client.log_model_artifact(model.model_id, str(self.folder / "MLmodel"))
            client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
            client.log_batch(run.info.run_id, [Metric("auc", 0.5, 1, 0, model_id=model.model_id)])
            client.set_logged_model_tags(model.model_id, {"kept": "yes"})
            done = mlflow.finalize_logged_model(model.model_id, "READY")
            self.assertEqual((done.status.value, client.get_logged_model(model.model_id).name), ("READY", "forest"))

    @unittest.skipUnless(mlflow and hasattr(mlflow, "initialize_logged_model"), "MLflow 2 has no logged models")
    def test_models_are_logged_while_the_server_is_away(self):
        for trouble, own_ids in ((None, False), ("close", False), ("close", True), (503, True)):
            server = self.server(own_ids=own_ids)
            server.trouble = trouble
            delivery = self.store(server)
            self.log_a_model()
            server.trouble = None
            self.assertEqual((delivery.flush(), delivery.refused), (0, 0))
            (name, model), (run, _) = server.models.popitem(), server.runs.popitem()
            info, number = model["info"], server.experiments["new"]
            self.assertEqual((info["status"], info["source_run_id"], info["experiment_id"]),
                             ("LOGGED_MODEL_READY", run, number))
            self.assertIn({"key": "kept", "value": "yes"}, info["tags"])
            self.assertEqual(len({param["key"] for param in model["data"]["params"]}), 150)
            self.assertEqual(server.files, {f"{number}/models/{name}/artifacts/MLmodel": b"flavors: {}"})
            bodies = [body for path, body in server.accepted if path in ("runs/outputs", "runs/log-batch")]
            self.assertEqual([body.get("models", body.get("metrics"))[0]["model_id"] for body in bodies], [name] * 2)

    def test_what_needs_the_server_fails_at_once(self):
        from mlflow.exceptions import MlflowException
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "7"
        server = self.server()
        server.trouble = 503
        self.store(server)
        client = mlflow.MlflowClient()
        for read in (lambda: client.search_runs(["0"]), lambda: client.get_metric_history("a" * 32, "x"),
                     lambda: self.plugin.registry_store(server.url).get_registered_model("m"),
                     lambda: self.plugin.artifact_repository("mlflow-artifacts:/1/x").list_artifacts()):
            with self.assertRaisesRegex(MlflowException, "needs? the server"):
                read()
        self.assertEqual(set(server.asked), {"/health"})

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
