"""What a report was made of: with it the same report can be made again, to the byte."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manifest:
    """Names, and SHA-256 in hexadecimal.

    view      name of the view
    editions  file of each edition of factors used, by name
    inputs    the stored intervals of each meter over the period, by meter
    settings  everything of the settings that changes a figure
    version   of the program
    report    all of the above together: equal means the same bytes
    """

    view: str
    editions: Mapping[str, str]
    inputs: Mapping[str, str]
    settings: str
    version: str
    report: str
