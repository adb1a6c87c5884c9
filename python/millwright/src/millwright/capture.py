"""What a run runs with: the commit, what differs from it, the packages. Texts become artifacts, the rest tags."""
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata

DIFF_BYTES_MAX = 10 << 20
ARGUMENTS_MAX = 8000  # what a tag holds


def capture(run_id=None, git=True, environment=True):
    """Notes it on a run, by default the active one, with the MLflow client that is set up."""
    import mlflow
    if run_id is None:
        active = mlflow.active_run()
        if active is None:
            raise ValueError("no run is active: start one, or name run_id")
        run_id = active.info.run_id
    tags, files = findings(git, environment)
    client = mlflow.MlflowClient()
    client.log_batch(run_id, tags=[mlflow.entities.RunTag(*tag) for tag in tags.items()])
    for name, text in files.items():
        client.log_text(run_id, text, name)


def findings(git=True, environment=True, folder=None):
    """(tags, {artifact's name: text})."""
    tags, files = {}, {}
    for wanted, look in ((git, lambda: git_findings(folder or os.getcwd())), (environment, environment_findings)):
        if wanted:
            more_tags, more_files = look()
            tags.update(more_tags)
            files.update(more_files)
    return tags, files


def run_git(folder, *words):
    """Its output; None where there is no git or no repository."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=30, check=True,
                              env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"})
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")


def git_findings(folder):
    top = run_git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return {}, {}
    top = top.rstrip("\n")
    commit = (run_git(top, "rev-parse", "HEAD") or "").strip()
    against = commit or "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name for an empty tree
    diff = run_git(top, "diff", "--binary", "--no-color", "--no-ext-diff", against) or ""
    untracked = run_git(top, "ls-files", "--others", "--exclude-standard") or ""
    tags = {"mlflow.source.git.commit": commit,
            "mlflow.source.git.branch": (run_git(top, "rev-parse", "--abbrev-ref", "HEAD") or "").strip(),
            "mlflow.source.git.repoURL": without_password((run_git(top, "remote", "get-url", "origin") or "").strip()),
            "millwright.git.dirty": "true" if diff or untracked else "false",
            "millwright.git.folder": folder_within(top, folder)}
    files = {"code/uncommitted.diff": shortened(diff)} if diff else {}
    if untracked:
        files["code/untracked.txt"] = untracked
    return {key: value for key, value in tags.items() if value}, files


def folder_within(top, folder):
    """Where in the repository it ran; empty at its top."""
    within = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    return "" if within == os.curdir else within


def shortened(diff):
    """A patch that was cut would apply in part: one that is too long is named, not kept."""
    size = len(diff.encode())
    return diff if size <= DIFF_BYTES_MAX else f"# {size} bytes differ, more than {DIFF_BYTES_MAX}: not kept\n"


def without_password(url):
    return re.sub(r"^(\w+://)[^@/]*@", r"\1", url)


def environment_findings():
    lock = requirements()
    machine = {"python": platform.python_version(), "implementation": platform.python_implementation(),
               "executable": sys.executable, "platform": platform.platform(), "machine": platform.machine(),
               "host": platform.node(), "processors": os.cpu_count(), "arguments": sys.argv}
    tags = {"millwright.python": platform.python_version(),
            "millwright.environment_digest": hashlib.sha256(lock.encode()).hexdigest()}
    words = json.dumps(command_words(sys.argv, os.getcwd()))
    if len(words) <= ARGUMENTS_MAX:
        tags["millwright.arguments"] = words
    return (tags,
            {"environment/requirements.txt": lock, "environment/machine.json": json.dumps(machine, indent=1) + "\n"})


def command_words(words, folder):
    """The program and its arguments; a program below the folder by its place there, which a clone has too."""
    words = list(words)
    if words and os.path.isabs(words[0]):
        within = os.path.relpath(words[0], folder)
        words[0] = words[0] if within.startswith(os.pardir) else within
    return words


def requirements():
    """Every distribution that can be imported, as name==version, the first found of each name."""
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))
