#!/usr/bin/env python3
"""The tests of python/millwright where MLflow can be imported, so that those of its plugin run too: with MLflow 3, then
with MLflow 2.

    tests/conformance/python_package.py
    ... --client 2                                 with MLflow 2 alone
"""
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/conformance"))
from client_environment import run_within  # noqa: E402

NEWER_ONLY = "MLflow 2 has no logged models"

if __name__ == "__main__":
    older = sys.argv[1:] == ["--client", "2"]
    run_within(*(("mlflow2_client", Path(__file__).with_name("mlflow2_requirements.txt")) if older else
                 ("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))))
    found = unittest.defaultTestLoader.discover(str(ROOT / "python/tests"), pattern="*_test.py")
    ended = unittest.TextTestRunner(verbosity=1).run(found)
    skipped = [(test, why) for test, why in ended.skipped if not (older and why == NEWER_ONLY)]
    if skipped:
        sys.exit(f"{len(skipped)} tests were left out: {skipped[0][1]}")
    if not ended.wasSuccessful():
        sys.exit(1)
    if not older:
        sys.exit(subprocess.run([sys.executable, __file__, "--client", "2"], check=False).returncode)
