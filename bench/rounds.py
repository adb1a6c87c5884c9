"""What the tables of speed share: parts that run in turns, round after round, and the rows that come of them."""
import argparse
import json
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path


def median(values):
    return statistics.median(values) if values else float("nan")


def busy_cores(seconds=0.5):
    """What others take of the machine while this program waits."""
    def busy():
        fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4]
    before = busy()
    time.sleep(seconds)
    return (busy() - before) / 100 / seconds


def parser_of(description, parts, rounds, seconds):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--only", default=",".join(parts), help=f"of {', '.join(parts)}")
    parser.add_argument("--json")
    return parser


def options_of(parser, parts, programs):
    """The command line, with options.wanted the parts asked for; exits when one is unknown or a program is missing.
    From here on SIGTERM ends the program as an exception does: what it has started is stopped."""
    options = parser.parse_args()
    options.wanted = options.only.split(",")
    if unknown := set(options.wanted) - set(parts):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    for program, package in programs.items():
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/usr/local/bin"):
            sys.exit(f"{program} is not installed; apt-get install {package}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    return options


def run_rounds(options, parts, *arguments):
    """Runs the wanted parts in turns; what other programs took of the cores before each round."""
    others = []
    for _ in range(options.rounds):
        others.append(busy_cores())
        for name, part in parts.items():
            if name in options.wanted:
                part(*arguments)
    return others


def print_rows(options, others, rows):
    """Rows are (figure, what is to be reached, what was measured, beside what, whether it was reached)."""
    print(f"medians of {options.rounds} rounds in turns, {options.seconds:g} s each; client and server share the "
          f"cores; other programs took {median(others):.2f} cores (most {max(others):.2f})")
    marks = {True: "yes", False: "NO", None: "-"}
    cells = [("figure", "reach", "reached", "measured", "beside")]
    cells += [(figure, reach, marks[ok], said, beside) for figure, reach, said, beside, ok in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def write_figures(path, figures):
    Path(path).write_text(json.dumps(figures, indent=2) + "\n")
