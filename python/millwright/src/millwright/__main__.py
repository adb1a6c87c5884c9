"""python -m millwright flush [URL]    delivers what earlier processes left behind for a server
python -m millwright status [URL]   says what waits

URL is by default MLFLOW_TRACKING_URI. What a living process holds is its own to deliver.
"""
import argparse
import logging
import os
import sys

from .delivery import Delivery, spool_root
from .spool import orphans


def left_behind(url):
    """How many records wait in spools whose process is gone."""
    count = 0
    for spool in orphans(spool_root(url)):
        count += spool.pending
        spool.close()
    return count


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m millwright", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("flush", "status"))
    parser.add_argument("url", nargs="?", default=os.environ.get("MLFLOW_TRACKING_URI", ""))
    options = parser.parse_args(arguments)
    url = options.url.removeprefix("millwright+").rstrip("/")
    if not url.startswith(("http://", "https://")):
        parser.error("name the server's URL, or set MLFLOW_TRACKING_URI")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    before = left_behind(url)
    if options.verb == "flush" and before:
        delivery = Delivery(url, background=False)
        delivery.flush(float("inf"))
        delivery.close()
    left = left_behind(url) if options.verb == "flush" else before
    print(f"{left} records wait in {spool_root(url)}" if left else "nothing waits")
    if options.verb == "flush":
        print(f"{before - left} delivered")
    return 1 if options.verb == "flush" and left else 0


if __name__ == "__main__":
    sys.exit(main())
