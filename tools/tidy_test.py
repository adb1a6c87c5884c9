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
    "try-in-list": {"src/goals/goals.cc": HEAD + "const Goal goal{name, TRY(Parse(text))};\n"},
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

# What the rules on braces are about, in a function of a source file.
REFUSED = {
    "try-in-list": ["goals.push_back({name, TRY(Find(name))});", "return Goal{TRY(Find(name)), name};",
                    "goal = {\n    name,\n    CO_TRY(co_await Find(name))};", "Add(Pair{a, Scale(TRY(Find(b)))});",
                    "Goal goal{[&] { return 1; }(), TRY(Find(name))};",
                    "std::unique_ptr<Goal> goal(new Goal(name, TRY(Find(name))));"],
    "co-await-plain": ["co_await feed->Ask({.name = name});", "auto x = CO_TRY(co_await Ask(Query{name, 1}));",
                       "co_await feeds[i].Ask({});", "co_await Nap{wire, duration};"],
}
ALLOWED = ["const Goal goal = TRY(Find(name));", "if (here) {\n  TRY(Find(name));\n}", "Add(name, TRY(Find(name)));",
           "for (const auto& x : TRY(All())) {\n  TRY(Use(x));\n}", "Say(\"{, TRY(\");  // {a, TRY(b)}",
           "const Goal goal{name, [&]() -> Result<int> { return TRY(Find(name)); }()};",
           "auto x = CO_TRY(co_await Read([&](Snapshot& s) -> Result<int> {\n  return Goal{s, name};\n}));",
           "struct Loaded {\n  int a = 0;\n};\nTRY(Load());", "const Query query{name};\nco_await Ask(query);",
           "switch (x) {\n  case kOne: {\n    return TRY(Find('{'));\n  }\n}", "do {\n  TRY(Step());\n} while (more);"]


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

    def test_braces_around_try_and_in_awaited_expressions(self):
        def complaints_on(body):
            text = HEAD + "Task<Result<void>> Act() {\n" + body + "\n}\n"
            return complaints_of({**GOOD, "src/goals/goals.cc": text})
        for name, bodies in REFUSED.items():
            for body in bodies:
                with self.subTest(body=body):
                    self.assertEqual([f"[{name}]" in c for c in complaints_on(body)], [True])
        for body in ALLOWED:
            with self.subTest(body=body):
                self.assertEqual(complaints_on(body), [])


if __name__ == "__main__":
    unittest.main()
