"""The REST API of alerts, under /api/v1/alerts: what the inbox shows, and what people do about it there."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from analytics.alerts.alert import Alert, Verdict
from dashboards.web.answers import AlertOut, alert_out
from dashboards.web.house import Seen
from dashboards.web.inbox import LONGEST_NAME, LONGEST_TEXT, Inbox
from metering.instant import HOUR
from metering.strict import Strict


class Act(Strict):
    """What is done about an alert.

    Signed with the name of whoever signed in or owns the token; ``who`` counts only where there is no sign-in.
    """

    action: Literal[
        "acknowledge", "comment", "assign", "resolve", "reopen", "confirmed", "false_alarm", "mute", "unmute"
    ]
    text: str = Field(default="", max_length=LONGEST_TEXT)
    """A comment needs one."""
    assignee: str = Field(default="", max_length=LONGEST_NAME)
    """For assign: who is to take care of it; empty for nobody."""
    hours: float = Field(default=168.0, gt=0, le=8784)
    """For mute: how long nothing is sent about it."""
    who: str = Field(default="", max_length=LONGEST_NAME)


_Do = Callable[[Inbox, str, Act], Awaitable[Alert]]

_ACTIONS: Mapping[str, _Do] = {
    "acknowledge": lambda inbox, id_, act: inbox.acknowledge(id_, act.who, act.text),
    "comment": lambda inbox, id_, act: inbox.comment(id_, act.who, act.text),
    "assign": lambda inbox, id_, act: inbox.assign(id_, act.assignee.strip(), act.who),
    "resolve": lambda inbox, id_, act: inbox.resolve(id_, act.who, act.text),
    "reopen": lambda inbox, id_, act: inbox.reopen(id_, act.who, act.text),
    "confirmed": lambda inbox, id_, act: inbox.judge(id_, Verdict.CONFIRMED, act.who, act.text),
    "false_alarm": lambda inbox, id_, act: inbox.judge(id_, Verdict.FALSE_ALARM, act.who, act.text),
    "mute": lambda inbox, id_, act: inbox.mute(id_, round(act.hours * HOUR), act.who, act.text),
    "unmute": lambda inbox, id_, act: inbox.mute(id_, None, act.who, act.text),
}


def router() -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["alerts"])

    @routes.get("/alerts")
    async def alerts(house: Seen, *, only_open: Annotated[bool, Query(alias="open")] = True) -> list[AlertOut]:
        """The newest alerts; only the open ones unless ``open=false``."""
        return [alert_out(alert) for alert in await house.inbox.alerts(only_open=only_open)]

    @routes.get("/alerts/{alert_id}")
    async def alert(house: Seen, alert_id: str) -> AlertOut:
        found = await house.inbox.alert(alert_id)
        if found is None:
            raise _unknown(alert_id)
        return alert_out(found)

    @routes.post("/alerts/{alert_id}/actions")
    async def act(house: Seen, alert_id: str, act: Act) -> AlertOut:
        """Do something about an alert; answers with how it stands then."""
        if act.action == "comment" and not act.text.strip():
            raise HTTPException(422, "a comment needs a text")
        try:
            return alert_out(await _ACTIONS[act.action](house.inbox, alert_id, act))
        except LookupError:
            raise _unknown(alert_id) from None
        except ValueError as error:
            raise HTTPException(409, str(error)) from None

    return routes


def _unknown(alert_id: str) -> HTTPException:
    return HTTPException(404, f"unknown alert {alert_id!r}; see /api/v1/alerts")
