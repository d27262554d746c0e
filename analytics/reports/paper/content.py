"""What a paper consists of, whatever it is set with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number to remember. ``note`` says how well it is known; ``figure`` is its id."""

    label: str
    value: str
    unit: str
    note: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """``share`` is the column's part of the width; numbers are set to the right; ``figures``: cells are their ids."""

    name: str
    number: bool = False
    share: int = 1
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``total`` is set off as the last row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """``description`` is for those who cannot see it: it says what the picture shows, with its numbers."""

    caption: str
    description: str
    svg: str


Block = Paragraph | KeyFigures | Table | Picture


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """``facts`` are name and value pairs for the title page."""

    language: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    contents: str  # heading of the table of contents
    chapters: tuple[Chapter, ...]
    annexes: tuple[Chapter, ...]
    footer: str
