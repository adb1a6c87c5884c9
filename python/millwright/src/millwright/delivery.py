"""Sends records at once while the server answers; else keeps them in a spool that a thread empties, in order.

A record is {"method", "path", "body"}, or {"file", "base", "run", "name"} for a file. Some make something:
{"make": "run", "experiment" or "model", "id": ours}; where the server chose another id, that one stands in every later
record (`ids` in the spool's folder remembers it). What the server refuses is logged and left out: it would be refused
again.
One thread's records arrive in their order; threads do not wait for each other.
"""
import atexit
import json
import logging
import os
import threading
import time
import weakref
from pathlib import Path
from urllib.parse import quote, urlsplit

from .sender import Away, Refused, Sender
from .spool import LIMIT_BYTES, Full, new_spool, orphans

LOG = logging.getLogger("millwright")
POINTS_MAX = 1000
PAUSE_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 20, 30)
SLOW_SECONDS = 1.0  # a call that took longer is the last to wait for the server itself
HEARTBEAT_SECONDS = 30
CLIENT_ID = "millwright.client_id"
IDS = {"run_id", "run_uuid", "experiment_id", "model_id", "source_run_id"}


def spool_root(url):
    """The folder of a server's spools: below MILLWRIGHT_SPOOL_DIR, by default in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    root = Path(os.environ.get("MILLWRIGHT_SPOOL_DIR") or Path(state) / "millwright/spool")
    return root / quote(urlsplit(url).netloc + urlsplit(url).path.rstrip("/"), safe="")


def is_points(record):
    """Nothing but metrics: what is let go first when the spool is full, and what batches are made of."""
    body = record.get("body") or {}
    return record["path"] == "runs/log-batch" and set(body) <= {"run_id", "metrics"}


class Delivery:
    """Everything that one process sends to one server."""

    def __init__(self, url, root=None, limit=None, seconds=5.0, background=True):
        self.sender, self._files = Sender(url, seconds), Sender(url, max(seconds, 60.0))
        self.root = Path(root or spool_root(url))
        self._limit = limit or int(os.environ.get("MILLWRIGHT_SPOOL_BYTES", LIMIT_BYTES))
        self._spool, self._lock, self._wake = None, threading.RLock(), threading.Event()
        self._ids, self._beating, self._heartbeats = {}, {}, True
        self.dropped, self.refused, self._stopped, self._thread = 0, 0, False, None
        self._away_until, self._draining, self._slow = 0.0, threading.Lock(), False
        LIVING.add(self)
        if background and any(self.root.glob("[0-9]*-*")):
            self._start_thread()

    # ---- sending

    def send(self, record):
        """The server's answer, or None: the record waits in the spool, or was refused."""
        try:
            return self._send_or_keep(record)
        except Refused as error:
            self._note_refused(record, error)
            return None

    def make(self, kind, number, path, body):
        """The server's answer to what makes a run or an experiment under our id, or None: it is made later. Raises
        Refused: there is nothing then to log to."""
        return self._send_or_keep({"make": kind, "id": number, "method": "POST", "path": path, "body": body})

    def send_file(self, source, base, run, name):
        """To `name` in the folder `base` of the artifact store, which is that of `run` if one is named."""
        record = {"method": "PUT", "path": "artifact", "base": base, "run": run, "name": name}
        try:
            if self._answers():
                self._put_file(record, source, self._ids)
                return
        except Away as error:
            self._note_away(error)
        except Refused as error:
            self._note_refused(record, error)
            return
        try:
            kept = self._own_spool().keep_file(source)
        except (Full, OSError) as error:
            os.stat(source)  # raises where there is no such file: that is the caller's fault
            self._note_dropped(error)
        else:
            self._keep(dict(record, file=kept))

    @property
    def waiting(self):
        return self._spool.pending if self._spool else 0

    def server_id(self, number):
        """The id by which the server knows what we made."""
        return self._ids.get(number, number)

    def _answers(self):
        return not self.waiting and not self._slow and time.monotonic() >= self._away_until

    def _send_or_keep(self, record):
        if self._answers():
            begun = time.monotonic()
            try:
                return self._pass_on(record, self._ids)
            except Away as error:
                self._note_away(error)
            finally:
                self._note_pace(time.monotonic() - begun)
        self._keep(record)
        return None

    def _keep(self, record):
        if "body" in record:
            record = dict(record, body=translated(record["body"], self._ids))
        try:
            self._own_spool().append([record], droppable=is_points(record))
        except (Full, OSError) as error:
            self._note_dropped(error)
        try:
            self._start_thread()
        except RuntimeError:  # no more threads, or the interpreter is ending: the next start delivers it
            LOG.debug("no thread for the delivery", exc_info=True)
        self._wake.set()

    def _own_spool(self):
        with self._lock:
            if self._spool is None:
                self._spool = new_spool(self.root, self._limit)
            return self._spool

    def _note_away(self, error):
        if not self._away_until:
            LOG.warning("%s; what is logged waits in %s until it answers", error, self.root)
        self._away_until = time.monotonic() + 1.0

    def _note_pace(self, seconds):
        """Of one request: while they are slow, the thread alone waits for them."""
        slow = seconds > SLOW_SECONDS
        if slow and not self._slow:
            LOG.warning("%s took %.1f s to answer; what is logged waits in %s", self.sender.url, seconds, self.root)
        self._slow = slow

    def _note_refused(self, record, error):
        self.refused += 1
        LOG.warning("refused: %s %s: %s", record["method"], record["path"], error)

    def _note_dropped(self, error):
        self.dropped += 1
        if self.dropped == 1:
            LOG.error("not kept, and lost: %s", error)

    # ---- what a record becomes on its way; `ids` are those of its process

    def _pass_on(self, record, ids):
        """Raises Away or Refused."""
        if "make" in record:
            return self._make(record, ids)
        return self.sender.ask(record["method"], in_path(record["path"], ids), translated(record["body"], ids))

    def _make(self, record, ids):
        """What an earlier try has made, if there was one, is found again by our id."""
        body = translated(record["body"], ids)
        made = self._made_before(record, body) if record.get("tried") else None
        answer = made or self.sender.ask("POST", record["path"], body, once=True)
        number = made_id(record["make"], answer)
        if number != record["id"]:
            ids[record["id"]] = number
        return answer

    def _made_before(self, record, body):
        try:
            if record["make"] == "experiment":
                name = {"experiment_name": body["name"]}
                return self.sender.ask("GET", "experiments/get-by-name", name)["experiment"]
            query = {"experiment_ids": [body["experiment_id"]], "max_results": 1,
                     "filter": f"tags.`{CLIENT_ID}` = '{record['id']}'"}
            if record["make"] == "model":
                found = self.sender.ask("POST", "logged-models/search", query)
                return {"model": found["models"][0]} if found.get("models") else None
            found = self.sender.ask("POST", "runs/search", dict(query, run_view_type="ALL"))
            return {"run": found["runs"][0]} if found.get("runs") else None
        except Refused:
            return None

    def _put_file(self, record, source, ids):
        """A folder named while the server was away was a guess: it is asked."""
        base, run = record["base"], record["run"]
        if run and ("file" in record or any(part in ids for part in base.split("/"))):
            got = self.sender.ask("GET", "runs/get", {"run_id": ids.get(run, run)})
            base = urlsplit(got["run"]["info"]["artifact_uri"]).path.strip("/")
        elif not run:
            base = in_path(base, ids)
        with open(source, "rb") as file:
            self._files.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/" + quote(f"{base}/{record['name']}"), file)

    # ---- the thread

    def _start_thread(self):
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="millwright-delivery", daemon=True)
                self._thread.start()

    def _run(self):
        failures, next_beat = 0, 0.0
        while not self._stopped:
            try:
                self._drain_everything()
                if time.monotonic() >= next_beat:
                    self._beat()
                    next_beat = time.monotonic() + HEARTBEAT_SECONDS
                failures, self._away_until = 0, 0.0
                pause = HEARTBEAT_SECONDS
            except Away:
                pause = PAUSE_SECONDS[min(failures, len(PAUSE_SECONDS) - 1)]
                failures += 1
                self._away_until = time.monotonic() + pause + self.sender.seconds
            except Exception:  # a defect here must not end the delivery, nor the training
                LOG.exception("delivery")
                pause = PAUSE_SECONDS[-1]
            self._wait(pause, hurry=failures == 0)

    def _wait(self, seconds, hurry):
        """New records wake it only while the server answers."""
        if hurry:
            self._wake.wait(seconds)
            self._wake.clear()
        else:
            end = time.monotonic() + seconds
            while not self._stopped and time.monotonic() < end:
                self._wake.wait(end - time.monotonic())
                if not self._stopped and self._wake.is_set():
                    self._wake.clear()

    def _drain_everything(self, until=float("inf")):
        """The oldest spool first: it may make the runs that the others log to. Begins no request after `until`."""
        if not self._draining.acquire(timeout=-1 if until == float("inf") else max(0.0, until - time.monotonic())):
            return
        try:
            for spool in orphans(self.root) if not self._stopped else ():
                try:
                    if self._spool and self._spool.folder.name < spool.folder.name:
                        self._drain_own(until)
                    self._drain(spool, self._read_ids(spool), until)
                finally:
                    spool.close()
            self._drain_own(until)
        finally:
            self._draining.release()

    def _drain_own(self, until):
        if self.waiting:
            self._drain(self._spool, self._ids, until)

    def _drain(self, spool, ids, until):
        """Sends what waits, in order; raises Away with what is left still there."""
        for places, records in batches(spool.waiting()):
            if self._stopped or time.monotonic() > until:
                return
            known = len(ids)
            begun = time.monotonic()
            self._send_kept(spool, records, ids)
            self._note_pace(0.0 if "file" in records[0] else time.monotonic() - begun)
            if len(ids) > known:
                write_ids(spool.folder, ids)
            spool.take(places[-1], len(places))
            if "file" in records[0]:
                spool.drop_file(records[0]["file"])

    def _send_kept(self, spool, records, ids):
        """Of points that are refused together those that can are kept."""
        record = merged(records)
        try:
            if "file" in record:
                self._put_file(record, spool.folder / record["file"], ids)
            else:
                self._pass_on(dict(record, tried=True), ids)
        except FileNotFoundError:
            LOG.warning("%s is gone from the spool", record["name"])
        except Refused as error:
            if len(records) == 1:
                self._note_refused(record, error)
            else:
                for one in records:
                    self._send_kept(spool, [one], ids)

    @staticmethod
    def _read_ids(spool):
        try:
            return json.loads((spool.folder / "ids").read_text())
        except (OSError, ValueError):
            return {}

    # ---- heartbeats: a run whose process died is not to be RUNNING for ever

    def begin_run(self, run):
        self._beating[run] = True
        self._start_thread()

    def end_run(self, run):
        self._beating.pop(run, None)

    def _beat(self):
        """A server that does not know heartbeats is not asked again."""
        for run in list(self._beating) if self._heartbeats else []:
            try:
                self.sender.ask("POST", f"/api/v1/runs/{self.server_id(run)}/heartbeat",
                                {"interval_seconds": HEARTBEAT_SECONDS})
            except Refused as error:
                known = error.code == "NOT_FOUND" or error.status not in (404, 405, 501)
                self._heartbeats = self._heartbeats and known

    # ---- the end

    def flush(self, seconds=10.0):
        """Tries to empty the spools now, and begins no request later than that; how many records of this process are
        left."""
        end = time.monotonic() + seconds
        while True:
            try:
                self._drain_everything(end)
                self._away_until = self._away_until if self.waiting else 0.0
            except Away as error:
                LOG.debug("%s", error)
            if not self.waiting or time.monotonic() >= end:
                return self.waiting
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))

    def catch_up(self, seconds):
        """As flush, for what reads: a server that was away a moment ago is not waited for."""
        return self.waiting if time.monotonic() < self._away_until else self.flush(seconds)

    def must_be_there(self):
        """Before what cannot wait in a spool: raises Away at once, where MLflow would try for minutes."""
        if time.monotonic() < self._away_until:
            raise Away(f"{self.sender.url} is away")
        try:
            self.sender.look()
        except Away as error:
            self._note_away(error)
            raise

    def is_there(self):
        try:
            self.must_be_there()
        except Away:
            return False
        return True

    def close(self, seconds=2.0):
        left = self.flush(seconds) if self.waiting else 0
        self._stopped = True
        self._wake.set()
        if left:
            LOG.warning("%d records wait in %s: the next start delivers them, or `python -m millwright flush %s`", left,
                        self.root, self.sender.url)
        done = self._draining.acquire(timeout=self.sender.seconds)  # what the thread is sending at this moment
        if self._spool:
            self._spool.close()
            self._spool = None
        if done:
            self._draining.release()
        LIVING.discard(self)

    def forget(self):
        """In a child after fork: the spool and its thread are the parent's."""
        self._spool, self._thread, self._lock, self._wake = None, None, threading.RLock(), threading.Event()
        self._draining, self._beating = threading.Lock(), {}


def write_ids(folder, ids):
    temporary = folder / "ids.new"
    with open(temporary, "w") as file:
        json.dump(ids, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "ids")


def translated(body, ids):
    """With the server's ids where it did not take ours, however deep."""
    if not ids:
        return body
    if isinstance(body, list):
        return [translated(one, ids) for one in body]
    if isinstance(body, dict):
        return {key: ids.get(value, value) if key in IDS and isinstance(value, str) else translated(value, ids)
                for key, value in body.items()}
    return body


def in_path(path, ids):
    return "/".join(ids.get(part, part) for part in path.split("/")) if ids else path


def made_id(kind, answer):
    if kind == "experiment":
        return answer["experiment_id"]
    return answer["run"]["info"]["run_id"] if kind == "run" else answer["model"]["info"]["model_id"]


def batches(waiting):
    """([places], [records]): points of one run that follow each other go together, up to 1000."""
    places, records, points = [], [], 0
    for place, record in waiting:
        more = len(record["body"]["metrics"]) if is_points(record) else 0
        fits = more and points and points + more <= POINTS_MAX and \
            record["body"]["run_id"] == records[0]["body"]["run_id"]
        if records and not fits:
            yield places, records
            places, records, points = [], [], 0
        places.append(place)
        records.append(record)
        points += more
    if records:
        yield places, records


def merged(records):
    """Several records of points as one."""
    if len(records) == 1:
        return records[0]
    points = [point for record in records for point in record["body"]["metrics"]]
    return dict(records[0], body=dict(records[0]["body"], metrics=points))


LIVING = weakref.WeakSet()
os.register_at_fork(after_in_child=lambda: [delivery.forget() for delivery in list(LIVING)])
atexit.register(lambda: [delivery.close() for delivery in list(LIVING)])
