#!/usr/bin/env python3
"""Runs ctest, and what failed a second time: tools/run_tests.py CTEST_ARGUMENT...

A test may fail on a machine that is busy with others, so a failure or a timeout is tried again, and the run says which
tests passed only then. A test that a signal ended (a crash, an assertion, a sanitizer's abort) is not: one crash is a
fault however often it goes well. Exit code 0 when every test passed, at the first or the second try.
"""
import re
import subprocess
import sys

# " 3/50 Test  #3: mw_db_test ......***Failed    1.23 sec", "... Subprocess aborted***Exception:   0.1 sec"
_FAILED = re.compile(r"Test\s+#\d+: (.+?) \.{3,}\s*(.*?\*\*\*.*?)\s+\d+\.\d+ sec")


def failure_in(line):
    """(test, how it failed) of a line of ctest's, or None."""
    found = _FAILED.search(line)
    if found and "(Disabled)" in found[2]:
        return None
    return (found[1], found[2].replace("***", " ").strip(" :")) if found else None


def run(arguments):
    """ctest's exit code, and {test: how it failed}."""
    failures = {}
    with subprocess.Popen(["ctest", *arguments], stdout=subprocess.PIPE, text=True, errors="replace") as ctest:
        for line in ctest.stdout:
            print(line, end="", flush=True)
            failure = failure_in(line)
            if failure:
                failures[failure[0]] = failure[1]
    return ctest.returncode, failures


def listed(failures):
    return ", ".join(f"{test} ({how})" for test, how in sorted(failures.items()))


def main(arguments):
    code, failures = run(arguments)
    if code == 0 or not failures:
        return code
    crashed = {test: how for test, how in failures.items() if "Exception" in how}
    again = {test: how for test, how in failures.items() if test not in crashed}
    if again:
        print(f"\n== FAILED ONCE, run again: {listed(again)}", flush=True)
        only = "^(" + "|".join(re.escape(test) for test in sorted(again)) + ")$"
        code, failures = run([*arguments, "--tests-regex", only])
        if code == 0:
            print(f"\n== PASSED ONLY AT THE SECOND TRY, look at the first above: {listed(again)}", flush=True)
        else:
            print(f"\n== FAILED TWICE: {listed(failures)}", flush=True)
    if crashed:
        print(f"\n== ENDED BY A SIGNAL, not run again: {listed(crashed)}", flush=True)
    return 1 if crashed or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
