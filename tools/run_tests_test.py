"""run_tests.py over a real ctest: what is tried again, what is not, and what the run says of it."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_tests.py")


def run_on(tests, disabled=()):
    """(exit code, output) of tests given as {name: shell command}; $TRIES counts the command's own runs."""
    with tempfile.TemporaryDirectory() as directory:
        lines = []
        for name, command in tests.items():
            script = f"echo run >> '{name}.tries'; TRIES=$(wc -l < '{name}.tries'); {command}"
            lines.append(f'add_test([==[{name}]==] "sh" "-c" [==[{script}]==])')
            lines.append(f"set_tests_properties([==[{name}]==] PROPERTIES TIMEOUT 2 DISABLED {name in disabled})")
        with open(os.path.join(directory, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        done = subprocess.run([sys.executable, TOOL, "--test-dir", directory], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout


class RunTestsTest(unittest.TestCase):
    def test_what_passes_is_run_once(self):
        code, output = run_on({"good": "[ $TRIES = 1 ]"})
        self.assertEqual(code, 0, output)
        self.assertNotIn("==", output)

    def test_a_failure_is_tried_again_and_named(self):
        code, output = run_on({"good": "true", "flaky": "[ $TRIES = 2 ]"})
        self.assertEqual(code, 0, output)
        self.assertIn("== FAILED ONCE, run again: flaky (Failed)", output)
        self.assertIn("== PASSED ONLY AT THE SECOND TRY, look at the first above: flaky (Failed)", output)

    def test_names_may_be_of_types(self):
        name = "Suite.Test<mw::(anonymous namespace)::Kind[2]+>"
        code, output = run_on({name: "[ $TRIES = 2 ]", "other": "true"})
        self.assertEqual(code, 0, output)
        self.assertIn(f"SECOND TRY, look at the first above: {name} (Failed)", output)

    def test_a_timeout_is_tried_again(self):
        code, output = run_on({"slow": "[ $TRIES = 2 ] || exec sleep 60"})
        self.assertEqual(code, 0, output)
        self.assertIn("slow (Timeout)", output)

    def test_what_is_disabled_has_not_failed(self):
        code, output = run_on({"helper": "true", "flaky": "[ $TRIES = 2 ]"}, disabled=("helper",))
        self.assertEqual(code, 0, output)
        self.assertNotIn("helper (", output.replace("helper (Disabled)", ""))

    def test_what_fails_twice_fails(self):
        code, output = run_on({"bad": "false"})
        self.assertEqual(code, 1, output)
        self.assertIn("== FAILED TWICE: bad (Failed)", output)

    def test_a_crash_fails_the_run_however_it_would_go_again(self):
        for signal, how in (("SEGV", "SegFault"), ("ABRT", "aborted"), ("KILL", "Exception")):
            code, output = run_on({"crashes": f"[ $TRIES = 2 ] || kill -{signal} $$", "flaky": "[ $TRIES = 2 ]"})
            self.assertEqual(code, 1, output)
            self.assertRegex(output, f"== ENDED BY A SIGNAL, not run again: crashes .*{how}")
            self.assertIn("SECOND TRY", output)


if __name__ == "__main__":
    unittest.main()
