"""What runs begun through the plugin get by themselves, by environment variables; nothing here ever fails a run.

MILLWRIGHT_CAPTURE=git,environment    capture() of each new run
MILLWRIGHT_HOST_METRICS=10            host_metrics() every 10 seconds until the run ends
"""
import logging
import os
import threading

from .capture import findings
from .host import Measuring

LOG = logging.getLogger("millwright")
MEASURING = {}


def begin_run(store, run):
    wanted = {word.strip() for word in os.environ.get("MILLWRIGHT_CAPTURE", "").lower().split(",")} - {""}
    if wanted:
        everything = bool(wanted & {"1", "true", "on", "all"})
        threading.Thread(target=note, name="millwright-capture", daemon=False, args=(
            store, run, everything or "git" in wanted, everything or "environment" in wanted)).start()
    seconds = interval(os.environ.get("MILLWRIGHT_HOST_METRICS", ""))
    if seconds:
        MEASURING[run.info.run_id] = Measuring(run.info.run_id, store.log_points, seconds)


def end_run(run_id):
    measuring = MEASURING.pop(run_id, None)
    if measuring:
        measuring.stop()


def interval(text):
    try:
        return max(0.0, float(text)) if text else 0.0
    except ValueError:
        LOG.warning("MILLWRIGHT_HOST_METRICS=%s is not a number of seconds", text)
        return 0.0


def note(store, run, git, environment):
    try:
        tags, files = findings(git, environment)
        store.note(run, tags, files)
    except Exception:
        LOG.warning("could not capture what the run runs with", exc_info=True)
