"""OBIS codes (IEC 62056-61, EN 13757-1): ``A-B:C.D.E*F``."""

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:\*(\d{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """An OBIS code: medium, channel, measured quantity, measurement type, tariff, billing period (255 = current).

    >>> Obis.parse("1-0:1.8.0")
    Obis(medium=1, channel=0, measured=1, type=8, tariff=0, period=255)
    >>> str(Obis.parse("1.8.0*255"))
    '1-0:1.8.0'
    """

    medium: int
    channel: int
    measured: int
    type: int
    tariff: int
    period: int = 255

    @classmethod
    def parse(cls, text: str) -> "Obis":
        """Read a full or a shortened code; medium and channel default to 1-0, as meters print them.

        Raises ValueError for text that is no OBIS code, or with a group over 255.
        """
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not an OBIS code such as 1-0:1.8.0")
        defaults = ("1", "0", "0", "0", "0", "255")
        groups = [int(group or default) for group, default in zip(match.groups(), defaults, strict=True)]
        if max(groups) > 255:
            raise ValueError(f"{text!r} is not an OBIS code: every group is at most 255")
        return cls(*groups)

    def __str__(self) -> str:
        code = f"{self.medium}-{self.channel}:{self.measured}.{self.type}.{self.tariff}"
        return code if self.period == 255 else f"{code}*{self.period}"
