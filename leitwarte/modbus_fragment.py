"""What a discovery found on a Modbus bus, as a settings fragment."""

from collections.abc import Iterator, Mapping, Sequence

from collectors.modbus.discovery import FoundUnit
from collectors.modbus.discovery_match import Impression, same_registers
from leitwarte.fragment import Document, Item
from leitwarte.proposal import BUILDING, site, unique
from metering.quantities import QUANTITIES, Kind

_INTERVALS_S = (10, 15, 30, 60, 120, 300)
_MOST_OTHERS = 3
_PROBED = 20
_FUNCTIONS = {3: "holding", 4: "input"}


def sections(connection: Mapping[str, object], found: Sequence[FoundUnit], arguments: str) -> dict[str, Sequence[Item]]:
    """The ``modbus`` and ``sites`` of what was found.

    connection  the connection as it stands in the settings, without devices
    arguments   how to name the bus on the command line
    """
    taken: set[str] = set()
    told: set[str] = set()
    shown: dict[str, Mapping[str, float]] = {}
    interval_s = _interval_s(found)
    items: list[Item] = []
    for unit in found:
        if not unit.devices:
            items.append(_unknown(connection, unit, arguments))
        for seen in unit.devices:
            id_ = unique(_id(connection, unit, seen), taken)
            taken.add(id_)
            if unit.same_as is None:
                shown[id_] = seen.values
            items.append(_device(id_, unit, seen, interval_s, is_first=seen.template.id not in told))
            told.add(seen.template.id)
    meters = site(shown)
    if meters:
        items = [_in_building(item) for item in items]
    is_off = all(item.is_off for item in items)
    round_s = sum(unit.round_s for unit in found)
    remark = f"Reading all of it once took {max(round_s, 0.01):.2g} s."
    return {"modbus": (Item(connection, (remark,), {"devices": items}, is_off),), "sites": meters}


def facts(unit: FoundUnit) -> Document:
    """The unit, for machines."""
    return {
        "unit": unit.unit,
        "identity": dict(unit.identity),
        "sunspec_models": list(unit.models),
        "devices": [_impression(seen) for seen in unit.devices],
        "others": [_impression(seen) for seen in unit.others],
        "same_as": unit.same_as,
        "readable": [{"function": function, "address": address} for function, address in unit.readable],
    }


def _impression(seen: Impression) -> Document:
    return {
        "template": seen.template.id,
        "name": seen.template.name,
        "channel": seen.channel,
        "reason": seen.reason(),
        "values": dict(seen.values),
        "refused": list(seen.refused),
    }


def _device(id_: str, unit: FoundUnit, seen: Impression, interval_s: int, *, is_first: bool) -> Item:
    entry = {"id": id_, "unit": unit.unit, "template": seen.template.id}
    if seen.channel > 1:
        entry["channel"] = seen.channel
    entry["interval_s"] = interval_s
    return Item(entry, tuple(_remarks(unit, seen, is_first=is_first)), is_off=unit.same_as is not None)


def _remarks(unit: FoundUnit, seen: Impression, *, is_first: bool) -> Iterator[str]:
    """What is noted in the template stands at the first device of the type only."""
    yield f"Unit {unit.unit}: {seen.template.name}{_identity(unit)}: {seen.reason()}."
    yield f"Now: {_values(seen)}."
    if unit.same_as is not None:
        yield (
            f"It shows the very same counts as unit {unit.same_as}: probably one device that answers to several unit "
            "ids. If it is another, take the comment signs away."
        )
    if seen.template.notes and is_first:
        yield f"Note: {seen.template.notes}"
    for other in unit.others[:_MOST_OTHERS]:
        same = same_registers(other.template, seen.template)
        why = "reads the same registers, so that it makes no difference" if same else other.lacking() or other.reason()
        yield f"Or {other.template.id}: {why}."


def _unknown(connection: Mapping[str, object], unit: FoundUnit, arguments: str) -> Item:
    """What is known about it, and how to go on."""
    remarks = [f"Unit {unit.unit}{_identity(unit)} answers, but looks like no type there is a template for."]
    if unit.models:
        remarks.append(f"It has the SunSpec models {', '.join(map(str, unit.models))}.")
    function, address = next(iter(unit.readable), (3, 0))
    places = ", ".join(f"{_FUNCTIONS[kind]} {at}" for kind, at in unit.readable)
    remarks.append(f"Registers that can be read, of those tried: {places or 'none'}. Look at them:")
    probe = f"leitwarte probe modbus {arguments} --unit {unit.unit} --address {address} --count {_PROBED}"
    remarks.append(f"  {probe} --{_FUNCTIONS[function]}")
    likely = unit.others[:_MOST_OTHERS]
    remarks += [f"It might be {other.template.id} ({other.template.name}): {other.reason()}." for other in likely]
    guess = unit.others[0].template.id if unit.others else "maker/model"
    return Item({"id": f"{connection['id']}-{unit.unit}", "unit": unit.unit, "template": guess}, remarks, is_off=True)


def _in_building(item: Item) -> Item:
    return Item({**item.value, "building": BUILDING}, item.remarks, item.lists, item.is_off)


def _id(connection: Mapping[str, object], unit: FoundUnit, seen: Impression) -> str:
    several = len(unit.devices) > 1
    kind = seen.template.id.partition("/")[2]
    number = sum(one.template.id == seen.template.id for one in unit.devices) > 1
    return f"{connection['id']}-{unit.unit}{f'-{kind}' if several else ''}{f'-{seen.channel}' if number else ''}"


def _identity(unit: FoundUnit) -> str:
    named = [unit.identity[key] for key in ("vendor", "product", "name", "model") if key in unit.identity]
    serial = [f"serial number {unit.identity['serial']}"] if "serial" in unit.identity else []
    words = [*dict.fromkeys(named), *serial]
    return f" ({', '.join(words)})" if words else ""


def _values(seen: Impression) -> str:
    """Counters first: they are what can be compared with the display."""
    names = sorted(seen.values, key=lambda name: QUANTITIES[name].kind is not Kind.REGISTER)
    texts = [f"{name} {seen.values[name]:.10g} {QUANTITIES[name].unit}".removesuffix(" 1") for name in names]
    return ", ".join(texts) or "no value for anything"


def _interval_s(found: Sequence[FoundUnit]) -> int:
    """The shortest usual one that leaves the bus idle half of the time."""
    busy_s = 2 * sum(unit.round_s for unit in found)
    return next((interval for interval in _INTERVALS_S if interval >= busy_s), _INTERVALS_S[-1])
