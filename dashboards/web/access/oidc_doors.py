"""The addresses for signing in at an OpenID provider. Apart from `doors`, since few need what it imports."""

import asyncio

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from dashboards.settings import OidcSettings
from dashboards.web.access.accounts import Accounts, Entry
from dashboards.web.access.doors import address_of, inside, is_secure, local
from dashboards.web.access.entrance import Entrance
from dashboards.web.access.oidc import Provider, SignInError, failure
from dashboards.web.house import House

_COOKIE = "sign_in"
_LASTS_S = 600

_log = structlog.get_logger()


def router(house: House, entrance: Entrance, accounts: Accounts, settings: OidcSettings) -> APIRouter:
    """/sign-in/oidc leads to the provider, which leads to /sign-in/oidc/back."""
    provider = Provider(settings)
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-in/oidc")
    async def to_provider(request: Request, to: str = "/") -> Response:
        try:
            address, state = await provider.begin(_back(request), local(to))
        except SignInError as error:
            return await failed(request, error)
        answer = RedirectResponse(address, status_code=303)
        answer.set_cookie(
            _COOKIE, state, _LASTS_S, path="/sign-in", httponly=True, samesite="lax", secure=is_secure(request)
        )
        return answer

    @routes.get("/sign-in/oidc/back")
    async def from_provider(request: Request) -> Response:
        state = request.cookies.get(_COOKIE, "")
        now_us, address = house.clock.now_us(), address_of(request)
        try:
            person, to = await provider.finish(request.query_params, state, _back(request))
            session = await asyncio.to_thread(accounts.begin_federated, person, now_us, address)
        except LookupError as error:
            return await failed(request, SignInError(str(error), "signin.oidc.refused"))
        except SignInError as error:
            return await failed(request, error)
        entrance.forget()  # the provider may have changed the rights
        answer = inside(request, session, to, house)
        answer.delete_cookie(_COOKIE, path="/sign-in")
        return answer

    async def failed(request: Request, error: SignInError) -> Response:
        _log.warning("OpenID sign-in failed", error=str(error))
        entry = Entry(house.clock.now_us(), "", "sign-in failed", "", f"OpenID: {error}"[:500], address_of(request))
        await asyncio.to_thread(accounts.note, entry)
        return RedirectResponse(failure("/", error.key), status_code=303)

    return routes


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}/sign-in/oidc/back"
