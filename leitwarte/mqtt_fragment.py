"""What a discovery heard on a broker, as a settings fragment."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from collectors.mqtt.discovery import Found, FoundDevice, Heard
from collectors.mqtt.format import Value
from collectors.mqtt.listener import select
from collectors.mqtt.settings import MqttDevice
from leitwarte.fragment import Document, Item
from leitwarte.proposal import BUILDING, site, slug, unique
from metering.quantities import QUANTITIES

_INTERVALS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
_SELDOM_S = 900
_MOST_UNKNOWN = 60
_MOST_NUMBERS = 12
_CLOCKS = {"unix_s": 1, "unix_ms": 10**3, "unix_us": 10**6, "unix_ns": 10**9}
_PHASES = {"L1", "L2", "L3"}
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def sections(connection: Mapping[str, object], found: Found) -> dict[str, Sequence[Item]]:
    """The ``mqtt`` and ``sites`` of what was heard; ``connection`` is as it stands in the settings."""
    taken: set[str] = set()
    shown: dict[str, Mapping[str, float]] = {}
    items: list[Item] = []
    for device in sorted(found.devices.values(), key=lambda device: (device.format, device.topic)):
        for part, values, is_off in _parts(device):
            id_ = unique(slug(_ascii("-".join(filter(None, (device.topic, part))))), taken)
            taken.add(id_)
            item = _device(id_, device, part, values, is_off=is_off)
            if not item.is_off:
                shown[id_] = {value.quantity: value.value for value in values}
            items.append(item)
    items += _unknown_items(found.unknown.values(), taken)
    meters = site(shown)
    if meters:
        items = [Item({**item.value, "building": BUILDING}, item.remarks, item.lists, item.is_off) for item in items]
    remarks = list(_silent(found))
    return {"mqtt": (Item(connection, remarks, {"devices": items}, not items),), "sites": meters}


def facts(found: Found) -> Document:
    """What was heard, for machines."""
    return {
        "messages": found.messages,
        "messages_not_looked_at": found.skipped + found.lost,
        "devices": [_device_facts(device) for device in found.devices.values()],
        "unknown": [
            {"topic": heard.topic, "messages": heard.messages, "sample": heard.sample, "numbers": heard.numbers}
            for heard in found.unknown.values()
        ],
    }


def _device_facts(device: FoundDevice) -> Document:
    return {
        "format": device.format,
        "topic": device.topic,
        "interval_s": device.interval_s,
        "offline": device.offline,
        "values": [
            {"part": part, "quantity": name, "value": value.value, "unit": QUANTITIES[name].unit}
            for (part, name), value in device.values.items()
        ],
        "numbers": {name: number.number for name, number in device.numbers.items()},
        "remarks": list(device.remarks),
    }


def _parts(device: FoundDevice) -> Iterator[tuple[str, Sequence[Value], bool]]:
    """The entries that a device needs: part, values, and whether it is only a detail or has to be completed."""
    if device.needs_options:
        yield "", (), True
        return
    values = list(device.values.values())
    own, _ = select(values, "", whole=device.kind.whole)
    covered = {value.part for value in own}
    if own or (device.asks and not values):
        yield "", own, False
    for part in sorted({value.part for value in values} - covered - {""}):
        of_part, _ = select(values, part, whole=device.kind.whole)
        yield part, of_part, part in _PHASES or part == "device"


def _device(id_: str, device: FoundDevice, part: str, values: Sequence[Value], *, is_off: bool) -> Item:
    entry: dict[str, object] = {"id": id_, "format": device.format, "topic": device.topic}
    if part:
        entry["part"] = part
    entry["interval_s"] = _interval_s(device)
    remarks = list(_remarks(device, part, values, is_off=is_off))
    try:
        if not is_off:
            MqttDevice.model_validate(entry)
    except ValidationError as error:
        remarks.append(f"Cannot be used as it is: {error.errors()[0]['msg'].removeprefix('Value error, ')}.")
        is_off = True
    if device.needs_options:
        entry["options"] = _options(device)
    return Item(entry, remarks, is_off=is_off)


def _remarks(device: FoundDevice, part: str, values: Sequence[Value], *, is_off: bool) -> Iterator[str]:
    where = f"{device.topic}, part {part}" if part else device.topic
    if values:
        texts = (
            f"{one.quantity} {one.value:.10g} {QUANTITIES[one.quantity].unit}".removesuffix(" 1") for one in values
        )
        yield f"{where}: {', '.join(texts)}."
    if device.needs_options:
        numbers = [f"{name or 'value'} {number.number:g}" for name, number in device.numbers.items()]
        yield (
            f"{where}: {device.format} says neither quantity nor unit of its numbers ({', '.join(numbers) or 'none'}). "
            "Complete the options and take the comment signs away."
        )
    elif is_off:
        yield "A detail of the device above; take the comment signs away if it is wanted."
    if device.asks and not values:
        yield f"{where}: only short messages without names were heard; the device is asked for them once this runs."
    if device.interval_s is None:
        retained = all(heard.messages == heard.retained for heard in device.topics.values())
        yield f"Heard {'only as retained messages' if retained else 'too seldom'} to know how often it speaks."
    if device.offline:
        yield f"It is {device.offline}."
    if not part:
        yield from (f"Not understood: {remark}." for remark in list(device.remarks)[:3])


def _options(device: FoundDevice) -> Document:
    """What is missing, with ? for what only a person knows."""
    unknown = {"quantity": "?", "unit": "?"}
    names = list(device.numbers)[:_MOST_NUMBERS]
    if device.format == "vzlogger":
        return {"channels": {name: dict(unknown) for name in names}}
    return {"fields": [{"measurement": "?", "field": name, **unknown} for name in names]}


def _unknown_items(topics: Iterable[Heard], taken: set[str]) -> Iterator[Item]:
    """Topics of no known format: an entry to be completed where there are numbers, else a remark."""
    known = sorted(topics, key=lambda heard: (not heard.numbers, heard.topic))
    for heard in known[:_MOST_UNKNOWN]:
        id_ = unique(slug(_ascii(heard.topic)), taken)
        taken.add(id_)
        remark = f"{heard.topic}: {_why(heard)}: {heard.sample}"
        if not heard.numbers:
            yield Item({"id": id_, "format": "?", "topic": heard.topic}, (remark,), is_off=True)
            continue
        is_plain = list(heard.numbers) == [""]
        options = {"quantity": "?", "unit": "?"} if is_plain else _json_options(heard.numbers)
        entry = {"id": id_, "format": "number" if is_plain else "json", "topic": heard.topic, "options": options}
        yield Item(entry, (remark,), is_off=True)
    if len(known) > _MOST_UNKNOWN:
        rest = f"{len(known) - _MOST_UNKNOWN} more topics that no format recognises; --json lists them all."
        yield Item({"id": "?", "format": "?", "topic": "?"}, (rest,), is_off=True)


def _json_options(numbers: Mapping[str, float]) -> Document:
    """Every number, but for one that looks like the present time: that is the time of the others."""
    clocks = [(pointer, unit) for pointer, number in numbers.items() for unit in _CLOCKS if _is_now(number, unit)]
    taken = {pointer for pointer, _ in clocks}
    values = [pointer for pointer in numbers if pointer not in taken][:_MOST_NUMBERS]
    options: Document = {"values": [{"pointer": pointer, "quantity": "?", "unit": "?"} for pointer in values]}
    return options | ({"time": {"pointer": clocks[0][0], "format": clocks[0][1]}} if clocks else {})


def _is_now(number: float, unit: str) -> bool:
    """Between 2020 and 2050."""
    return 1_577_836_800 <= number / _CLOCKS[unit] <= 2_524_608_000


def _why(heard: Heard) -> str:
    if not heard.numbers:
        return "no format recognises it, and it holds no number"
    if list(heard.numbers) == [""]:
        return "a number, but of what? Name quantity and unit, and take the comment signs away"
    return "no format recognises it: keep the numbers that are wanted, name quantity and unit, and take the signs away"


def _silent(found: Found) -> Iterator[str]:
    """Devices that were recognised and gave no value."""
    silent = [
        device
        for device in found.devices.values()
        if not device.values and not device.asks and not device.needs_options
    ]
    if silent:
        shown = ", ".join(f"{device.topic} ({device.format})" for device in silent[:10])
        yield f"Recognised, but without a value so far: {shown}{' …' if len(silent) > 10 else ''}."
    for device in silent[:10]:
        yield from (f"  {device.topic}: {remark}" for remark in list(device.remarks)[:2])
    if found.skipped:
        yield f"{found.skipped} messages came on further topics, which were not looked at: narrow it with --topic."
    if found.lost:
        yield f"{found.lost} messages came too fast to be looked at: narrow it with --topic."


def _interval_s(device: FoundDevice) -> int:
    heard_s = device.interval_s
    if heard_s is None:
        return _SELDOM_S
    return next((interval for interval in _INTERVALS_S if interval >= heard_s * 0.9), _INTERVALS_S[-1])


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.translate(_GERMAN)).encode("ascii", "ignore").decode()
