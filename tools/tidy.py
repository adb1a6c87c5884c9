#!/usr/bin/env python3
"""Checks the shape of the tree; runs as a test. Every complaint names its remedy.

    tools/tidy.py             check this checkout
    tools/tidy.py --rules     list the rules
    tools/tidy.py --root DIR  check another tree
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

RULES = {}


def rule(name, says):
    """Registers a rule: a function of the tree that yields (file, line, complaint and remedy)."""
    def register(function):
        RULES[name] = (says, function)
        return function
    return register


class Tree:
    """The files of a checkout: those git knows or would add; every file where there is no git."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        listed = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=False)
        names = listed.stdout.split("\n") if listed.returncode == 0 else [
            str(p.relative_to(self.root)) for p in self.root.rglob("*")]
        self.files = sorted(n for n in names if n and (self.root / n).is_file())
        self.modules = self.read_modules()
        self._text = {}

    def read_modules(self):
        table = {}
        path = self.root / "src/MODULES"
        for line in path.read_text().splitlines() if path.exists() else []:
            match = re.match(r"([a-z]+):(.*)$", line)
            if match:
                table[match[1]] = match[2].split()
        return table

    def text(self, name):
        if name not in self._text:
            self._text[name] = (self.root / name).read_text(errors="replace")
        return self._text[name]

    def lines(self, name):
        return enumerate(self.text(name).splitlines(), 1)

    def sources(self):
        return [n for n in self.files if n.startswith("src/") and n.endswith((".h", ".cc"))]

    def module_of(self, name):
        parts = name.split("/")
        return parts[1] if len(parts) > 2 else None


    def code_files(self):
        return [n for n in self.files if n.endswith((".h", ".cc"))]


def without_comments(line):
    return re.sub(r"//.*", "", line)


NOT_CODE = re.compile(r"""//[^\n]*|R"\(.*?\)"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\[^'\n]{1,4}|\\')'""", re.S)


def code_only(text):
    """The text with comments and literals blanked, each character and line where it was."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


@rule("include-table", "a module includes only the modules that src/MODULES allows it")
def include_table(tree):
    for name in tree.sources():
        module = tree.module_of(name)
        if module not in tree.modules:
            continue
        allowed = set(tree.modules[module]) | {module}
        for number, line in tree.lines(name):
            match = re.match(r'#include "([a-z]+)/', line)
            if match and match[1] not in allowed:
                yield name, number, (f"{module} may not include {match[1]}; declare the question in {module} and let "
                                     f"app/ plug the answer in, or change src/MODULES with a reason")


@rule("modules-acyclic", "src/MODULES lists every folder of src/ once, each module below those that use it")
def modules_acyclic(tree):
    seen = set()
    for module, dependencies in tree.modules.items():
        for dependency in dependencies:
            if dependency not in seen:
                yield "src/MODULES", 1, f"{module} uses {dependency}, not above it; move the line or cut the use"
        seen.add(module)
    for module in sorted({tree.module_of(n) for n in tree.sources()} - {None}):
        if module not in tree.modules:
            yield "src/MODULES", 1, f"src/{module} is not in the table; add a line for it"


@rule("doors-only", "a module's store and plan are its own: others include its door and its nouns")
def doors_only(tree):
    for name in tree.sources():
        module = tree.module_of(name)
        for number, line in tree.lines(name):
            match = re.match(r'#include "([a-z]+)/(?:[a-z_/]*_)?(store|plan)\.h"', line)
            if match and match[1] not in (module, "base", "blob"):
                yield name, number, f"this is {match[1]}'s own; include {match[1]}/{match[1]}.h and call that"


DRIVERS = re.compile(r'#include "(?:db/(?:sqlite|postgres)_\w+|blob/(?:directory|s3)_blobs|'
                     r'exec/(?:process|slurm|ray)_executor)\.h"')


@rule("drivers-in-app", "drivers are named only in app/, in their own folder and in tests")
def drivers_in_app(tree):
    for name in tree.sources():
        if name.endswith(("_test.cc", "_contract.h")) or tree.module_of(name) == "app":
            continue
        for number, line in tree.lines(name):
            match = DRIVERS.match(line)
            if match and f'"{tree.module_of(name)}/' not in line:
                yield name, number, "take the port (database.h, blob_store.h, executor.h); app/ chooses the driver"


SQL = re.compile(r'"\s*(SELECT\s.+\sFROM\s|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|WITH RECURSIVE)')


@rule("sql-in-stores", "SQL stands in *_store.cc, *_schema.cc, db/ and data/ only")
def sql_in_stores(tree):
    for name in tree.sources():
        if tree.module_of(name) in ("db", "data") or name.endswith(("_store.cc", "_schema.cc", "_test.cc")):
            continue
        if tree.module_of(name) == "steps":  # a step's SQL is DuckDB's, over files
            continue
        for number, line in tree.lines(name):
            if SQL.search(line):
                yield name, number, "move the statement into the module's *_store.cc and give it a function there"


CLOCK = re.compile(r"\b(system_clock::now|steady_clock::now|high_resolution_clock|clock_gettime|gettimeofday|"
                   r"std::time\(|\btime\((NULL|nullptr|0)\))")


@rule("clock", "only base/clock.cc asks what time it is (tests may, and mw-shim, which has no project library)")
def clock(tree):
    for name in tree.sources():
        if name in ("src/base/clock.cc",) or name.startswith("src/exec/shim_") or name.endswith("_test.cc"):
            continue
        for number, line in tree.lines(name):
            if CLOCK.search(without_comments(line)):
                yield name, number, "take a Clock& (base/clock.h), so that tests run on simulated time"


@rule("no-sleeps", "tests and code wait for events, not for time")
def no_sleeps(tree):
    for name in tree.sources():
        for number, line in tree.lines(name):
            if re.search(r"\b(sleep_for|sleep_until|usleep\(|nanosleep\()", without_comments(line)):
                if "NOLINT(no-sleeps)" not in line:
                    yield name, number, "wait for the event itself, or poll with a deadline (NOLINT(no-sleeps): reason)"


def awaited_expressions(text):
    """(line, expression) of each co_await, up to where its statement or enclosing bracket ends."""
    for match in re.finditer(r"co_await\s", text):
        depth, end = 0, match.end()
        while end < len(text):
            if text[end] in "([{":
                depth += 1
            elif text[end] in ")]}":
                depth -= 1
            if depth < 0 or (depth == 0 and text[end] == ";"):
                break
            end += 1
        yield text[:match.start()].count("\n") + 1, text[match.end():end]


@rule("co-await-captures", "a lambda inside a co_await expression captures by reference only")
def co_await_captures(tree):
    for name in tree.sources():
        code = re.sub(r"//[^\n]*", "", tree.text(name))
        for line, expression in awaited_expressions(code):
            for captures in re.findall(r"[(,=\s]\[([^\]\[]*)\]\s*(?:\(|mutable|\{)", expression):
                by_value = [c for c in captures.split(",") if c.strip() and not re.match(r"\s*(&|this$)", c)]
                if by_value:
                    yield name, line, (f"[{captures}]: capture by reference, since the awaiting coroutine keeps its "
                                       "locals alive, or name the lambda first; GCC 12 destroys such copies twice")


@rule("co-await-plain", "an awaited expression has no ?:, no second CO_TRY and no braced list inside")
def co_await_plain(tree):
    for name in tree.code_files():
        for line, expression in awaited_expressions(code_only(tree.text(name))):
            # Bodies of lambdas are their own.
            argument = re.sub(r"(?<![\w)\]])\[[^\]]*\][^{};]*\{.*\}", "", expression, flags=re.S)
            if "?" in argument or "CO_TRY(" in argument:
                yield name, line, "give the inner value a name first; GCC 12 destroys such temporaries twice"
            elif "{" in argument:
                yield name, line, ("give what the braces make a name first, `const T value{...}; co_await F(value)`; "
                                   "GCC 12 destroys the members of such temporaries twice")


BLOCK = re.compile(r"(?:[)\];{}:]|\b(?:else|do|try|const|noexcept|override|final|mutable)|"
                   r"->[^;{}()]*|\b(?:struct|class|union|enum|namespace)\b[^;{}()]*|^)\s*$")


def bracket_kind(code, at):
    """Whether the bracket at that place opens a block of statements, a list that leaks (braced, or of what `new` is
    given, whose memory is there before the list), or neither."""
    if code[at] != "{":
        return "list" if re.search(r"\bnew [\w:<>, ]+$", code[max(0, at - 120):at]) else "group"
    return "block" if BLOCK.search(code[max(0, at - 200):at]) else "list"


@rule("try-in-list", "no TRY or CO_TRY stands in a braced list or in what new is given")
def try_in_list(tree):
    for name in tree.code_files():
        code = code_only(tree.text(name))
        open_brackets = []
        for match in re.finditer(r"[][(){}]|\b(?:CO_)?TRY(?=\()", code):
            if match[0] in "([{":
                open_brackets.append(bracket_kind(code, match.start()))
            elif match[0] in ")]}":
                del open_brackets[-1:]
            elif next((kind for kind in reversed(open_brackets) if kind != "group"), "block") == "list":
                yield name, code.count("\n", 0, match.start()) + 1, (
                    "take the value before the list, `const T value = TRY(...);`, and name it in the list; on its "
                    "early return GCC 12 never destroys what the list has made so far, nor frees what new has")


@rule("file-heads", "every source file begins with a comment that says what it is")
def file_heads(tree):
    for name in tree.files:
        if not name.endswith((".h", ".cc", ".ts", ".tsx")):
            continue
        first = tree.text(name)[:3]
        if not first.startswith(("//", "/*")):
            yield name, 1, "begin with a comment: what this is, who owns it, which threads, the one invariant"


@rule("pragma-once", "headers say #pragma once")
def pragma_once(tree):
    for name in tree.sources():
        if name.endswith(".h") and "#pragma once" not in tree.text(name):
            yield name, 1, "add #pragma once below the file's head"


@rule("line-length", "no line of code is longer than 120 columns")
def line_length(tree):
    for name in tree.files:
        if name.endswith((".h", ".cc", ".py", ".cmake")):
            for number, line in tree.lines(name):
                if len(line) > 120 and "http" not in line and 'R"' not in line:
                    yield name, number, f"{len(line)} columns; break the line (make fmt)"


@rule("unfinished", "no note of work left undone stands in the tree")
def unfinished(tree):
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    for name in tree.files:
        if name.endswith((".h", ".cc", ".py", ".md", ".cmake", ".ts", ".tsx", ".yaml")):
            for number, line in tree.lines(name):
                if words.search(line):
                    yield name, number, "do it, or open an issue and delete the note"


@rule("machine-words", "no path of somebody's machine and no registry's host name")
def machine_words(tree):
    words = re.compile(r"/(?:work|home/\w+|root)/|registry\.npmjs|pypi\.org|deb\.debian\.org|repo1\.maven")
    for name in tree.files:
        if name.startswith("tools/tidy") or not name.endswith(
                (".h", ".cc", ".py", ".md", ".cmake", ".yaml", ".sh", ".sql", ".json", "Makefile")):
            continue
        for number, line in tree.lines(name):
            if words.search(line):
                yield name, number, "write it relative to the checkout, or name the package and not the host"


@rule("dead-links", "links in Markdown lead to files that are there")
def dead_links(tree):
    for name in tree.files:
        if not name.endswith(".md"):
            continue
        for number, line in tree.lines(name):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`]*`", "", line)):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not ((tree.root / name).parent / target).exists():
                    yield name, number, f"{target} does not exist; mend the link"


@rule("map-complete", "ARCHITECTURE.md names every folder of src/ and every folder of the root")
def map_complete(tree):
    if "ARCHITECTURE.md" not in tree.files:
        yield "ARCHITECTURE.md", 1, "the map is missing; write it"
        return
    text = tree.text("ARCHITECTURE.md")
    folders = {n.split("/")[0] for n in tree.files if "/" in n and not n.startswith(".")}
    folders |= {n.split("/")[1] for n in tree.sources() if n.count("/") > 1}
    for folder in sorted(folders):
        if not re.search(rf"\b{re.escape(folder)}/", text):
            yield "ARCHITECTURE.md", 1, f"the folder {folder}/ is not on the map; add a line that says what it is"
    if text.count("\n") > 250:
        yield "ARCHITECTURE.md", 250, "longer than 250 lines; move detail into the modules' README.md"


@rule("map-true", "folders that ARCHITECTURE.md's map names are there")
def map_true(tree):
    if "ARCHITECTURE.md" not in tree.files:
        return
    inside = False
    for number, line in tree.lines("ARCHITECTURE.md"):
        if line.startswith("```"):
            inside = not inside
        match = re.match(r"  ([a-z]+)/\s", line) if inside else None
        if match and not (tree.root / "src" / match[1]).is_dir():
            yield "ARCHITECTURE.md", number, f"src/{match[1]} does not exist; take it off the map until it does"


@rule("module-readme", "every module has a README.md of at most 90 lines: what, nouns, picture, invariants")
def module_readme(tree):
    for module in tree.modules:
        name = f"src/{module}/README.md"
        if any(n.startswith(f"src/{module}/") for n in tree.sources()):
            if name not in tree.files:
                yield name, 1, "write it: what the module is, its nouns, one picture, its invariants"
            elif tree.text(name).count("\n") > 90:
                yield name, 90, "too long to be read before work; keep what a newcomer needs"


@rule("routes-guarded", "every route is made with a permission: routes are Route(...) of net/route.h only")
def routes_guarded(tree):
    for name in tree.sources():
        if tree.module_of(name) in ("net",) or name.endswith("_test.cc"):
            continue
        for number, line in tree.lines(name):
            if "Permission::kPublic" in line and tree.module_of(name) not in ("api", "app"):
                yield name, number, "public routes are declared in api/ alone, where their list is tested"


def check(tree):
    complaints = []
    for name, (_, function) in RULES.items():
        for file, line, what in function(tree):
            complaints.append(f"{file}:{line}: [{name}] {what}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--rules", action="store_true")
    options = parser.parse_args()
    if options.rules:
        for name, (says, _) in RULES.items():
            print(f"{name:16} {says}")
        return 0
    complaints = check(Tree(options.root))
    print("\n".join(complaints) if complaints else f"tidy: {len(RULES)} rules hold")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
