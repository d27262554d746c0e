"""Fuzzing for as long as one likes: ``python -m tests.fuzz --minutes 10``.

Half of the time for payloads, half for Modbus. Ends with 1 at the first defect, and says how to do it again.
"""

import argparse
import asyncio
import logging
import sys
import time

import structlog

from tests.fuzz.decoders import Decoders
from tests.fuzz.replies import Replies


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    arguments = parser.parse_args()
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    each_s = 30 * arguments.minutes
    say(f"seed {arguments.seed}")

    decoders = Decoders(arguments.seed)
    end_s = time.monotonic() + each_s
    while time.monotonic() < end_s:
        decoders.step()
    say(f"payloads: {dict(decoders.counts)}, slowest {1000 * decoders.slowest_s:.0f} ms")

    replies = Replies(arguments.seed)
    asyncio.run(replies.run(each_s))
    say(f"modbus: {dict(replies.counts)}, slowest {1000 * replies.slowest_s:.0f} ms")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
