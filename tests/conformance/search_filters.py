#!/usr/bin/env python3
"""Filters and orders of searches: Millwright's parser against MLflow's own, and LIKE against SQLite's.

    tests/conformance/search_filters.py [--programs build/release/bin] [--count 3000] [--seed 1] [--all]

Every text goes to `search_filters`, to MLflow's parser and to a database store of MLflow's on an empty SQLite file.
Both must accept it and read the same, or refuse it in the same words (Python's sets print in any order: in the words
before them; damaged texts in any words). What differs on purpose is in DIFFERENCES, with a reason; each must be met at
least once, and nothing else may differ. Prints a table of them; --all prints every text that differs. MLflow comes from
PyPI at the versions and digests of mlflow_requirements.txt, into build/mlflow_client.
"""
import argparse
import collections
import json
import logging
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from client_environment import ROOT, run_within

if __name__ == "__main__":
    run_within("mlflow_client", Path(__file__).with_name("mlflow_requirements.txt"))

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow.entities import ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore  # noqa: E402
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore  # noqa: E402
from mlflow.utils.search_utils import (  # noqa: E402
    SearchExperimentsUtils, SearchLoggedModelsUtils, SearchModelUtils, SearchModelVersionUtils, SearchUtils)

NULL_TESTS = ["IS NULL", "IS NOT NULL", "is null"]


# ---- MLflow's side

class Kind:
    """One kind of search: MLflow's parser, its store's own answer, and what its filters and orders are made of."""

    def __init__(self, utils, search, parse_order, aliases, **parts):
        self.utils, self.search, self.parse_order, self.aliases = utils, search, parse_order, aliases
        self.metrics = parts.get("metrics", [])
        self.free_texts = parts.get("free_texts", ["tag", "tags"])
        self.prefixes = parts.get("prefixes", ["", "attribute."])
        self.texts, self.numbers = parts["texts"], parts.get("numbers", [])
        self.lists = parts.get("lists", [])
        self.null_tests = parts.get("null_tests", [])
        self.orders = parts["orders"]


def kinds(folder):
    uri = f"sqlite:///{folder}/mlflow.db"
    tracking, registry = TrackingStore(uri, str(folder)), RegistryStore(uri)
    experiment = [tracking.create_experiment("empty")]

    def registered_model_order(text):
        return ("attribute", *SearchUtils.parse_order_by_for_search_registered_models(text))

    return {
        "runs": Kind(SearchUtils, lambda f, o: tracking.search_runs(experiment, f, ViewType.ALL, 10, o),
                     SearchUtils.parse_order_by_for_search_runs,
                     {"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name",
                      "Run Name": "run_name"},
                     metrics=["metric", "metrics", "`metrics`"],
                     free_texts=["params", "param", "parameter", "parameters", "tag", "tags"], null_tests=NULL_TESTS,
                     prefixes=["", "attribute.", "attr.", "attributes.", "run."],
                     texts=["run_id", "run_name", "status", "artifact_uri", "user_id", "`Run Name`", '"run name"'],
                     numbers=["start_time", "end_time", "Created", "created"],
                     lists=["run_id", "attr.run_id", "dataset.name", "datasets.digest", "dataset.context"],
                     orders=["start_time", "attr.end_time", "run_id", "status", "Created", "user_id", "run_name",
                             "`run name`", "dataset.name"]),
        "experiments": Kind(SearchExperimentsUtils,
                            lambda f, o: tracking.search_experiments(ViewType.ALL, 10, f, o),
                            SearchExperimentsUtils.parse_order_by_for_search_experiments, {},
                            prefixes=["", "attribute.", "attributes."],
                            null_tests=NULL_TESTS, texts=["name", "`name`", "experiment_id"],
                            numbers=["creation_time", "last_update_time"], lists=["experiment_id"],
                            orders=["name", "experiment_id", "creation_time", "attribute.last_update_time", "`name`"]),
        "registered_models": Kind(SearchModelUtils, lambda f, o: registry.search_registered_models(f, 10, o),
                                  registered_model_order, {"timestamp": "last_updated_timestamp"}, texts=["name"],
                                  lists=["name"],
                                  orders=["name", "timestamp", "last_updated_timestamp"]),
        "model_versions": Kind(SearchModelVersionUtils, lambda f, o: registry.search_model_versions(f, 10, o),
                               SearchModelVersionUtils.parse_order_by_for_search_model_versions, {},
                               texts=["name", "run_id", "source_path"], numbers=["version_number"],
                               lists=["run_id", "name"],
                               orders=["name", "version_number", "creation_timestamp", "last_updated_timestamp"]),
        "logged_models": Kind(SearchLoggedModelsUtils,
                              lambda f, o: tracking.search_logged_models(experiment, f, None, 10, o),
                              SearchLoggedModelsUtils.parse_order_by_for_logged_models,
                              {"creation_time": "creation_timestamp", "last_updated_time": "last_updated_timestamp"},
                              metrics=["metrics"], free_texts=["params", "tags"], prefixes=[""],
                              texts=["name", "model_id", "model_type", "status", "source_run_id"],
                              numbers=["creation_timestamp", "creation_time", "last_updated_timestamp"],
                              lists=["name", "model_id", "attributes.status"],
                              orders=["name", "model_id", "creation_time", "creation_timestamp", "source_run_id",
                                      "last_updated_timestamp"]),
    }


class Outcome:
    """What one side says: accepted with clauses, refused with a message, or (MLflow alone) failed inside."""

    def __init__(self, state, value):
        self.state, self.value = state, value

    def __repr__(self):
        return f"{self.state} {self.value}"


# What MLflow's stores wrap into an error of theirs without having meant to refuse.
INSIDE = "sqlite3\\.|malformed node|has no attribute|too large to convert|could not convert"


def refusal(error):
    inside = not isinstance(error, MlflowException) or re.search(INSIDE, str(error)) is not None
    return Outcome("failed" if inside else "refused", f"{type(error).__name__}: {error}" if inside else str(error))


def number_of(text):
    integer = str(text) if re.fullmatch(r"-?\d+", str(text)) and -2**63 <= int(text) < 2**63 else ""
    return {"value": float(text), "integer": integer}


def clause_of(kind, parsed):
    key = kind.aliases.get(parsed["key"], parsed["key"]) if parsed["type"] == "attribute" else parsed["key"]
    value = parsed["value"]
    numeric = parsed["type"] == "metric" or (parsed["type"] == "attribute" and key in kind.utils.NUMERIC_ATTRIBUTES)
    if numeric and isinstance(value, (str, int, float)):
        value = number_of(value)
        value["integer"] = str(int(value["integer"])) if value["integer"] else ""
    if isinstance(value, tuple):
        value = list(value)
    return {"entity": parsed["type"], "key": key, "comparator": " ".join(parsed["comparator"].upper().split()),
            "value": value}


def theirs_filter(kind, text):
    try:
        parsed = kind.utils.parse_search_filter(text)
        kind.search(text, None)  # its store refuses what the parser lets through
        return Outcome("accepted", [clause_of(kind, each) for each in parsed])
    except Exception as error:  # noqa: BLE001: whatever a store raises is an answer
        return refusal(error)


def theirs_order(kind, clauses):
    try:
        if isinstance(clauses[0], dict):
            keys = [kind.parse_order(each) for each in clauses]
            kind.search(None, clauses)
            return Outcome("accepted", [field_of(kind, each) for each in keys])
        kind.search(None, clauses)
        keys = [kind.parse_order(each) for each in clauses]
        return Outcome("accepted", [{"entity": entity, "ascending": ascending,
                                     "key": kind.aliases.get(key, key) if entity == "attribute" else key}
                                    for entity, key, ascending in keys])
    except Exception as error:  # noqa: BLE001
        return refusal(error)


def field_of(kind, field):
    metric = "." in field.field_name
    name = field.field_name.split(".", 1)[1] if metric else kind.aliases.get(field.field_name, field.field_name)
    return {"entity": "metric" if metric else "attribute", "key": name, "ascending": field.ascending,
            "dataset_name": field.dataset_name or "", "dataset_digest": field.dataset_digest or ""}


# ---- our side

def ours(program, questions):
    """The answers, one for each question."""
    done = subprocess.run([program], input="".join(json.dumps(each) + "\n" for each in questions), text=True,
                          encoding="utf-8", capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcome_of(answer):
    if "error" in answer:
        return Outcome("refused", answer["error"])
    for clause_ in answer.get("clauses", []):
        if isinstance(clause_["value"], dict):
            clause_["value"]["value"] = float(clause_["value"]["value"])
    return Outcome("accepted", answer.get("clauses", answer.get("keys")))


# ---- what filters are made of

TEXT_COMPARATORS = ["=", "!=", "LIKE", "ILIKE"]
NUMBER_COMPARATORS = ["=", "!=", ">", ">=", "<", "<="]
LIST_TESTS = ["IN", "NOT IN", "in", "not in"]
WRONG = ["==", "<>", "RLIKE", "NOT LIKE", "~", "=<", "!>"]
COMPARATORS = TEXT_COMPARATORS + NUMBER_COMPARATORS + LIST_TESTS + NULL_TESTS + WRONG
NUMBERS = ["1", "-1", "0.5", "-2.5e-3", "1e5", ".5", "5.", "9007199254740993", "1e999", "1700000000000", "0", "-0"]
TEXTS = ["'a'", '"b"', "'it''s'", "'RUNNING'", '"it\'s"', "'a AND b'", "'%x_'", "''", "'ü'", "'x;y'", "'C:\\'"]
LISTS = ["('a')", "('a','B','c')", '("a", \'b\')', "('a',)", "()", "(1)", "('a', 2)", "(,)", "('Ab', 'cd')"]
OTHERS = ["a", "`a`", "NULL", "nan", "1+1", "tags.b", "(1)"]
FREE_KEYS = ["a", "loss", "`val loss`", '"a b"', "mlflow.source.name", "a.b.c", "`a/b-c`", "é", "user", "select", "``",
             "'q'", "`mlflow.prompt.is_prompt`", "a[0]", "a..b"]
JOINTS = [" AND "] * 12 + [" and ", "\nAND\t", " OR ", " AND AND "]


def likely(kind, chance):
    """A clause that is probably valid."""
    shapes = [(f"{e}.{chance.choice(FREE_KEYS)}", NUMBER_COMPARATORS, NUMBERS) for e in kind.metrics]
    shapes += [(f"{e}.{chance.choice(FREE_KEYS)}", TEXT_COMPARATORS, TEXTS) for e in kind.free_texts]
    shapes += [(f"{e}.{chance.choice(FREE_KEYS)}", kind.null_tests, [""]) for e in kind.free_texts if kind.null_tests]
    shapes += [(f"{e}{k}", TEXT_COMPARATORS, TEXTS) for e in kind.prefixes for k in kind.texts]
    shapes += [(f"{e}{k}", NUMBER_COMPARATORS, NUMBERS) for e in kind.prefixes for k in kind.numbers]
    shapes += [(k, LIST_TESTS, LISTS) for k in kind.lists]
    left, comparators, values = chance.choice(shapes)
    return left, chance.choice(comparators), chance.choice(values)


def unlikely(kind, chance):
    """Whatever entity, key, comparator and value."""
    keys = kind.texts + kind.numbers + ["foo", "lifecycle_stage"]
    entities = kind.metrics + kind.free_texts + ["attribute", "foo", "Tags", '"tags"', "and"]
    dotted = f"{chance.choice(entities)}.{chance.choice(FREE_KEYS + keys)}"
    left = chance.choice(keys) if chance.random() < 0.4 else dotted
    comparator = chance.choice(COMPARATORS)
    if comparator in LIST_TESTS:
        return left, comparator, chance.choice(LISTS)
    return left, comparator, "" if comparator in NULL_TESTS else chance.choice(NUMBERS + TEXTS + LISTS + OTHERS)


def clause(kind, chance):
    left, comparator, right = (likely if chance.random() < 0.8 else unlikely)(kind, chance)
    # MLflow takes a word right before a parenthesis for a function.
    blank = chance.choice(["", " ", "  "]) if comparator[0] in "<>=!~" else " "
    return f"{left}{blank}{comparator}{blank}{right}".strip()


def damaged(text, chance):
    """A character left out, put in or doubled."""
    at = chance.randrange(len(text))
    return chance.choice([text[:at] + text[at + 1:], text[:at] + chance.choice("'\"`()=<>., ;-+a1\\") + text[at:],
                          text[:at] + text[at] + text[at:]])


def generated_filter(kind, chance):
    return "".join(clause(kind, chance) + (chance.choice(JOINTS) if more else "")
                   for more in chance.choice([[0], [0], [0], [1, 0], [1, 1, 0]]))


def generated_order(kind, chance):
    direction = chance.choice(["", " ASC", " DESC", " asc", " Desc", "  DESC", "", "", " foo", " asc desc"])
    keys = [f"{each}.{chance.choice(FREE_KEYS)}" for each in kind.metrics + kind.free_texts + ["foo"]]
    return chance.choice(keys + kind.orders + kind.orders) + direction


def generated_field(kind, chance):
    field = {"field_name": chance.choice(kind.orders + ["metrics.a", "metrics.a.b", "params.a", "metrics.", "foo"])}
    for key, values in (("ascending", [True, False]), ("dataset_name", ["d", ""]), ("dataset_digest", ["x", ""])):
        if chance.random() < 0.4:
            field[key] = chance.choice(values)
    return field


# Texts whose answers must agree though they are rare, and those that show a difference on purpose.
HAND_PICKED = {
    "runs": [
        "", "  ", ";", "and and", "AND params.m = 'a'", "params.m = 'a' AND", "tags.a='x'AND tags.b='y'",
        "params.m = 'a'; params.n='b'", "params.m = 'a';", "(params.m = 'a')", "NOT params.m = 'a'", "1 < metrics.m",
        "metrics.m = 1 = 2", "metrics.a-b > 1", "metrics.a/b > 1", "tags.a = 'it\\'s'", "tags.a\u00a0= 'x'",
        "run_id IN ('a','B','c')", "run_id not\nin ('a')", "run_id IN ('a'", "tags.a IS 'x'", "tags.a NOT NULL",
        "`metrics`.a > 1", "`metrics.a` > 1", "attributes.`Run Name` = 'x'", '"run name" LIKE \'x\'', "Created >= 5",
        "start_time > '1'", "start_time LIKE 1", "dataset.context = 'train'", "datasets.foo = 'a'", "metrics.a > --1",
        "tags.b = 'y' -- AND tags.a = 'x'", "tags.a = /* c */ 'x'", "params.a = 'a' params.n = 'b'", "tags. = 'x'",
        "metrics.a > 99999999999999999999999", "metrics.a > = 1", "params.in = 'x'", "tags.a IS NOT  NULL",
        "metrics.1 > 1", "parameters.1a = 'x'", "metrics.m = 1e+16", "metrics.m = +1", "metrics.m = 0x1F",
        "run_id IN ('7')", "run_id IN ('a' 'b')", "run_id IN (('a'))", "run_id IN (a)", "run_id = ('a')",
        "dataset.name IN ('a\\tb')", "params.🙂 = 'x'", "metrics. a > 1", "start = 'x'", "tags.a b IS NULL",
        "params.a::b = 'x'", "params.[0] = 'x'",
        "tags.a IS NULL tags.b IS NULL", "run_id IN ('a') run_id IN ('b')", "tags.a = 'x' tags.b IS NULL",
    ],
    "experiments": ["name like 'x'", "`tags`.a = 'x'", "tags.a IS NULL", "name IS NULL", "experiment_id = '1'",
                    "experiment_id IN ('1', '2')", "experiment_id NOT IN ('x')", "experiment_id LIKE '1'",
                    "experiment_id = 'x'", "name IN ('a')", "creation_time = 2.5",
                    "attributes.name = 'x'", "name = 'a' OR name = 'b'", "creation_time > 5 AND name ILIKE '%x'"],
    "registered_models": ["attribute.`name` = 'x'", "tags.a IS NULL", "name IN ('a')", "name NOT IN ('a', 'B')",
                          "name = 1", "timestamp > 1", "creation_timestamp > 1",
                          "tags.`mlflow.prompt.is_prompt` = 'true'"],
    "model_versions": ["version_number = '3'", "version_number = 'x'", "version_number ILIKE 'x'", "run_id IN ('a')",
                       "run_id NOT IN ('a')", "version_number <= 2.5", "version_number != 99999999999999999999"],
    "logged_models": ["attributes.name = 'x'", "tag.a = 'x'", "metrics.m > 0.5 AND params.a = 'x'", "name IN ('Ab')",
                      "last_updated_time > 1", "name like 'x'", "tags.a = '(a)'", "dataset.name = 'x'",
                      "creation_time >= 1 AND status = 'READY'"],
}
HAND_PICKED_ORDERS = {
    "runs": [["metrics.`a b` DESC", "params.c"], ["start_time", "Created DESC"], ["dataset.name"], [" end_time"],
             ["metrics.a.`b c` desc"], ["metrics.a,metrics.b"], ["parameters.1a"]],
    "experiments": [["name", "name DESC"], ["experiment_id"], ["tags.a"], ["creation_time foo"]],
    "registered_models": [["timestamp"], ["timestamp", "last_updated_timestamp"], ["creation_timestamp"],
                          ["attribute.name"], ["`name` DESC"], ["timestamp foo"], ["`foo` DESC"]],
    "model_versions": [["version_number DESC", "name"], ["name", "name DESC"], ["tags.a"], ["run_id"]],
    "logged_models": [[{"field_name": "creation_time"}], [{"field_name": "last_updated_time"}], [{"field_name": ""}],
                      [{"field_name": "name"}, {"field_name": "name", "ascending": False}]],
}


# ---- both sides

class Case:
    """One text, or one list of order clauses, and both answers."""

    def __init__(self, name, asked, theirs, is_damaged=False):
        self.name, self.asked, self.theirs, self.is_damaged, self.ours = name, asked, theirs, is_damaged, None
        self.text = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)
        self.is_order = not isinstance(asked, str)

    def question(self):
        return {"of": self.name, "order_by" if self.is_order else "filter": self.asked}

    def agrees(self):
        if self.theirs.state != self.ours.state:
            return False
        if self.theirs.state == "accepted":
            return self.theirs.value == self.ours.value
        return self.is_damaged or words(self.theirs.value) == words(self.ours.value)

    def states(self):
        return self.theirs.state, self.ours.state

    def theirs_says(self, pattern):
        return self.theirs.state != "accepted" and re.search(pattern, self.theirs.value) is not None


def words(message):
    """A message up to what Python prints in any order or Millwright shortens."""
    for start in ("Invalid clause(s) in filter string: ", "While parsing a list in the query, expected string value"):
        if message.startswith(start):
            return start
    if message.startswith("Invalid value for numeric attribute"):
        return message.split(":")[0]  # Python writes 1e5 as 100000.0
    return message.split("{")[0]


BOTH_REFUSE, LENIENT = ("refused", "refused"), ("refused", "accepted")

# name, why, whether a case that differs is one of these. The first that fits counts.
DIFFERENCES = [
    ("internal_error", "MLflow fails inside (500); Millwright says what is wrong, or answers",
     lambda c: c.theirs.state == "failed"),
    ("logged_model_sentences", "MLflow reads these filters with two parsers in turn, whose words differ",
     lambda c: c.name == "logged_models" and not c.is_order and c.states() == BOTH_REFUSE
     and c.theirs_says("^Invalid (comparison|entity type:|dataset key|clause)|dataset attributes|malformed")),
    ("logged_model_statuses", "what a status is called is looked at when it is searched for",
     lambda c: c.theirs_says("^Unknown model status|^Invalid comparison operator for status")),
    ("logged_model_entities", "tag, param, attribute, metric as for runs; MLflow's store wants the plurals",
     lambda c: c.states() == LENIENT and c.theirs_says("^Invalid entity type: '(tag|attribute|param|metric)'")),
    ("logged_model_times", "last_updated_time is a number, as MLflow's parser has it, not its store",
     lambda c: c.states() == LENIENT and c.theirs_says("last_updated_time\\b")),
    ("order_inner_quotes", "quotes inside a key stay, with a direction as without one",
     lambda c: c.is_order and c.states() == ("accepted", "accepted") and "`" in c.text),
    ("repeated_keys", "a key named again is passed over: what it orders is ordered already",
     lambda c: c.is_order and c.states() == ("accepted", "accepted")),
    ("missing_field_name", "an empty field_name is a missing one",
     lambda c: c.is_order and c.ours.value == "`field_name` in the `order_by` clause must be specified."),
    ("registered_model_keys", "creation_timestamp too, and `attribute.` before keys",
     lambda c: c.name == "registered_models" and c.is_order and c.states() == LENIENT),
    ("order_sentences", "keys quoted as written; one sentence for a wrong direction",
     lambda c: c.is_order and c.states() == BOTH_REFUSE
     and c.theirs_says("^Invalid (order by key|order_by clause 'timestamp|identifier type)")),
    ("order_blanks", "blanks around an order are nothing", lambda c: c.is_order and c.text.startswith('[" ')),
    ("quoted_entities", "an entity in backticks, as for runs", lambda c: "`tags`." in c.text),
    ("registry_key_quotes", "an attribute's key in quotes, as for runs",
     lambda c: c.name in ("registered_models", "model_versions")
     and c.theirs_says("^Invalid attribute key '[`\"']")),
    ("digit_keys", "keys that begin with a digit, whatever the entity",
     lambda c: re.search(r"\.\d", c.text) is not None and c.states() == LENIENT),
    ("signed_numbers", "+1 and 1e+16, which is how Python prints it",
     lambda c: re.search(r"[= e]\+\d", c.text) is not None and c.states() == LENIENT),
    ("python_in_lists", "lists are of texts as written; MLflow evaluates them as Python",
     lambda c: re.search(r"\('a' 'b'\)|\(\('a'\)\)|\\t", c.text) is not None),
    ("two_names", "a blank ends a name; MLflow takes what follows for an alias, and both for the key",
     lambda c: c.theirs.state == "accepted" and c.ours.state == "refused"
     and any(re.search(r"\s", each["key"]) for each in c.theirs.value)),
    ("square_brackets", "[0] follows a name; MLflow lets it be one, as some databases quote names",
     lambda c: re.search(r"\.\[", c.text) is not None),
    ("blanks_in_null", "any blanks in IS NOT NULL", lambda c: "NOT  NULL" in c.text and c.states() == LENIENT),
    ("keywords", "SQL's other words are names like any: MLflow knows some hundred keywords",
     lambda c: re.search(r"\b(start|timestamp)\b|\.in\b", c.text) is not None),
    ("other_characters", "characters that are no letters, in keys", lambda c: "🙂" in c.text),
    ("casts", "a::b needs quotes, like every key with a colon", lambda c: "::" in c.text),
    ("hexadecimal", "0x1F is a word", lambda c: "0x1F" in c.text),
    ("left_out_and", "AND may be left out before any clause; MLflow takes two before IN or IS for one name",
     lambda c: c.ours.state == "accepted" and " AND " not in c.text and re.search(r"(IN|IS)\b", c.text) is not None),
]


def cases(kinds_by_name, count, chance):
    for name, kind in kinds_by_name.items():
        filters = [(each, False) for each in HAND_PICKED[name]]
        for _ in range(count // 5):
            text = generated_filter(kind, chance)
            filters += [(text, False), (damaged(text, chance), True)][:1 if chance.random() < 0.8 else 2]
        for text, is_damaged in filters:
            yield Case(name, text, theirs_filter(kind, text), is_damaged)
        generate = generated_field if name == "logged_models" else generated_order
        orders = [[generate(kind, chance) for _ in range(chance.choice([1, 1, 2]))] for _ in range(count // 20)]
        for clauses in HAND_PICKED_ORDERS[name] + orders:
            yield Case(name, clauses, theirs_order(kind, clauses))


def check(asked, show_all):
    """Sorts the cases into those that agree and the named differences; the number of all others."""
    met, unnamed = collections.Counter(), 0
    for case in asked:
        name = "agree" if case.agrees() else next((d[0] for d in DIFFERENCES if d[2](case)), None)
        met[name] += 1
        if name is None or (show_all and name != "agree"):
            print(f"{name or 'UNNAMED'}: {case.name} {case.text!r}\n    MLflow: {case.theirs}\n    ours:   {case.ours}")
        unnamed += name is None
    states = collections.Counter(case.theirs.state for case in asked)
    print(f"{len(asked)} filters and orders: MLflow accepts {states['accepted']}, refuses {states['refused']}, fails "
          f"inside on {states['failed']}; {met['agree']} agree")
    for name, why, _ in DIFFERENCES:
        print(f"  {name:24} {met[name]:5}  {why}")
    never = [name for name, _, _ in DIFFERENCES if not met[name]]
    for name in never:
        print(f"never met: {name}; it is no difference any more")
    return unnamed + len(never)


# ---- LIKE

def like_questions(count, chance):
    for _ in range(count):
        text = "".join(chance.choice("abAÄ%_\n") for _ in range(chance.randrange(9)))
        pattern = "".join(chance.choice("abAÄ%%__\n") for _ in range(chance.randrange(7)))
        yield {chance.choice(["like", "ilike"]): [text, pattern]}


def check_like(questions, answers):
    """SQLite's LIKE, told apart by case, and ILIKE as SQLAlchemy writes it for SQLite: both sides in lower case."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    matches = wrong = 0
    for question, answer in zip(questions, answers, strict=True):
        (kind, (text, pattern)), = question.items()
        sql = "SELECT ? LIKE ?" if kind == "like" else "SELECT lower(?) LIKE lower(?)"
        expected = bool(database.execute(sql, (text, pattern)).fetchone()[0])
        matches += expected
        if expected != answer["matches"]:
            wrong += 1
            print(f"{kind}: {text!r} {pattern!r}: SQLite says {expected}")
    print(f"{len(questions)} patterns: {matches} match, {wrong} differ from SQLite")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=os.environ.get("MILLWRIGHT_BIN", ROOT / "build/release/bin"))
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        asked = list(cases(kinds(folder), options.count, chance))
    patterns = list(like_questions(options.count, chance))
    program = Path(options.programs) / "search_filters"
    answers = ours(program, [each.question() for each in asked] + patterns)
    for case, answer in zip(asked, answers):
        case.ours = outcome_of(answer)
    if check(asked, options.all) + check_like(patterns, answers[len(asked):]):
        sys.exit("Millwright and MLflow differ where they should not")


if __name__ == "__main__":
    main()
