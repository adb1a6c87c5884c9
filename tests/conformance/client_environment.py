"""A virtual environment of somebody else's clients, at the versions and digests of a requirements file, for the scripts
beside this one: made the first time, and again when the file changes."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_of(name, requirements, *pip_options):
    """The Python of build/NAME, which is made first when it is not as the file says."""
    venv = ROOT / "build" / name
    stamp = venv / "requirements"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *pip_options,
                        "--require-hashes", "--only-binary", ":all:", "-r", requirements], check=True)
        stamp.write_text(requirements.read_text())
    return venv / "bin/python"


def run_within(name, requirements, *pip_options):
    """Runs the calling script again in build/NAME, unless it runs there already."""
    if Path(sys.prefix).resolve() != (ROOT / "build" / name).resolve():
        python = python_of(name, requirements, *pip_options)
        os.execv(python, [python, *sys.argv])
