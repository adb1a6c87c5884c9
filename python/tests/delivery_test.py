"""Delivery: at once while the server answers, else later, in order, once; whatever dies in between."""
import contextlib
import errno
import logging
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from support import SOURCES, Case, FakeServer

from millwright import __main__ as command
from millwright import spool as spool_module
from millwright.delivery import Delivery, batches, merged
from millwright.sender import Refused

logging.getLogger("millwright").setLevel(logging.CRITICAL)
RUN = "a" * 32
CREATE = {"experiment_id": "0", "run_id": RUN, "tags": [{"key": "millwright.client_id", "value": RUN}]}
TRAINING = """
import sys, logging
sys.path.insert(0, sys.argv[1])
from millwright.delivery import Delivery
logging.getLogger("millwright").setLevel(logging.CRITICAL)
delivery = Delivery(sys.argv[2], seconds=0.5)
run, number = sys.argv[3], 0
delivery.make("run", run, "runs/create", {"experiment_id": "0", "run_id": run, "tags": []})
while True:
    point = {"key": "m", "value": number / 8, "timestamp": number, "step": number}
    delivery.send({"method": "POST", "path": "runs/log-batch", "body": {"run_id": run, "metrics": [point]}})
    print(number, flush=True)
    number += 1
"""


def point(step, key="m", run=RUN):
    return {"method": "POST", "path": "runs/log-batch", "body": {
        "run_id": run, "metrics": [{"key": key, "value": step / 8, "timestamp": step, "step": step}]}}


def tag(value, run=RUN):
    return {"method": "POST", "path": "runs/set-tag", "body": {"run_id": run, "key": "t", "value": value}}


@contextlib.contextmanager
def full_disk():
    """No byte more, and no folder."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(spool_module.Spool, "_write_all", side_effect=full), \
            mock.patch.object(spool_module.shutil, "copyfile", side_effect=full), \
            mock.patch.object(spool_module.Path, "write_text", side_effect=full), \
            mock.patch.object(spool_module.Path, "mkdir", side_effect=full):
        yield


class DeliveryTest(Case):
    def delivery(self, server, **how):
        made = Delivery(server.url, **{"seconds": 0.5, **how})
        self.addCleanup(made.close, 0)
        return made

    def begun(self, server, **how):
        delivery = self.delivery(server, **how)
        delivery.make("run", RUN, "runs/create", CREATE)
        return delivery

    def test_at_once(self):
        server = self.server()
        delivery = self.begun(server)
        delivery.send(point(1))
        self.assertEqual(server.points(), [("m", 1, 0.125)])
        self.assertEqual(delivery.waiting, 0)
        self.assertFalse((self.folder / "spool").exists())

    def test_each_trouble(self):
        for trouble in (401, 500, 503, 507, 429, "close", "hang", "page 200", "page 302", "page 404"):
            with self.subTest(trouble):
                server = self.server()
                delivery = self.begun(server)
                server.trouble = trouble
                begun = time.monotonic()
                for step in range(50):
                    delivery.send(point(step))
                delivery.send(tag("end"))
                self.assertLess(time.monotonic() - begun, 5)
                self.assertGreaterEqual(delivery.waiting, 50)
                server.trouble = None
                self.until(lambda: not delivery.waiting, "delivered")
                self.assertEqual([step for _, step, _ in server.points()], list(range(50)))
                self.assertEqual(server.accepted[-1], ("runs/set-tag", tag("end")["body"]))

    def test_endpoint_that_is_not_there(self):
        """A server that answers in HTML that it lacks something is there: what comes next goes on."""
        server = self.server()
        delivery = self.begun(server)
        server.refuse = lambda path, body: b"<html>404</html>" if path == "runs/outputs" else None
        delivery.send({"method": "POST", "path": "runs/outputs", "body": {"run_id": RUN, "models": []}})
        delivery.send(point(1))
        self.assertEqual((delivery.refused, delivery.waiting, len(server.points())), (1, 0, 1))
        for said in (b'"forbidden"', b"[]", b'{"error": "no"}', b"null"):
            server.refuse = lambda path, body, said=said: said if path == "runs/outputs" else None
            delivery.send({"method": "POST", "path": "runs/outputs", "body": {"run_id": RUN, "models": []}})
        self.assertEqual((delivery.refused, delivery.waiting), (5, 0))

    def test_slow_server(self):
        """One call waits for it; the others do not, and everything comes."""
        server = self.server()
        delivery = self.begun(server, seconds=5.0)
        server.pause = 1.2
        took = []
        for step in range(200):
            begun = time.monotonic()
            delivery.send(point(step))
            took.append(time.monotonic() - begun)
        self.assertGreater(took[0], 1.0)
        self.assertLess(max(took[1:]), 0.5)
        server.pause = 0.0
        self.until(lambda: not delivery.waiting, "delivered")
        self.assertEqual([step for _, step, _ in server.points()], list(range(200)))
        self.until(lambda: not delivery._slow, "as fast as before")
        delivery.send(point(200))
        self.assertEqual(server.points()[-1][1], 200)

    def test_end_beside_a_slow_server(self):
        """Nobody waits at the end until a slow server has taken everything."""
        server = self.server()
        delivery = self.begun(server)
        server.trouble = 503
        for number in range(30):
            delivery.send(tag(str(number)))
        server.trouble, server.pause = None, 0.3
        begun = time.monotonic()
        delivery.close(1.0)
        self.assertLess(time.monotonic() - begun, 3.0)
        server.pause = 0.0
        self.assertEqual(command.main(["flush", server.url]), 0)
        values = [body["value"] for path, body in server.accepted if path == "runs/set-tag"]
        self.assertEqual(values, [str(number) for number in range(30)])

    def test_disk_full(self):
        """Nothing is raised, what fits is kept, and what is delivered makes room."""
        server = self.server()
        delivery = self.begun(server)
        server.trouble = 503
        delivery.send(point(0))
        source = self.folder / "notes.txt"
        source.write_text("kept")
        with full_disk():
            for step in range(1, 5):
                delivery.send(point(step))
            delivery.send_file(source, f"0/{RUN}/artifacts", RUN, "notes.txt")
            server.trouble = None
            self.assertEqual(delivery.flush(), 0)
        self.assertEqual(delivery.dropped, 5)
        server.trouble = 503
        for step in range(5, 8):
            delivery.send(point(step))
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        self.assertEqual([step for _, step, _ in server.points()], [0, 5, 6, 7])
        other = self.delivery(server, root=self.folder / "spool/other")
        with full_disk():
            server.trouble = 503
            other.send(point(8))
            other.send_file(source, f"0/{RUN}/artifacts", RUN, "notes.txt")
            self.assertRaises(FileNotFoundError, other.send_file, self.folder / "none", "0", None, "none")
        self.assertEqual(other.dropped, 2)

    def test_order_of_tags(self):
        server = self.server()
        delivery = self.begun(server)
        server.trouble = 503
        for value in "abc":
            delivery.send(tag(value))
            delivery.send(point(ord(value)))
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        order = [body.get("value") or body["metrics"][0]["step"] for _, body in server.accepted[1:]]
        self.assertEqual(order, ["a", 97, "b", 98, "c", 99])

    def test_server_that_starts_later(self):
        probe = FakeServer()
        port = probe.port
        probe.stop()
        delivery = Delivery(probe.url, seconds=0.5)
        self.addCleanup(delivery.close, 0)
        self.assertIsNone(delivery.make("run", RUN, "runs/create", CREATE))
        for step in range(30):
            delivery.send(point(step))
        server = self.server(port=port)
        self.until(lambda: not delivery.waiting, "delivered")
        self.assertEqual([step for _, step, _ in server.points()], list(range(30)))
        self.assertEqual(list(server.runs), [RUN])

    def test_answer_lost_after_create(self):
        """The server has done it and nobody knows: still one run, for servers that take our id and that do not."""
        for own_ids in (False, True):
            with self.subTest(own_ids=own_ids):
                server = self.server(own_ids=own_ids)
                server.trouble = "after"
                delivery = self.begun(server)
                delivery.send(point(1))
                server.trouble = None
                self.assertEqual(delivery.flush(), 0)
                run, = server.runs
                self.assertEqual(delivery.server_id(RUN), run)
                self.assertEqual({body["run_id"] for path, body in server.accepted if path == "runs/log-batch"}, {run})
                delivery.send(point(2))
                self.assertEqual(server.points()[-1][1], 2)

    def test_experiment_made_later(self):
        server = self.server(own_ids=True)
        server.trouble = 503
        delivery = self.delivery(server)
        delivery.make("experiment", "local-1", "experiments/create", {"name": "new"})
        delivery.make("run", RUN, "runs/create", dict(CREATE, experiment_id="local-1"))
        delivery.send(point(5))
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        run, = server.runs.values()
        self.assertEqual(run["info"]["experiment_id"], server.experiments["new"])
        self.assertEqual(server.points(), [("m", 5, 0.625)])

    def test_refused_is_left_out(self):
        server = self.server()
        delivery = self.begun(server)
        server.refuse = lambda path, body: "no" if any(m["step"] == 3 for m in body.get("metrics", [])) else None
        delivery.send(point(3))
        self.assertEqual((delivery.refused, delivery.waiting), (1, 0))
        server.trouble = 503
        for step in range(6):
            delivery.send(point(step))
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        self.assertEqual([step for _, step, _ in server.points()], [0, 1, 2, 4, 5])
        self.assertEqual(delivery.refused, 2)

    def test_refused_run_is_said(self):
        server = self.server()
        server.refuse = lambda path, body: "the experiment is deleted" if path == "runs/create" else None
        with self.assertRaisesRegex(Refused, "the experiment is deleted"):
            self.begun(server)

    def test_files(self):
        for own_ids in (False, True):
            with self.subTest(own_ids=own_ids):
                server = self.server(own_ids=own_ids)
                server.trouble = 503
                delivery = self.begun(server)
                source = self.folder / "notes.txt"
                source.write_text("kept")
                delivery.send_file(source, f"0/{RUN}/artifacts", RUN, "a/notes.txt")
                source.unlink()
                server.trouble = None
                self.assertEqual(delivery.flush(), 0)
                run, = server.runs
                self.assertEqual(server.files, {f"0/{run}/artifacts/a/notes.txt": b"kept"})
                self.assertEqual(list((self.folder / "spool").rglob("file-*")), [])

    def test_full_spool_keeps_what_matters(self):
        server = self.server()
        delivery = self.begun(server, limit=20_000)
        server.trouble = 503
        for step in range(1000):
            delivery.send(point(step))
        delivery.send(tag("kept"))
        self.assertGreater(delivery.dropped, 100)
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        steps = [step for _, step, _ in server.points()]
        self.assertEqual(steps, list(range(1000 - delivery.dropped)))
        self.assertEqual(server.accepted[-1][1]["value"], "kept")

    def test_unwritable_folder(self):
        server = self.server()
        server.trouble = 503
        (self.folder / "spool").write_text("not a folder")
        delivery = self.begun(server)
        delivery.send(point(1))
        self.assertEqual(delivery.dropped, 2)

    def test_next_start_delivers(self):
        server = self.server()
        server.trouble = 503
        delivery = self.begun(server)
        delivery.send(point(1))
        delivery.close(0)
        self.assertEqual(delivery.waiting, 0)
        server.trouble = None
        other = self.delivery(server)
        self.until(lambda: server.points() == [("m", 1, 0.125)], "delivered by the next")
        self.until(lambda: not list((self.folder / "spool").glob("*/[0-9]*")), "removed")
        self.assertEqual(other.waiting, 0)

    def test_flush_verb(self):
        server = self.server()
        server.trouble = 503
        delivery = self.begun(server)
        delivery.send(point(1))
        delivery.close(0)
        self.assertEqual(command.main(["status", server.url]), 0)
        self.assertEqual(command.main(["flush", server.url]), 1)
        server.trouble = None
        self.assertEqual(command.main(["flush", server.url]), 0)
        self.assertEqual(server.points(), [("m", 1, 0.125)])

    def test_heartbeats(self):
        server = self.server()
        delivery = self.begun(server)
        delivery.begin_run(RUN)
        self.until(lambda: server.beats == [RUN], "a heartbeat")
        old = self.server(heartbeats=False)
        delivery = self.begun(old)
        delivery.begin_run(RUN)
        self.until(lambda: not delivery._heartbeats, "no more heartbeats")

    def test_batches(self):
        records = [((0, n), point(n)) for n in range(2500)]
        records += [((0, 2500), tag("x")), ((0, 2501), point(1, run="b" * 32))]
        got = [merged(group) for _, group in batches(iter(records))]
        self.assertEqual([len(record["body"].get("metrics", "x")) for record in got], [1000, 1000, 500, 1, 1])

    def test_killed_under_trouble(self):
        """A training killed again and again beside a server that fails at random: every point that was logged is there,
        in order, once."""
        chance = random.Random(5)
        for round_number in range(6):
            server = self.server(own_ids=round_number % 2 == 1)
            run = f"{round_number:032x}"
            process = subprocess.Popen([sys.executable, "-c", TRAINING, SOURCES, server.url, run], text=True,
                                       stdout=subprocess.PIPE, env=dict(os.environ))
            logged = []
            for _ in range(8):
                server.trouble = chance.choice([None, None, 503, "close"])
                logged += [int(process.stdout.readline()) for _ in range(chance.randrange(1, 60))]
            os.kill(process.pid, signal.SIGKILL)
            logged += [int(line) for line in process.communicate()[0].splitlines() if line]
            server.trouble = None
            command.main(["flush", server.url])
            seen = {}
            for _, step, value in server.points():
                seen[step] = value
            self.assertEqual([step for step in logged if step not in seen], [])
            self.assertLessEqual(len(seen), len(logged) + 1)
            self.assertEqual(list(seen), sorted(seen))
            self.assertEqual(len(server.runs), 1)

    def test_fork(self):
        server = self.server()
        server.trouble = 503
        delivery = self.begun(server)
        delivery.send(point(1))
        child = os.fork()
        if child == 0:
            delivery.send(point(2))
            os._exit(0 if delivery.waiting == 1 else 1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        server.trouble = None
        self.assertEqual(delivery.flush(), 0)
        self.until(lambda: sorted(step for _, step, _ in server.points()) == [1, 2], "both")


if __name__ == "__main__":
    unittest.main()
