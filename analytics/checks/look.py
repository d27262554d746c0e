"""The checks of an estate: what each needs from the store, and what it finds put into words."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from analytics.alerts.alert import Evidence, Finding
from analytics.alerts.kinds import kind
from analytics.alerts.wording import Wording
from analytics.checks.balance import balance
from analytics.checks.heating import against_cooling, in_summer
from analytics.checks.peak import above_contract
from analytics.checks.plants import underperforming
from analytics.checks.settings import CheckSettings
from analytics.checks.sign import Sign
from metering.estate import Carrier, Estate, Meter, Role
from metering.instant import DAY, HOUR, Window
from metering.reading import Series
from metering.samples import Floats
from storage.protocol import Aggregate, Store

_RECENT = 7  # days that are judged …
_USUAL = 28  # … by so many before them
_YEAR = 366
_COMPLETE = 0.98
_SHOWN = 400
_SAME_SKY_KM = 20.0  # within it a day is about as bright
_KM_A_DEGREE = 111.2  # of latitude: 40,030 km / 360


class Look:
    """Looks at an estate's stored results. ``outdoor`` is the device of the outdoor temperature, if there is one."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it looks at, and how
        self, store: Store, estate: Estate, settings: CheckSettings, outdoor: str | None, step_us: int, wording: Wording
    ) -> None:
        self._store = store
        self._meters = list(estate.meters.values())
        self._estate = estate
        self._settings = settings
        self._outdoor = outdoor
        self._step_us = step_us
        self._wording = wording

    async def all(self, now_us: int) -> list[Finding]:
        """Whatever any check finds in the last days."""
        found: list[Finding] = []
        for check in (self.balances, self.plants, self.peaks, self.summer_heat, self.heat_and_cool):
            found += await check(now_us)
        return found

    async def balances(self, now_us: int) -> list[Finding]:
        """Main meters with their sub-meters; what plants of the building make and nobody feeds in is consumed there."""
        window = _days(now_us, _USUAL + _RECENT)
        found: list[Finding] = []
        for main, group in groupby(sorted(self._parts(), key=_parent), key=_parent):
            meter, parts = self._estate.meters[main], list(group)
            beside = self._beside(meter)
            daily = await self._amounts([meter, *parts, *beside], window, DAY)
            own = daily[0] + sum(
                (-amount if other.role is Role.FEED_IN else amount)
                for other, amount in zip(beside, daily[1 + len(parts) :], strict=True)
            )
            sign = balance(own, daily[1 : 1 + len(parts)].sum(axis=0), _RECENT, self._settings.balance_share)
            found += self._found("balance", meter, sign, (window, DAY), now_us)
        return found

    async def plants(self, now_us: int) -> list[Finding]:
        """Generation meters by the others of their site and by the irradiance that is measured there, or near it."""
        window = _days(now_us, _USUAL + _RECENT)
        found: list[Finding] = []
        made = [
            meter for meter in self._meters if meter.role is Role.GENERATION and meter.carrier is Carrier.ELECTRICITY
        ]
        for _, group in groupby(sorted(made, key=self._site), key=self._site):
            plants = list(group)
            yields = await self._amounts(plants, window, DAY)
            sun = await self._sun(self._site(plants[0]), window)
            for number, meter in enumerate(plants):
                others = np.concatenate((np.delete(yields, number, axis=0), sun))
                sign = underperforming(yields[number], others, _RECENT, self._settings.pv_share)
                found += self._found("pv_low", meter, sign, (window, DAY), now_us)
        return found

    async def peaks(self, now_us: int) -> list[Finding]:
        """Meters with contracted power."""
        end_us = now_us // self._step_us * self._step_us
        window = Window(end_us - _RECENT * DAY, end_us)
        found: list[Finding] = []
        for meter in self._meters:
            if meter.contracted_kw is not None and meter.carrier.unit == "kWh":
                amounts = await self._amounts([meter], window, self._step_us)
                sign = above_contract(amounts[0], self._step_us, meter.contracted_kw)
                found += self._found("peak_power", meter, sign, (window, self._step_us), now_us)
        return found

    async def summer_heat(self, now_us: int) -> list[Finding]:
        """Heat and gas meters on warm days, but for buildings that need heat all year."""
        if self._outdoor is None:
            return []
        window = _days(now_us, _YEAR)
        found: list[Finding] = []
        outdoor = await self._daily_mean(Series(self._outdoor, "outdoor_temperature"), window)
        limit_c = self._settings.heating_limit_c
        if not (outdoor[-_RECENT:] > limit_c).any():
            return []
        for meter in self._meters:
            usage = self._estate.buildings[meter.building].usage
            if _heats(meter) and usage not in self._settings.heat_all_year:
                heat = (await self._amounts([meter], window, DAY))[0]
                sign = in_summer(heat, outdoor, limit_c, self._settings.summer_share)
                words = {"limit": self._wording.number(limit_c)}
                found += self._found("summer_heat", meter, _last(sign, _RECENT), (window, DAY), now_us, words)
        return found

    async def heat_and_cool(self, now_us: int) -> list[Finding]:
        """Buildings in which both heat and cold are metered."""
        end_us = now_us // HOUR * HOUR
        window = Window(end_us - (_USUAL + _RECENT) * DAY, end_us)
        found: list[Finding] = []
        for cooling in (meter for meter in self._meters if meter.register == "cooling_energy"):
            for heating in self._estate.meters_in(cooling.building):
                if _heats(heating):
                    hourly = await self._amounts([heating, cooling], window, HOUR)
                    sign = _last(against_cooling(hourly[0], hourly[1]), _RECENT * DAY // HOUR)
                    words = {"other": cooling.name}
                    found += self._found("heat_and_cool", heating, sign, (window, HOUR), now_us, words)
        return found

    def _parts(self) -> Iterator[Meter]:
        """Meters that are part of another's consumption."""
        for meter in self._meters:
            main = self._estate.meters.get(meter.parent or "")
            if main is not None and meter.role is Role.SUBMETER and main.carrier is meter.carrier:
                yield meter

    def _beside(self, main: Meter) -> list[Meter]:
        """What the building consumes beside what its main meter counts, or less."""
        if main.role is not Role.SUPPLY or main.carrier is not Carrier.ELECTRICITY:
            return []
        roles = (Role.GENERATION, Role.FEED_IN)
        return [meter for meter in self._estate.meters_in(main.building) if meter.role in roles]

    def _site(self, meter: Meter) -> str:
        return self._estate.buildings[meter.building].site

    async def _sun(self, site: str, window: Window) -> Floats:
        """The mean irradiance of each day by each of the nearest devices that measure it, shape (devices, days)."""
        series = [one for one in await self._store.series() if one.quantity == "irradiance"]
        away_km = {one: self._distance_km(one.device, site) for one in series}
        nearest_km = min(away_km.values(), default=math.inf)
        means = [await self._daily_mean(one, window) for one in series if away_km[one] == nearest_km <= _SAME_SKY_KM]
        return np.array(means).reshape(len(means), window.duration_us // DAY)

    def _distance_km(self, device: str, site: str) -> float:
        """How far a device is from a site; 0 for a weather station of no building, infinite where nobody knows."""
        known, here = self._estate.devices.get(device), self._estate.sites[site]
        if known is None or known.building is None:
            return 0.0 if known else math.inf
        there = self._estate.sites[self._estate.buildings[known.building].site]
        if there.id == here.id:
            return 0.0
        if here.latitude is None or here.longitude is None or there.latitude is None or there.longitude is None:
            return math.inf
        east = (there.longitude - here.longitude) * math.cos(math.radians(here.latitude))
        return math.hypot(there.latitude - here.latitude, east) * _KM_A_DEGREE

    async def _daily_mean(self, series: Series, window: Window) -> Floats:
        found = (await self._store.aggregate([series], window, DAY, Aggregate.MEAN))[series]
        means = np.full(window.duration_us // DAY, np.nan)
        means[(found.times_us - window.start_us) // DAY] = found.values
        return means

    async def _amounts(self, meters: Sequence[Meter], window: Window, step_us: int) -> Floats:
        """Shape (meters, steps): what each consumed, NaN where less than nearly all of a step was measured."""
        names = ("consumption", "completeness")
        series = [Series(meter.id, name) for meter in meters for name in names]
        found = await self._store.aggregate(series, window, step_us, Aggregate.SUM)
        rows = np.full((len(series), window.duration_us // step_us), np.nan)
        for row, one in zip(rows, series, strict=True):
            row[(found[one].times_us - window.start_us) // step_us] = found[one].values
        amounts, shares = rows[0::2], rows[1::2]
        return np.where(shares >= _COMPLETE * step_us / self._step_us, amounts, np.nan)

    def _found(  # noqa: PLR0913, PLR0917 - a sign, and where and when it was seen
        self,
        name: str,
        meter: Meter,
        sign: Sign,
        grid: tuple[Window, int],
        now_us: int,
        words: dict[str, str] | None = None,
    ) -> Iterable[Finding]:
        """The finding in a sign, from the first place to the last where it holds; none if there is none."""
        places = np.flatnonzero(sign.holds)
        if not len(places):
            return []
        window, step_us = grid
        starts = np.arange(window.start_us, window.end_us, step_us, dtype=np.int64)
        worst = int(places[np.abs(sign.actual - sign.expected)[places].argmax()])
        still = places[-1] == len(starts) - 1  # the newest there is: it goes on
        last_us = now_us if still else int(starts[places[-1]]) + step_us
        say, number = self._wording.say, self._wording.number
        text = say(
            f"explain.{name}",
            actual=number(float(sign.actual[worst])),
            expected=number(float(sign.expected[worst])),
            unit=meter.carrier.unit,
            day=self._wording.day(int(starts[worst]) + step_us // 2),
            moment=self._wording.moment(int(starts[worst])),
            **(words or {}),
        )
        unit = "kW" if name == "peak_power" else meter.carrier.unit
        return [
            Finding(
                f"{meter.id}:{name}",
                name,
                meter.id,
                meter.building,
                kind(name).severity,
                int(starts[places[0]]),
                last_us,
                say(f"title.{name}", name=meter.name),
                text,
                Evidence(
                    "consumption",
                    unit,
                    tuple(starts[-_SHOWN:].tolist()),
                    _numbers(sign.actual[-_SHOWN:]),
                    _numbers(sign.expected[-_SHOWN:]),
                    (None,) * len(starts[-_SHOWN:]),
                    (None,) * len(starts[-_SHOWN:]),
                ),
            )
        ]


def _days(now_us: int, number: int) -> Window:
    """The last so many whole days."""
    end_us = now_us // DAY * DAY
    return Window(end_us - number * DAY, end_us)


def _parent(meter: Meter) -> str:
    return meter.parent or ""


def _heats(meter: Meter) -> bool:
    return meter.carrier in (Carrier.HEAT, Carrier.GAS) and meter.register != "cooling_energy"


def _last(sign: Sign, recent: int) -> Sign:
    """The sign, where it holds in the last so many steps."""
    holds = sign.holds.copy()
    holds[:-recent] = False
    return Sign(holds, sign.actual, sign.expected)


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in np.round(values, 6).tolist())
