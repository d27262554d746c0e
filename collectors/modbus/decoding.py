"""Words that were read before → readings, for trying a template out and for testing its examples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collectors.modbus.point import Image, Point
from collectors.modbus.shelf import load_template
from collectors.modbus.sunspec import BASES, ChainError, Model, Walk, follow, walk
from collectors.modbus.template import Template
from metering.quantities import QUANTITIES


class Decoded(NamedTuple):
    """A value without device and time; ``unit`` is the canonical one of the quantity."""

    quantity: str
    value: float
    unit: str


def decode_words(template_id: str, words: Mapping[int, Sequence[int]]) -> list[Decoded]:
    """What the words (first wire address → words from there on) mean to a device of that template.

    Only what lies wholly in the words is decoded; "no value" gives none. Words of a SunSpec device begin with its
    "SunS", or, without that, with the id of a model. Raises TemplateError, ValueError for words
    that cannot be, and ChainError where a SunSpec device has no models.
    """
    template = load_template(template_id)
    image = image_of(words)
    points = points_in(template, image)
    return [
        Decoded(point.quantity, value, QUANTITIES[point.quantity].unit)
        for point in points
        if (value := point.value(image)) is not None
    ]


def image_of(words: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """First address → words as one image. Raises ValueError for what is no address or no word."""
    image: dict[int, int] = {}
    for start, block in words.items():
        for address, word in enumerate(block, start):
            if not 0 <= address <= 0xFFFF:
                raise ValueError(f"{address} is no register address: they go from 0 to 65535")
            if not 0 <= word <= 0xFFFF:
                raise ValueError(f"register {address}: {word} is no word: they go from 0 to 65535")
            image[address] = word
    return image


def points_in(template: Template, image: Image) -> Iterable[Point]:
    """The points of the template that lie wholly in the image."""
    points = template.points_in(_models(image)) if template.is_sunspec else template.points
    return [point for point in points if point.addresses <= image.keys()]


def _models(image: Image) -> Sequence[Model]:
    """The models of the chain in the image, or of the one that begins with a model at its lowest address."""
    lowest = min(image, default=0)
    try:
        return _drive(walk((*BASES, lowest)), image)
    except ChainError:
        return _drive(follow(lowest), image)


def _drive(walking: Walk, image: Image) -> Sequence[Model]:
    try:
        address, count = next(walking)
        while True:
            wanted = range(address, address + count)
            found = [image[at] for at in wanted] if all(at in image for at in wanted) else None
            address, count = walking.send(found)
    except StopIteration as done:
        models: Sequence[Model] = done.value
        return models
