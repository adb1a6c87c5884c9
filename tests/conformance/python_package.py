#!/usr/bin/env python3
"""The tests of python/millwright where MLflow can be imported, so that those of its plugin run too.

    tests/conformance/python_package.py
"""
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/conformance"))
from client_environment import run_within  # noqa: E402

if __name__ == "__main__":
    run_within("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))
    found = unittest.defaultTestLoader.discover(str(ROOT / "python/tests"), pattern="*_test.py")
    ended = unittest.TextTestRunner(verbosity=1).run(found)
    if ended.skipped:
        sys.exit(f"{len(ended.skipped)} tests were left out: {ended.skipped[0][1]}")
    sys.exit(0 if ended.wasSuccessful() else 1)
