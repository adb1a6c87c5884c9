#!/usr/bin/env python3
"""Restarts PostgreSQL, gently and with kill, while many clients log over MLflow's API: they are told to wait and go on
by themselves, nothing is lost or doubled, and the control plane never ends. Runs within tools/with-postgres, and
restarts its server."""
import collections
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from crash_rounds import arguments, call, run_rounds, wait_for
from tracking_load import Load

PG_CTL = "/usr/lib/postgresql/15/bin/pg_ctl"


class Postgres:
    """The server of tools/with-postgres."""

    def __init__(self, conninfo):
        self.directory = Path(dict(word.split("=", 1) for word in shlex.split(conninfo))["host"])
        self.url = f"postgresql:///postgres?host={self.directory}&user=millwright"
        owner = os.stat(self.directory / "data").st_uid
        self.as_owner = ["setpriv", f"--reuid={owner}", "--clear-groups", "--"] if os.getuid() != owner else []

    def control(self, *words):
        done = subprocess.run([*self.as_owner, PG_CTL, *words, "--wait", "--silent", "--pgdata",
                               self.directory / "data", "--log", self.directory / "log"], cwd="/",
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def kill(self):
        """The postmaster alone, by the number in its file; its children notice."""
        os.kill(int((self.directory / "data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def start(self):
        """After a kill: not before the last child has let the memory go."""
        def started():
            try:
                self.control("start")
                return True
            except AssertionError:
                return False
        wait_for("PostgreSQL's start", 30, started)


def strike(postgres, how, away):
    if how == "kill":
        postgres.kill()
        time.sleep(away)
        postgres.start()
    else:
        postgres.control("stop", f"--mode={how}")
        time.sleep(away)
        postgres.control("start")


def one_round(platform, postgres, seed, options):
    chance = random.Random(seed)
    counts = collections.Counter()
    load = Load(platform, seed, options.writers, runs=4)
    load.start()
    try:
        for _ in range(2):
            time.sleep(chance.uniform(0.1, 0.8))
            how = chance.choice(["fast", "immediate", "kill"])
            strike(postgres, how, chance.choice([0, 0.5]))
            counts[f"restarts, {how}"] += 1
        time.sleep(chance.uniform(0.1, 0.5))
    finally:
        counts.update(load.end())
    assert platform.process.poll() is None, "the control plane ended"
    assert counts["lost connections"] == 0, "clients lost their connection for a database's sake"
    assert wait_for("readiness", 30, lambda: call(platform.control(), "GET", "/ready")[0] == 200)
    load.check()
    return counts


def main():
    parser = arguments(__doc__, 5)
    parser.add_argument("--writers", type=int, default=32)
    options = parser.parse_args()
    postgres = Postgres(os.environ["MILLWRIGHT_TEST_POSTGRES"])
    counts = collections.Counter()
    passed, failed = run_rounds(
        options, lambda platform, directory: None,
        lambda platform, directory, seed: counts.update(one_round(platform, postgres, seed, options)),
        ["--database", postgres.url])
    print(", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    print(f"rounds: {passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
