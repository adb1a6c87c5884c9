#!/usr/bin/env python3
"""Each rule of tidy.py, broken on purpose in a small tree, is named with its remedy."""
import tempfile
import unittest
from pathlib import Path

import tidy

HEAD = "// A file of the test.\n"
GOOD = {
    "ARCHITECTURE.md": "```\nsrc/\n  base/  the base\n  goals/ goals\n```\n",
    "src/MODULES": "base:\ndb: base\nblob: base\ngoals: base db\n",
    "src/base/README.md": "base\n",
    "src/base/text.h": HEAD + "#pragma once\n",
    "src/goals/README.md": "goals, see [base](../base/README.md)\n",
    "src/goals/goal_store.cc": HEAD + '#include "db/database.h"\nauto q = "SELECT a FROM goal";\n',
}
BROKEN = {
    "include-table": {"src/base/text.cc": HEAD + '#include "goals/goal.h"\n'},
    "modules-acyclic": {"src/MODULES": "base: goals\ngoals: base\ndb: base\n"},
    "doors-only": {"src/base/x.cc": HEAD + '#include "goals/goal_store.h"\n'},
    "drivers-in-app": {"src/goals/x.cc": HEAD + '#include "db/sqlite_database.h"\n'},
    "sql-in-stores": {"src/goals/goals.cc": HEAD + 'auto q = "SELECT a FROM goal";\n'},
    "clock": {"src/goals/goals.cc": HEAD + "auto t = std::chrono::system_clock::now();\n"},
    "no-sleeps": {"src/goals/goals.cc": HEAD + "std::this_thread::sleep_for(1ms);\n"},
    "co-await-captures": {"src/goals/goals.cc": HEAD + "auto x = co_await db.Write([name](auto& t) { return t; });\n"},
    "co-await-plain": {"src/goals/goals.cc": HEAD + "auto x = co_await Find(a ? *a : b);\n"},
    "file-heads": {"src/goals/goals.cc": "int x;\n"},
    "pragma-once": {"src/goals/goals.h": HEAD + "int x;\n"},
    "line-length": {"src/goals/goals.cc": HEAD + "int " + "x" * 120 + ";\n"},
    "unfinished": {"src/goals/goals.cc": HEAD + "// TO" + "DO later\n"},
    "machine-words": {"src/goals/goals.cc": HEAD + 'auto p = "/ro' + 'ot/x";\n'},
    "dead-links": {"src/goals/README.md": "[gone](gone.md)\n"},
    "map-complete": {"src/MODULES": "base:\ndb: base\nblob: base\ngoals: base db\nnew: base\n",
                     "src/new/a.cc": HEAD, "src/new/README.md": "new\n"},
    "map-true": {"ARCHITECTURE.md": "```\nsrc/\n  base/  b\n  goals/ g\n  gone/  not there\n```\n"},
    "module-readme": {"src/goals/README.md": "line\n" * 100},
    "routes-guarded": {"src/goals/goals.cc": HEAD + "auto p = net::Permission::kPublic;\n"},
}


def complaints_of(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tidy.check(tidy.Tree(root))


class TidyTest(unittest.TestCase):
    def test_a_tidy_tree_has_no_complaint(self):
        self.assertEqual(complaints_of(GOOD), [])

    def test_every_rule_is_broken_here(self):
        self.assertEqual(set(BROKEN), set(tidy.RULES))

    def test_each_broken_rule_is_named(self):
        for name, change in BROKEN.items():
            with self.subTest(rule=name):
                found = [c for c in complaints_of({**GOOD, **change}) if f"[{name}]" in c]
                self.assertEqual(len(found), 1, found)


if __name__ == "__main__":
    unittest.main()
