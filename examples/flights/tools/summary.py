#!/usr/bin/env python3
"""Prints what the demo did, from what Millwright recorded: summary.py MILLWRIGHT REPLAY.json SECONDS.

At most 24 lines of 110 columns; commands and addresses are never cut. Waits until everything that was replayed has
been judged.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time

PIPELINE = "late-departures-training"
GOAL = "late-departures"
WIDTH = 110
LINES = 24
PATIENCE_SECONDS = 120


def ask(*words):
    return json.loads(subprocess.run([MILLWRIGHT, *words, "--json"], check=True, capture_output=True, text=True).stdout)


def seconds(task):
    """Between start and end; both are RFC 3339 in UTC with up to six decimals."""
    from datetime import datetime
    form = "%Y-%m-%dT%H:%M:%S"
    def at(text):
        whole, _, part = text.rstrip("Z").partition(".")
        return datetime.strptime(whole, form).timestamp() + float("0." + (part or "0"))
    return at(task["ended"]) - at(task["started"]) if task["started"] and task["ended"] else 0.0


def line(name, text, right=""):
    body = f"  {name:<11}{text}"
    return f"{body:<{WIDTH - len(right)}}{right}" if right else body


def latest_run():
    for run in ask("status")["runs"]:
        if run["pipeline"] == PIPELINE and run["state"] == "succeeded":
            return ask("status", run["id"])
    raise SystemExit("no run of the pipeline has succeeded")


def interval(metrics, name):
    metric = metrics[name]
    return f"{name} {metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"


def judged(replay):
    """The goal in production once every replayed row is in it and two looks in a row see the same."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    before = None
    while True:
        board = ask("goals", GOAL)["production"]
        rows = sum(window["rows"] for window in board["windows"] if window["stage"] == "production")
        if board["pending"] == 0 and rows >= replay["rows"] and board == before:
            return board
        if time.monotonic() > deadline:
            print(f"(still judging after {PATIENCE_SECONDS} s: {board['pending']} windows, {rows:,} rows)")
            return board
        before = board
        time.sleep(1)


def run_lines(run, board):
    tasks = {task["step"]: task for task in run["tasks"]}
    counted = {output["name"]: output["metadata"]["rows"] for output in tasks["import"]["outputs"]}
    findings = tasks["validate"]["findings"]
    found = f"   validate: {len(findings)} finding, rows kept out" if findings else ""
    yield line("data", f"{counted['flights']:,} flights, {counted['weather']:,} weather hours, "
               f"{counted['planes']:,} planes{found}")
    yield line("trained", tasks["train"]["summary"], f"{seconds(tasks['train']):.1f} s")
    evaluated = [window for window in board["windows"] if window["stage"] == "evaluation"]
    metrics = ""
    if evaluated:
        metrics = "   " + "   ".join(interval(evaluated[0]["metrics"], name) for name in ("roc_auc", "ece"))
    passed = re.search(r"\d+/\d+", tasks["gate"]["summary"])
    yield line("evaluated", f"{tasks['evaluate']['metrics']['rows']:,.0f} flights of April, "
               f"gate {passed[0] if passed else 'passed'}{metrics}")


def served_lines(replay, board):
    latency = replay["latency_ms"]
    yield line("served", f"{replay['rows']:,} flights May-Dec in {replay['seconds']:.1f} s "
               f"({replay['rows_per_second']:,.0f}/s)  {replay['failed']} failed   p50 {latency['p50']:.1f}  "
               f"p90 {latency['p90']:.1f}  p99 {latency['p99']:.1f} ms wall time")
    windows = [window for window in board["windows"] if window["stage"] == "production"]
    rows, labelled = (sum(window[key] for window in windows) for key in ("rows", "labelled"))
    if rows:
        yield line("labels", f"{100 * labelled / rows:.1f} % joined, the rest never departed (cancelled)")


def short(label):
    return label.removesuffix(" 2013")


def need(target):
    share = f" {target['objective']:.0%}" if target["objective"] else ""
    return target["need"] + share


def target_lines(board):
    labels = [short(window["label"]) for window in board["windows"]]
    name = lambda target: target["name"] if target["name"] == target["metric"] or target["kind"] != "quality" \
        else f"{target['name']} {target['metric']}"
    yield f"  {'target':<21}{'need':<13}" + "".join(f"{label:>6}" for label in labels) + "   miss costs"
    fine = []
    for target in board["targets"]:
        texts = [cell["text"] for cell in target["cells"]]
        if set(texts) <= {"-", ""}:
            continue
        if set(texts) <= {"-", "", "ok"}:
            fine.append((target, texts))
            continue
        yield f"  {name(target):<21}{need(target):<13}" + "".join(f"{text:>6}" for text in texts) + \
            f"   {target['miss_costs']}"
    if fine:
        both = ", ".join(target["name"] for target, _ in fine)
        yield f"  {both:<21}{need(fine[0][0]):<13}" + "".join(f"{text:>6}" for text in fine[0][1]) + \
            f"   {fine[0][0]['miss_costs']}"


def why_groups(board):
    """Windows that missed the same targets for the same kind of reason share a line."""
    groups = {}
    for why in board["whys"]:
        quality = any(target["kind"] == "quality" for target in board["targets"] if target["name"] in why["targets"])
        key = ("quality", why["window"]) if quality else ("other", *why["targets"])
        groups.setdefault(key, []).append(why)
    return sorted(groups.items(), key=lambda group: group[0][0] != "quality")


def why_lines(board, room):
    groups = list(why_groups(board))
    for place, (key, whys) in enumerate(groups):
        last = whys[-1]
        text = last["sentence"] if key[0] == "quality" else f"{key[1]}: {last['sentence']}"
        lines = textwrap.wrap(text, WIDTH - 13)
        left = max(1, room - (len(groups) - place - 1))
        if len(lines) > left:
            lines = lines[:left]
            lines[-1] = lines[-1].rpartition(",")[0] + "."
        room -= len(lines)
        yield line(f"why {short(whys[0]['window'])}{'+' if len(whys) > 1 else ''}", lines[0])
        for more in lines[1:]:
            yield line("", more)


def end_lines(board, spent):
    if board["saved"]:
        yield line("saved", board["saved"]["text"])
    home = os.environ["MILLWRIGHT_HOME"]
    with open(f"{home}/addresses.json", encoding="utf-8") as file:
        addresses = json.load(file)
    yield f"Console {addresses['console']}/goals/{GOAL}  Endpoint {addresses['inference']}/v2/models/{GOAL}"
    kpi = board["targets"][0]["name"]
    retrain = [why["remedy"]["command"] for why in board["whys"]
               if kpi in why["targets"] and why["remedy"]["command"]]
    programs = os.path.relpath(os.path.dirname(MILLWRIGHT))
    path = "" if shutil.which("millwright") else f"export PATH=$PWD/{programs}:$PATH; "
    yield f"Try      {path}millwright init --data your.csv --label y"
    yield f"         {retrain[0] if retrain else f'millwright run {PIPELINE}'}"
    yield f"         millwright replay {GOAL} --fault missing=temp --from 2013-07-01"
    yield f"Took {spent} s.  All files: {home}.  Ctrl-C stops everything and keeps it."


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        replay = json.load(file)
    board = judged(replay)
    missed = ", ".join(short(label) for label in board["missed_in"])
    state = f"MISSED in {missed}" if missed else board["state"]
    lines = [f"{'Late departures, New York 2013':<62}goal {GOAL}: {state}"]
    lines += run_lines(latest_run(), board)
    lines += served_lines(replay, board)
    lines += target_lines(board)
    end = list(end_lines(board, int(sys.argv[3])))
    lines += why_lines(board, LINES - len(lines) - len(end))
    for text in (lines + end)[:LINES]:
        print(text.rstrip())


if __name__ == "__main__":
    MILLWRIGHT = sys.argv[1]
    main()
