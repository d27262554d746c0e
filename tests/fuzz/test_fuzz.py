"""A few seconds of fuzzing, the same each time; ``python -m tests.fuzz`` goes on for as long as one likes."""

import asyncio

import pytest

from tests.fuzz.decoders import Decoders, corpus
from tests.fuzz.replies import Replies


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_payloads(seed: int) -> None:
    decoders = Decoders(seed)
    for _ in range(500):
        decoders.step()
    assert decoders.counts["values"] > 50, "most of what is fed must still resemble something"
    assert decoders.counts["refused"] > 500


@pytest.mark.parametrize("seed", range(2))
def test_a_server_that_answers_with_anything(seed: int) -> None:
    replies = Replies(seed)
    for _ in range(10):  # on a busy machine most answers come too late
        asyncio.run(replies.run(3.0))
        if replies.counts["values"] and replies.counts["NoAnswer"]:
            return
    raise AssertionError(replies.counts)


def test_every_format_is_in_the_corpus() -> None:
    assert len(corpus()) > 20
