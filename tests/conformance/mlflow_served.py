#!/usr/bin/env python3
"""The unmodified clients of MLflow 3 and 2 against one live `millwright up`: every check of the groups that are served
must pass.

    tests/conformance/mlflow_served.py
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
from crash_rounds import Platform  # noqa: E402

GROUPS = ("protocol", "experiments", "runs", "metrics", "values", "validation", "search", "inputs", "artifacts",
          "registry", "webhooks", "logged_models", "models", "evaluate")


def checked(platform, client):
    """What that client's checks print, its lines that passed and those that failed."""
    asked = subprocess.run(
        [sys.executable, ROOT / "tests/conformance/mlflow_client.py", "--url", f"http://{platform.control()}",
         "--client", client, "--only", *GROUPS], stdout=subprocess.PIPE, text=True, timeout=900, check=False,
        env=os.environ | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"})
    lines = asked.stdout.splitlines()
    passed = {line[7:].split("  (")[0] for line in lines if line.startswith("ok ")}
    assert len(passed) > 250, asked.stdout[-4000:]
    others = "\n".join(line for line in lines if not line.startswith("ok "))
    assert asked.returncode == 0, f"MLflow {client}:\n{others}"
    print(f"MLflow {client}: {len(passed)} checks passed")


def main():
    with tempfile.TemporaryDirectory() as directory:
        platform = Platform(directory, ["--webhook-allow", "127.0.0.1"])
        try:
            platform.start()
            for client in ("3", "2"):
                checked(platform, client)
        finally:
            platform.stop()


if __name__ == "__main__":
    main()
