"""Follows a resource path and puts the answer together, with the addresses that lead on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from dashboards.web.sensorthings import observations
from dashboards.web.sensorthings.entities import LINKS, Entities, Entity
from dashboards.web.sensorthings.options import NotOffered, Options, WrongQuestion, sort, split
from storage.protocol import Store

_MOST_READ = 1000
"""An answer is put together from no more pages of Observations than this."""
MOST_TOLD = 10_000
"""An answer holds no more entities than this, one inside the other or side by side."""
_REQUIREMENTS = (
    "datamodel",
    "resource-path/resource-path-to-entities",
    "request-data/status-code",
    "request-data/query-status-code",
    "request-data/order",
    "request-data/expand",
    "request-data/select",
    "request-data/orderby",
    "request-data/top",
    "request-data/skip",
    "request-data/count",
    "request-data/pagination",
)

Answer = dict[str, Any]


class NotThere(LookupError):
    """The path leads nowhere."""


@dataclass(frozen=True, slots=True)
class _Set:
    """Entities of one set; ``datastream`` where they are Observations, which are read when asked for."""

    name: str
    entities: Sequence[Entity] = ()
    datastream: Entity | None = None


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    value: object


class Answers:
    """Answers below the address ``root``. Readings are no newer than ``until_us``.

    Its methods raise `storage.protocol.StoreError`, NotThere, and WrongQuestion or NotOffered for the options.
    """

    def __init__(self, entities: Entities, store: Store, root: str, until_us: int) -> None:
        self._entities = entities
        self._store = store
        self._root = root
        self._until_us = until_us
        self._read = 0
        self._told = 0

    def service(self) -> Answer:
        """What is there, and which requirements of the standard are met."""
        uri = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
        return {
            "value": [{"name": name, "url": f"{self._root}/{name}"} for name in LINKS],
            "serverSettings": {"conformance": [uri + name for name in _REQUIREMENTS]},
        }

    async def at(self, path: str, options: Options) -> Answer | str:
        """What the path leads to; a text for a ``$value``."""
        *way, last = split(path.rstrip("/"), "/")
        if last not in ("$ref", "$value"):
            way, last = [*way, last], ""
        found: _Set | Entity | _Property | None = None
        for step in way:
            found = await self._step(found, step)
        if isinstance(found, _Property) and last != "$ref":
            return str(found.value) if last else {found.name: found.value}
        if isinstance(found, _Set) and last != "$value":
            address = quote(path.rstrip("/"), safe="/()'@:$")
            return await self._collection(found, options, f"{self._root}/{address}", only_links=bool(last))
        if isinstance(found, Entity) and not last:
            return await self._entity(found, options)
        raise NotThere(f"{path} leads nowhere")

    async def _step(self, at: "_Set | Entity | _Property | None", step: str) -> "_Set | Entity | _Property":
        name, has_id, key = step.partition("(")
        if isinstance(at, _Property) and not has_id and isinstance(at.value, Mapping) and step in at.value:
            return _Property(step, at.value[step])
        if isinstance(at, Entity) and not has_id and name in at.properties:
            return _Property(name, self._properties(at)[name])
        if at is None and name in LINKS:
            listed = _Set(name, list(self._entities.sets[name].values()))
        elif isinstance(at, Entity) and name in LINKS[at.set]:
            listed = self._behind(at, name)
            if listed.name != name and listed.entities:  # a link to one, not to a set
                return listed.entities[0]
        else:
            raise NotThere(f"there is no {step!r} here")
        return await self._member(listed, key.removesuffix(")")) if has_id else listed

    async def _member(self, listed: _Set, key: str) -> Entity:
        id_ = key[1:-1].replace("''", "'") if key.startswith("'") else key
        if listed.name == "Observations":
            stream, _, time = id_.rpartition("@")
            datastream = listed.datastream or self._entities.sets["Datastreams"].get(stream)
            if datastream is not None and datastream.id == stream and re.fullmatch(r"\d{1,18}", time):
                found = await observations.one(self._store, datastream, int(time))
                if found is not None:
                    return found
        for entity in listed.entities:
            if entity.id == id_:
                return entity
        raise NotThere(f"there is no {listed.name}('{id_}') here")

    def _behind(self, entity: Entity, link: str) -> _Set:
        target = LINKS[entity.set][link]
        if target == "Observations":
            return _Set(target, datastream=entity if entity.set == "Datastreams" else None)
        return _Set(target, self._entities.linked(entity, link))

    async def _collection(self, listed: _Set, options: Options, address: str, *, only_links: bool = False) -> Answer:
        if listed.name == "Observations":
            entities, count, has_more = await self._observations(listed.datastream, options)
        else:
            chosen = [entity for entity in listed.entities if self._is_asked(entity, options)]
            chosen = [entity for entity in sort(chosen, options, self._value) if isinstance(entity, Entity)]
            entities, count = chosen[options.skip : options.skip + options.top], len(chosen)
            has_more = count > options.skip + options.top
        answer: Answer = {"@iot.count": count} if options.count else {}
        if has_more:
            following = {**options.text, "$skip": str(options.skip + options.top)}
            query = urlencode(following, safe="$()',/;=", quote_via=quote)
            answer["@iot.nextLink"] = f"{address}?{query}"
        if only_links:
            return {**answer, "value": [{"@iot.selfLink": self._address(entity)} for entity in entities]}
        return {**answer, "value": [await self._entity(entity, options) for entity in entities]}

    async def _observations(self, datastream: Entity | None, options: Options) -> tuple[Sequence[Entity], int, bool]:
        if datastream is None:
            raise NotOffered("Observations are told of one Datastream at a time: Datastreams('…')/Observations")
        self._read += 1
        if self._read > _MOST_READ:
            raise _too_much()
        found = await observations.page(self._store, datastream, options, self._until_us)
        return found.observations, found.count or 0, found.has_more

    async def _entity(self, entity: Entity, options: Options) -> Answer:
        self._told += 1
        if self._told > MOST_TOLD:
            raise _too_much()
        links = LINKS[entity.set]
        unknown = [name for name in options.expand if name not in links]
        unknown += [name for name in options.select if name not in {"id", "@iot.id", *links, *entity.properties}]
        if unknown:
            raise WrongQuestion(f"{entity.set} have no {unknown[0]!r}")
        address = self._address(entity)
        answer: Answer = {"@iot.id": entity.id, "@iot.selfLink": address, **self._properties(entity)}
        answer |= {f"{link}@iot.navigationLink": f"{address}/{link}" for link in links if link not in options.expand}
        if options.select:
            wanted = {"@iot.id" if name == "id" else name for name in options.select}
            wanted |= {f"{name}@iot.navigationLink" for name in options.select}
            answer = {key: value for key, value in answer.items() if key in wanted}
        for link, inner in options.expand.items():
            answer |= await self._expanded(entity, link, inner)
        return answer

    async def _expanded(self, entity: Entity, link: str, options: Options) -> Answer:
        behind = self._behind(entity, link)
        if behind.name != link:
            return {link: await self._entity(behind.entities[0], options)} if behind.entities else {}
        found = await self._collection(behind, options, f"{self._address(entity)}/{link}")
        return {link: found.pop("value"), **{f"{link}{key}": value for key, value in found.items()}}

    def _is_asked(self, entity: Entity, options: Options) -> bool:
        return all(condition.holds(self._value(entity, condition.path)) for condition in options.conditions)

    def _value(self, entity: object, path: tuple[str, ...]) -> object:
        """A property, through single links and into objects, such as ``Thing/name`` or ``properties/carrier``."""
        found = entity
        for step in path:
            if isinstance(found, Entity):
                if step in ("id", "@iot.id"):
                    found = found.id
                elif step in found.properties:
                    found = self._properties(found)[step]
                elif step in LINKS[found.set] and LINKS[found.set][step] != step:
                    found = next(iter(self._entities.linked(found, step)), None)
                else:
                    raise WrongQuestion(f"{found.set} have no {step!r} to filter or order by")
            else:
                found = found.get(step) if isinstance(found, Mapping) else None
        return found

    def _properties(self, entity: Entity) -> Mapping[str, object]:
        if entity.set == "ObservedProperties":
            return {**entity.properties, "definition": self._address(entity)}
        return entity.properties

    def _address(self, entity: Entity) -> str:
        key = quote(entity.id.replace("'", "''"), safe="@:")
        return f"{self._root}/{entity.set}('{key}')"


def _too_much() -> WrongQuestion:
    return WrongQuestion("that is too much for one answer; ask with a smaller $top, or fewer $expand")
