"""Capture: the diff applies, the lock is this environment's; outside of a repository nothing is wrong."""
import subprocess
import sys
import unittest
from unittest import mock

from support import Case

from millwright.capture import (command_words, environment_findings, findings, git_findings, requirements,
                                without_password)


class CaptureTest(Case):
    def git(self, *words, folder="repo"):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", self.folder / folder, *words],
                              check=True, capture_output=True, text=True).stdout

    def repository(self):
        (self.folder / "repo/sub").mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        (self.folder / "repo/a.py").write_text("one\n")
        (self.folder / "repo/b.bin").write_bytes(bytes(range(256)))
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "first")
        return self.folder / "repo"

    def test_clean(self):
        repo = self.repository()
        tags, files = git_findings(repo / "sub")
        self.assertEqual(tags["mlflow.source.git.commit"], self.git("rev-parse", "HEAD").strip())
        self.assertEqual((tags["mlflow.source.git.branch"], tags["millwright.git.dirty"]), ("main", "false"))
        self.assertEqual(tags["millwright.git.folder"], "sub")
        self.assertNotIn("millwright.git.folder", git_findings(repo)[0])
        self.assertEqual(files, {})

    def test_diff_applies(self):
        repo = self.repository()
        (repo / "a.py").write_text("two\nthree\n")
        (repo / "b.bin").write_bytes(bytes(range(255, -1, -1)))
        (repo / "staged.py").write_text("new\n")
        self.git("add", "staged.py")
        (repo / "loose.py").write_text("x")
        tags, files = git_findings(repo / "sub")
        self.assertEqual(tags["millwright.git.dirty"], "true")
        self.assertEqual(files["code/untracked.txt"], "loose.py\n")
        wanted = {name: (repo / name).read_bytes() for name in ("a.py", "b.bin", "staged.py")}
        self.git("stash")
        (self.folder / "diff").write_text(files["code/uncommitted.diff"])
        self.git("apply", str(self.folder / "diff"))
        self.assertEqual({name: (repo / name).read_bytes() for name in wanted}, wanted)

    def test_no_repository_and_no_commit(self):
        self.assertEqual(git_findings(self.folder), ({}, {}))
        (self.folder / "repo").mkdir()
        self.git("init", "--quiet")
        (self.folder / "repo/a").write_text("a\n")
        self.git("add", "a")
        tags, files = git_findings(self.folder / "repo")
        self.assertIn("+a", files["code/uncommitted.diff"])
        self.assertNotIn("mlflow.source.git.commit", tags)

    def test_arguments(self):
        self.assertEqual(command_words(["/a/b/c/train.py", "/a/b/x", "it's"], "/a/b"), ["c/train.py", "/a/b/x", "it's"])
        self.assertEqual(command_words(["/a/other/train.py"], "/a/b"), ["/a/other/train.py"])
        with mock.patch.object(sys, "argv", ["train.py", "--rate", "0.1"]):
            self.assertEqual(environment_findings()[0]["millwright.arguments"], '["train.py", "--rate", "0.1"]')
        with mock.patch.object(sys, "argv", ["train.py", "x" * 8000]):
            self.assertNotIn("millwright.arguments", environment_findings()[0])

    def test_passwords(self):
        self.assertEqual(without_password("https://me:secret@host/x.git"), "https://host/x.git")
        self.assertEqual(without_password("git@host:x.git"), "git@host:x.git")

    def test_environment(self):
        tags, files = environment_findings()
        self.assertEqual(tags["millwright.python"], sys.version.split()[0])
        self.assertEqual(files["environment/requirements.txt"], requirements())

    def test_lock(self):
        """Sorted, by normal names; of two of one name that which is imported."""
        for place, name, version in (("first", "Some_Thing.x", "1.5"), ("second", "some-thing-x", "0.1"),
                                     ("second", "another", "2")):
            folder = self.folder / place / f"{name}-{version}.dist-info"
            folder.mkdir(parents=True)
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        with mock.patch.object(sys, "path", [str(self.folder / "first"), str(self.folder / "second")]):
            self.assertEqual(requirements(), "another==2\nsome-thing-x==1.5\n")

    def test_switches(self):
        self.assertEqual(findings(git=False, environment=False), ({}, {}))


if __name__ == "__main__":
    unittest.main()
