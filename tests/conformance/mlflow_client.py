#!/usr/bin/env python3
"""The unmodified MLflow client, and requests of its exact forms, against a tracking server.

    tests/conformance/mlflow_client.py --url http://127.0.0.1:5000     a server that is running
    tests/conformance/mlflow_client.py --oracle                        MLflow's own, started here
    tests/conformance/mlflow_client.py --list
    ... --only search registry.aliases                                 groups, checks, or patterns of them
    ... --client 2                                                     MLflow 2's client, and its server as the oracle

Each check is small, has a name, makes what it needs under names of its own and can be repeated on a used server. What
passes with --oracle is MLflow's own behaviour; checks beyond that are left out there. What MLflow 2 lacks is named in
mlflow_checks/older.py, and printed. Client, server and libraries come from PyPI at the versions and digests of
mlflow_requirements.txt and mlflow2_requirements.txt, into build/mlflow_client and build/mlflow2_client. The server must
allow webhooks to http://127.0.0.1.
"""
import argparse
import contextlib
import fnmatch
import importlib
import io
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
import warnings
from pathlib import Path

from client_environment import run_within

ENVIRONMENTS = {"3": ("mlflow_client", "mlflow_requirements.txt"), "2": ("mlflow2_client", "mlflow2_requirements.txt")}


def options_given():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--client", choices=ENVIRONMENTS, default="3")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[])
    options = parser.parse_args()
    if not options.list and bool(options.url) == options.oracle:
        parser.error("name either --url or --oracle")
    return options


if __name__ == "__main__":
    ENVIRONMENT, REQUIREMENTS = ENVIRONMENTS[options_given().client]
    run_within(ENVIRONMENT, Path(__file__).with_name(REQUIREMENTS))
    # Faults show at once instead of being tried again for minutes; nothing is asked of the internet.
    os.environ.update({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
                       "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet",
                       "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_REGISTRY_URI": "",
                       "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
                       "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1", "MPLCONFIGDIR": tempfile.mkdtemp()})

import mlflow  # noqa: E402
from mlflow_checks import older  # noqa: E402
from mlflow_checks.harness import CHECKS, MLFLOW, Server  # noqa: E402

GROUPS = ("protocol", "experiments", "runs", "metrics", "values", "validation", "search", "inputs", "logged_models",
          "registry", "artifacts", "models", "evaluate", "webhooks")
GROUP_FILES = tuple(f"mlflow_checks/{group}.py" for group in GROUPS)


@contextlib.contextmanager
def oracle():
    """MLflow's own server on a port of its own; its URL."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
                    "MLFLOW_WEBHOOK_CACHE_TTL": "0", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(
            [Path(sys.prefix) / "bin/mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"],
            env=os.environ | settings, cwd=folder, start_new_session=True,
            stdout=open(f"{folder}/log", "wb"), stderr=subprocess.STDOUT)
        try:
            await_health(process, f"http://127.0.0.1:{port}", Path(folder) / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def await_health(process, url, log):
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"MLflow's server did not start:\n{log.read_text()[-3000:]}")


def chosen(patterns):
    for group in GROUPS:
        importlib.import_module(f"mlflow_checks.{group}")
    if not patterns:
        return CHECKS
    wanted = [check for check in CHECKS if any(
        check.name == pattern or check.name.startswith((f"{pattern}.", f"{pattern}[")) or
        fnmatch.fnmatchcase(check.name, pattern) for pattern in patterns)]
    if not wanted:
        raise SystemExit(f"no check is called {' or '.join(patterns)}: see --list")
    return wanted


def failure(check, server):
    """None, or why the check failed."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            check.function(server)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        where = next((frame for frame in reversed(frames) if frame.filename.endswith(GROUP_FILES)), frames[-1])
        words = f"{type(error).__name__}: {str(error)[:600]}"
        return f"{Path(where.filename).name}:{where.lineno}: {words}\n      {where.line}"
    finally:
        while mlflow.active_run():
            mlflow.end_run()
    return None


def run(checks, url):
    mlflow.set_tracking_uri(url)
    server, failed = Server(url), []
    for check in checks:
        begun = time.monotonic()
        why = failure(check, server)
        took = time.monotonic() - begun
        print(f"{'FAILED' if why else 'ok':6} {check.name}" + (f"  ({took:.1f} s)" if took > 3 else ""), flush=True)
        if why:
            failed.append(check.name)
            print(f"    {why}", flush=True)
    return failed


def left_out(checks, reasons):
    """The others, having printed these."""
    unmet = older.unmet([check.name for check in CHECKS])
    assert not unmet, f"no check is called {unmet}"
    for check in checks:
        if why := older.reason(reasons, check.name):
            print(f"none   {check.name}: {why}", flush=True)
    return [check for check in checks if not older.reason(reasons, check.name)]


def main():
    options = options_given()
    checks = chosen(options.only)
    if options.list:
        print("\n".join(check.name for check in checks))
        return
    for name in ("mlflow", "alembic", "py.warnings"):
        logging.getLogger(name).setLevel(logging.ERROR)
    begun = time.monotonic()
    if MLFLOW < 3:
        checks = left_out(checks, older.NOT_ASKED)
    if options.oracle:
        checks = [check for check in checks if not check.beyond]
        checks = left_out(checks, older.NOT_SERVED_BY_ITSELF) if MLFLOW < 3 else checks
        with oracle() as url:
            failed = run(checks, url)
    else:
        failed = run(checks, options.url)
    print(f"{len(checks) - len(failed)} of {len(checks)}, {time.monotonic() - begun:.0f} s"
          + (f"; failed: {' '.join(failed)}" if failed else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
