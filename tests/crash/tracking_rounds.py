#!/usr/bin/env python3
"""Kills the control plane at seeded random moments while many clients log to it over MLflow's API; whatever was
acknowledged is there exactly once, before and after one more restart."""
import collections
import random
import sys
import time

from crash_rounds import arguments, run_rounds
from tracking_load import Load


def one_round(platform, seed, options):
    chance = random.Random(seed)
    load = Load(platform, seed, options.writers, runs=4)
    load.start()
    kills = 0
    try:
        for _ in range(chance.randint(1, 3)):
            time.sleep(chance.uniform(0.05, 0.8))
            platform.kill()
            kills += 1
            time.sleep(chance.choice([0, 0, 0.3]))
            platform.start()
        time.sleep(chance.uniform(0, 0.3))
    finally:
        counts = load.end()
    load.check()
    if seed % 4 == 0:  # what was answered is what a restart finds
        platform.kill()
        platform.start()
        load.check()
    counts["kills"] = kills
    return counts


def main():
    parser = arguments(__doc__, 20)
    parser.add_argument("--writers", type=int, default=64)
    options = parser.parse_args()
    counts = collections.Counter()
    passed, failed = run_rounds(options, lambda platform, directory: None,
                                lambda platform, directory, seed: counts.update(one_round(platform, seed, options)))
    print(", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    print(f"rounds: {passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
