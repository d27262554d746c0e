"""Where the ears meet the spine: what a collector is, and what it may expect of whoever listens to it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from metering.reading import Reading

_LAYOUT = str.maketrans("", "", "\n\t")


class Receipts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Identifies deliveries of messages, so that redeliveries after a crash are recognised.

    ``channel`` is the broker session; ``digests`` has a hash of topic and payload (32 bits) for each packet id in it,
    which is at most 65,535.
    """

    channel: str
    digests: dict[int, int]


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that no decoder could read, kept with its reason.

    ``received_us`` is µs since the Unix epoch, UTC; ``retained`` says that the message was older than that.
    """

    source: str
    topic: str
    payload: bytes
    received_us: int
    reason: str
    retained: bool = False

    def readable(self, longest: int | None = None) -> str:
        """The payload as text where it is such, else in hexadecimal; of a long one so many characters or bytes."""
        text = self.payload.decode(errors="replace")
        is_text = "\ufffd" not in text and text.translate(_LAYOUT).isprintable()
        return text[:longest] if is_text else self.payload[:longest].hex(" ")


class Sink(Protocol):
    """Takes over what a collector has heard."""

    async def accept(
        self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
    ) -> None:
        """Return as soon as every reading is durable here (or set aside durably with its reason).

        Only then may the messages that carried them be acknowledged. ``receipts`` are kept with the readings.
        May wait for as long as the outbox is full: that is the back-pressure. A source that can't wait, because nobody
        keeps what it would miss meanwhile, says so; then only the newest of each quarter-hour are kept, and counted.
        """

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        """Whether a delivery, as in `Receipts`, was accepted before, by this process or an earlier one.

        Ask for redeliveries only.
        """

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Return as soon as the message is kept durably."""

    def failed(self, device: str, reason: str) -> None:
        """A device could not be read; ``reason`` is one line for the operator. Success shows by its readings."""


class Collector(Protocol):
    """Listens to one connection: a Modbus bus, a broker."""

    @property
    def name(self) -> str:
        """Unique among the collectors, for logs and metrics."""

    async def run(self, sink: Sink) -> None:
        """Collect until cancelled. Raises only what a restart with back-off may cure."""
