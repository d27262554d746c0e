"""The mains: the voltage at a house connection and the frequency of the grid."""

from dataclasses import dataclass

from device_sim.instruments.instrument import rounded
from device_sim.noise import Noise
from metering.instant import HOUR, MINUTE, SECOND
from metering.samples import Floats, Int64s


@dataclass(frozen=True)
class Mains:
    """All devices of one building see the same voltages; all of the town the same frequency."""

    seed: int
    building: str

    def voltage(self, phase: int, times_us: Int64s) -> Floats:
        """Phase to neutral, V, within EN 50160 (230 V ± 10 %)."""
        noise = Noise(self.seed, f"mains/{self.building}/{phase}")
        slow = 1.6 * noise.smooth(times_us, 3 * HOUR) + 0.7 * noise.of("minutes").smooth(times_us, 11 * MINUTE)
        return rounded(231.0 + slow + 0.3 * (noise.of("seconds").uniform(times_us // SECOND) - 0.5), 1)

    def frequency(self, times_us: Int64s) -> Floats:
        """Hz; the standard deviation in the Continental European grid is about 0.02 Hz."""
        return rounded(50 + 0.018 * Noise(self.seed, "mains/frequency").smooth(times_us, 40 * SECOND), 2)
