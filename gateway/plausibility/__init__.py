"""Plausibility checks (Plausibilisierung), reading by reading: what to doubt, and what not to take at all.

judge     the loop over a batch, and the checks that need no memory
gauge     spikes, and gauges that stand still
register  registers that fall or leap
phases    phase voltages that differ
timing    gaps, and device clocks that are wrong
reasons   the keys of all outcomes

What is known of a series is small, of constant size, and learned anew after a restart; until enough has been seen
nothing is doubted. Readings that come late, or out of order, are judged by their range alone.
To add a check, give it a reason, and ask it in the watch of the kind of quantity it is about.
"""

from gateway.plausibility.judge import Plausibility, Rejection, Verdict

__all__ = ["Plausibility", "Rejection", "Verdict"]
