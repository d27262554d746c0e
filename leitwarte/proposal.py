"""What a discovery proposes beside the devices themselves: the metering points they can serve, and names for it all."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from leitwarte.fragment import Item
from metering.estate import Carrier, Role

BUILDING = "new-building"
_OUTWARDS = (Role.FEED_IN, Role.GENERATION)
_REMARK = (
    "Rename site and building, or move the meters to where they belong. Where several meters of one kind were found, "
    "all are submeters, so that nothing is counted twice: give the one that the utility bills the role supply, and the "
    "others it as their parent."
)


class _Use(NamedTuple):
    """What a register is billed as, and the quantities that may show its rate."""

    carrier: Carrier
    role: Role
    rates: tuple[str, ...]


_USES = {
    "active_energy_import": _Use(Carrier.ELECTRICITY, Role.SUPPLY, ("active_power",)),
    "active_energy_export": _Use(Carrier.ELECTRICITY, Role.FEED_IN, ()),
    "active_energy_generation": _Use(Carrier.ELECTRICITY, Role.GENERATION, ("active_power_generation",)),
    "heat_energy": _Use(Carrier.HEAT, Role.SUPPLY, ("heat_power",)),
    "gas_volume": _Use(Carrier.GAS, Role.SUPPLY, ("volume_flow",)),
    "water_volume": _Use(Carrier.WATER, Role.SUPPLY, ("volume_flow",)),
}


def slug(text: str) -> str:
    """The text as an id of the settings file; "device" if nothing of it can stand there."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._") or "device"


def unique(wanted: str, taken: Collection[str]) -> str:
    """The id, with a number behind it if it is taken."""
    number, found = 2, wanted
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    return found


def site(devices: Mapping[str, Mapping[str, float]]) -> Sequence[Item]:
    """A site whose building has a meter for each register that can be billed; nothing if there is none.

    devices  id → the quantities it shows, in their canonical units
    """
    uses = [
        (device, register, _USES[register])
        for device, values in devices.items()
        for register, value in values.items()
        if register in _USES and (register != "active_energy_export" or value > 0)
    ]
    if not uses:
        return ()
    supplies = Counter(use.carrier for _, _, use in uses if use.role is Role.SUPPLY)
    meters = [
        Item(_meter(device, register, use, devices[device], is_alone=supplies[use.carrier] == 1))
        for device, register, use in uses
        if use.role is not Role.FEED_IN or supplies[use.carrier] == 1
    ]
    building = Item({"id": BUILDING, "name": "New building"}, lists={"meters": meters})
    return (Item({"id": "new-site", "name": "New site"}, (_REMARK,), {"buildings": (building,)}),)


def _meter(
    device: str, register: str, use: _Use, values: Mapping[str, float], *, is_alone: bool
) -> Mapping[str, object]:
    role = Role.SUBMETER if use.role is Role.SUPPLY and not is_alone else use.role
    meter: dict[str, object] = {
        "id": f"{device}.{role.value if role in _OUTWARDS else use.carrier.value}",
        "carrier": use.carrier.value,
        "role": role.value,
        "device": device,
        "register": register,
    }
    rate = next((name for name in use.rates if name in values), None)
    return meter | ({"power": rate} if rate else {})
