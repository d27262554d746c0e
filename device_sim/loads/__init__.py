"""What the town's buildings take and give, one small file a kind; see README.md for how to add one."""

from typing import Annotated

from pydantic import Field

from device_sim.loads.charging import Charging
from device_sim.loads.heating import Circulation, HeatDemand, HeatPump
from device_sim.loads.kitchen import Kitchen
from device_sim.loads.lighting import Lighting, StreetLighting
from device_sim.loads.load import Load
from device_sim.loads.occupied import Occupied
from device_sim.loads.photovoltaic import Photovoltaic
from device_sim.loads.pool import Filtration
from device_sim.loads.server import Server
from device_sim.loads.water import District, WaterUse, WaterworksPump

AnyLoad = Annotated[
    Charging
    | Circulation
    | District
    | Filtration
    | HeatDemand
    | HeatPump
    | Kitchen
    | Lighting
    | Occupied
    | Photovoltaic
    | Server
    | StreetLighting
    | WaterUse
    | WaterworksPump,
    Field(discriminator="kind"),
]

__all__ = ["AnyLoad", "Load"]
