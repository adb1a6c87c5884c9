"""A virtual environment of somebody else's clients, at the versions and digests of a requirements file, for the scripts
beside this one: made the first time, and again when the file changes."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_of(name, requirements):
    """The Python of build/NAME, which is made first when it is not as the file says."""
    venv = ROOT / "build" / name
    subprocess.run([ROOT / "tools/venv", venv, requirements], check=True)
    return venv / "bin/python"


def run_within(name, requirements):
    """Runs the calling script again in build/NAME, unless it runs there already."""
    if Path(sys.prefix).resolve() != (ROOT / "build" / name).resolve():
        python = python_of(name, requirements)
        os.execv(python, [python, *sys.argv])
