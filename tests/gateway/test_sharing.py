"""Who holds what, when replicas come and go; and what the gateway says and does not say of devices it does not hold."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from gateway.device_state import Devices
from gateway.reporter import SILENT, Chronicle
from gateway.sharing.division import Division, Portion, View
from gateway.sharing.rendezvous import owner
from metering.event import Event
from metering.instant import SECOND
from tests.gateway.parts import DEVICES, START_US, reading

SETTLE_S, ALONE_S = 5.0, 300.0
BUSES = {f"modbus:{n}": Portion(frozenset({f"meter{n}"})) for n in range(40)}
NAMES = st.sets(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8), min_size=1)


@given(replicas=NAMES, key=st.text(max_size=20), lost=st.data())
def test_only_what_a_lost_replica_had_changes_hands(replicas: set[str], key: str, lost: st.DataObject) -> None:
    had = owner(key, replicas)
    gone = lost.draw(st.sampled_from(sorted(replicas)))
    now = owner(key, replicas - {gone})
    assert had in replicas
    assert had in {now, gone}


def test_many_keys_are_divided_about_evenly() -> None:
    owned = [owner(f"bus {n}", {"a", "b", "c"}) for n in range(3000)]
    assert all(900 < owned.count(replica) < 1100 for replica in "abc")


class Group:
    """Replicas that see what they are given to see, as time passes."""

    def __init__(self, portions: Mapping[str, Portion] = BUSES) -> None:
        self.portions = portions
        self.divisions = {name: Division(name, SETTLE_S, ALONE_S) for name in "abc"}

    def holds(self, views: Mapping[str, View], now_s: float) -> dict[str, frozenset[str]]:
        return {name: self.divisions[name].holds(self.portions, view, now_s) for name, view in views.items()}


def sees(live: str, alone_s: float = 0.0) -> View:
    return View(frozenset(live), frozenset(), alone_s)


def test_nothing_is_held_before_it_is_known_who_is_there() -> None:
    group = Group()
    for now_s in range(10):
        assert group.holds({"a": View()}, now_s) == {"a": frozenset()}


def test_all_is_held_once_while_one_goes_and_comes_back() -> None:
    group = Group()
    three = dict.fromkeys("abc", sees("abc"))
    assert not any(group.holds(three, 0.0).values())
    first = group.holds(three, SETTLE_S)
    assert frozenset().union(*first.values()) == set(BUSES)
    assert sum(map(len, first.values())) == len(BUSES)

    two = dict.fromkeys("ab", sees("ab"))
    assert group.holds(two, 10.0) == {"a": first["a"], "b": first["b"]}  # not yet: the third may only be slow
    second = group.holds(two, 10.0 + SETTLE_S)
    assert second["a"] | second["b"] == set(BUSES)
    assert second["a"] > first["a"] or second["b"] > first["b"]

    back = group.holds(three, 30.0)
    assert (back["a"], back["b"]) == (first["a"], first["b"])  # given away at once, before the third takes it
    assert group.holds(three, 30.0 + SETTLE_S) == first


def test_who_is_alone_keeps_what_it_has_for_the_time_set_and_takes_nothing() -> None:
    group = Group()
    three = {"a": sees("abc")}
    group.holds(three, 0.0)
    had = group.holds(three, SETTLE_S)
    assert group.holds({"a": sees("abc", ALONE_S)}, 400.0) == had
    assert group.holds({"a": sees("abc", ALONE_S + 1)}, 401.0) == {"a": frozenset()}
    assert group.holds(three, 500.0) == {"a": frozenset()}
    assert group.holds(three, 500.0 + SETTLE_S) == had


def test_what_is_fixed_needs_nobody() -> None:
    group = Group({"serial": Portion(frozenset({"m"}), "a"), "free": Portion(frozenset({"n"}))})
    assert group.holds(dict.fromkeys("ab", View()), 0.0) == {"a": {"serial"}, "b": frozenset()}


def test_a_silence_goes_on_with_whoever_has_the_device_now() -> None:
    def silence(device: str) -> Event:
        return Event(f"device_silent:{device}:1", 1, None, SILENT, 1, device, "", "")

    states = Devices({"meter": DEVICES["meter"]}, START_US)
    chronicle = Chronicle("en", states.device, "leitwarte-gateway.a", lambda id_: id_ in DEVICES and id_ not in states)
    chronicle.resume([silence("meter"), silence("other"), silence("dismantled")])
    states.heard([reading(1), reading(1, "other")], START_US + SECOND)  # of the other one it hears nothing
    now_us = START_US + 2 * SECOND
    ended = {event.subject for event in chronicle.devices(states.status(now_us), now_us)}
    assert ended == {"meter", "dismantled"}
