#!/usr/bin/env python3
"""Prints what the demo did, from what Millwright recorded: summary.py MILLWRIGHT REPLAY.json SECONDS."""
import json
import subprocess
import sys

PIPELINE = "late-departures-training"
GOAL = "late-departures"


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


def interval(verdict, digits=3, times=1):
    if verdict.get("value") is None:
        return "-"
    text = f"{verdict['value'] * times:.{digits}f}"
    if verdict.get("low") is not None:
        text += f" [{verdict['low'] * times:.{digits}f}, {verdict['high'] * times:.{digits}f}]"
    return text


def line(name, text, right=""):
    body = f"  {name:<11}{text}"
    print(f"{body:<{100 - len(right)}}{right}" if right else body)


def latest_run():
    for run in ask("status")["runs"]:
        if run["pipeline"] == PIPELINE and run["state"] == "succeeded":
            return ask("status", run["id"])
    raise SystemExit("no run of the pipeline has succeeded")


def print_run(run):
    tasks = {task["step"]: task for task in run["tasks"]}
    rows = tasks["import"]["outputs"]
    counted = {output["name"]: output["metadata"]["rows"] for output in rows}
    finding = tasks["validate"]["findings"]
    line("data", f"{counted['flights']:,} flights, {counted['weather']:,} weather hours, {counted['planes']:,} planes")
    if finding:
        line("validate", f"{len(finding)} range error kept out: {finding[0]['message'].split(' (')[0]}")
    line("trained", tasks["train"]["summary"], f"{seconds(tasks['train']):.1f} s")
    line("evaluated", f"{tasks['evaluate']['metrics']['rows']:,.0f} flights of April; {tasks['gate']['summary']}")


def print_replay(replay):
    latency = replay["latency_ms"]
    line("served", f"{replay['rows']:,} flights May-Dec in {replay['seconds']:.1f} s "
         f"({replay['rows_per_second']:,.0f}/s)  {replay['failed']} failed")
    line("", f"p50 {latency['p50']:.2f} ms  p90 {latency['p90']:.2f} ms  p99 {latency['p99']:.2f} ms  (wall time)")


def print_goal(goal):
    print(f"\n  {'target':<13}{'need':>10}  {'April':<24}{'no model':>9}{'trivial':>9}  outcome")
    for row in goal["verdicts"]:
        verdict = row["verdict"]
        if row["outcome"] == "not measurable yet":
            continue
        no_model, trivial = (f"{verdict[key]:.3f}" if verdict.get(key) is not None else "-"
                             for key in ("no_model", "trivial_model"))
        print(f"  {row['target']:<13}{verdict['need']:>10}  {interval(verdict):<24}{no_model:>9}{trivial:>9}  "
              f"{row['outcome']}")
    later = [row["target"] for row in goal["verdicts"] if row["outcome"] == "not measurable yet"]
    if later:
        print(f"  measured once it serves: {', '.join(later)}")


def main():
    replay = json.load(open(sys.argv[2], encoding="utf-8"))
    goal = ask("goals", GOAL)
    missed = [row["target"] for row in goal["verdicts"] if row["outcome"] == "missed"]
    state = f"MISSED: {', '.join(missed)}" if missed else "met at evaluation"
    print(f"{'Late departures, New York 2013':<62}goal {GOAL}: {state}")
    run = latest_run()
    print_run(run)
    print_replay(replay)
    print_goal(goal)
    home = subprocess.run(["printenv", "MILLWRIGHT_HOME"], capture_output=True, text=True, check=False).stdout.strip()
    addresses = json.load(open(f"{home}/addresses.json", encoding="utf-8"))
    print(f"\nControl plane  {addresses['console']}     Endpoint  {addresses['inference']}/v2/models/{GOAL}")
    print(f"Try      build/release/bin/millwright predict {GOAL} --example")
    print(f"         build/release/bin/millwright run {PIPELINE} --set train_until=2013-07-01 "
          "--set evaluate_until=2013-08-01")
    print("         build/release/bin/millwright goals | models | status | doctor")
    print(f"Took {int(sys.argv[3])} s.  All files: {home}.  Ctrl-C stops everything and keeps it.")


if __name__ == "__main__":
    MILLWRIGHT = sys.argv[1]
    main()
