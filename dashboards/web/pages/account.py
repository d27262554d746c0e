"""One's own account: who one is, one's API tokens, and for local users another password."""

import asyncio

from fastapi import Request
from nicegui import ui

from dashboards.web import parts
from dashboards.web.access.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, Accounts, Token
from dashboards.web.access.doors import OUTCOMES
from dashboards.web.access.rights import SCOPES
from dashboards.web.frame import Desk
from dashboards.web.house import House

_DAYS = 365


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/account")
    async def account(request: Request, said: str = "") -> None:
        desk = Desk(house, request)
        say = desk.texts
        with desk.frame("", say("page.account")):
            parts.heading(say("page.account"))
            accounts = desk.house.accounts
            if accounts is None:
                with parts.card(say("account")):
                    ui.label(say("operation.no_sign_in"))
                return
            with parts.card(say("account")):
                parts.facts(_facts(desk))
            if (await asyncio.to_thread(accounts.user, desk.visitor.name)).is_local:
                with parts.card(say("password.title")):
                    _password(desk, said)
            with parts.card(say("token.title")):
                await _Tokens(desk, accounts).show()


def _facts(desk: Desk) -> list[tuple[str, str]]:
    visitor, say = desk.visitor, desk.texts
    seen = say("account.all")
    if visitor.buildings is not None:
        seen = ", ".join(building.name for building in desk.house.estate.buildings.values()) or "–"
    return [
        (say("signin.name"), visitor.name),
        (say("account.role"), say(f"role.{visitor.role}")),
        (say("account.buildings"), seen),
    ]


def _password(desk: Desk, said: str) -> None:
    """A form that the browser sends: no password goes through the page's socket."""
    say = desk.texts
    if said in OUTCOMES:
        tone = "success" if said == OUTCOMES[0] else "complaint"
        ui.label(say(said, n=SHORTEST_PASSWORD)).classes(tone).props('role="status"')
    ui.label(say("password.note", n=SHORTEST_PASSWORD)).classes("fine")
    with ui.element("form").props('method="post" action="/account/password"').classes("fields"):
        for field, use in {"current": "current-password", "new": "new-password", "again": "new-password"}.items():
            with ui.element("label").props(f'for="{field}"'):
                ui.label(say(f"password.{field}"))
            entry = ui.element("input").props(
                f'type="password" id="{field}" name="{field}" autocomplete="{use}" required'
            )
            entry.props(f"maxlength={LONGEST_PASSWORD}")
        with ui.element("button").props('type="submit"').classes("plain-button"):
            ui.label(say("password.change"))


class _Tokens:
    """The visitor's own tokens: made, listed, taken back."""

    def __init__(self, desk: Desk, accounts: Accounts) -> None:
        self._desk = desk
        self._accounts = accounts
        self._who = desk.visitor.name

    async def show(self) -> None:
        say = self._desk.texts
        ui.label(say("token.note")).classes("fine")
        with ui.element("div").classes("form"):
            self._purpose = ui.input(say("token.purpose")).props("outlined dense maxlength=60")
            self._scopes = ui.select(list(SCOPES), multiple=True, label=say("token.scopes")).props(
                "outlined dense options-dense"
            )
            ui.button(say("token.make"), on_click=self._make).props("no-caps unelevated")
        self._new = ui.element("div").props('role="status"')
        self._list = ui.element("ul").classes("tokens")
        await self._refresh()

    async def _make(self) -> None:
        now_us = self._desk.house.clock.now_us()
        try:
            token = await asyncio.to_thread(
                self._accounts.new_token,
                self._who,
                (self._purpose.value or "")[:60],
                self._scopes.value or [],
                _DAYS,
                now_us,
                who=self._who,
            )
        except ValueError:
            ui.notify(self._desk.texts("token.missing"))
            return
        self._new.clear()
        with self._new:
            ui.label(self._desk.texts("token.once")).classes("fine")
            ui.label(token).classes("lines")
        await self._refresh()

    async def _refresh(self) -> None:
        tokens = await asyncio.to_thread(self._accounts.tokens, self._who)
        self._list.clear()
        with self._list:
            for token in tokens:
                self._row(token)

    def _row(self, token: Token) -> None:
        say = self._desk.texts
        until = say("token.until", day=self._desk.formats.time(token.expires_us))

        async def revoke() -> None:
            now_us = self._desk.house.clock.now_us()
            await asyncio.to_thread(self._accounts.revoke_token, token.id, now_us, who=self._who, user=self._who)
            await self._refresh()

        with ui.element("li"):
            ui.label(token.purpose or token.id).classes("entry-action")
            ui.label(" ".join(token.scopes))
            ui.label(until).classes("fine")
            button = ui.button(say("token.revoke"), on_click=revoke).props("no-caps outline dense")
            button.props["aria-label"] = f"{say('token.revoke')}: {token.purpose or token.id}"
