"""What a visitor chose: language and colours, kept in two cookies of their browser and nowhere else."""

from typing import Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from dashboards.web.house import House
from metering.texts import LANGUAGES, Language

Theme = Literal["light", "dark"]

PATH = "/preferences"
_YEAR_S = 365 * 24 * 3600


def language_of(request: Request, house: House) -> Language:
    """The language of this visitor."""
    chosen = request.cookies.get("language")
    return next((language for language in LANGUAGES if language == chosen), house.language)


def theme_of(request: Request, house: House) -> Theme:
    """The colours of this visitor."""
    chosen = request.cookies.get("theme")
    themes: tuple[Theme, ...] = get_args(Theme)
    return next((theme for theme in themes if theme == chosen), house.settings.theme)


def link(request: Request, **choice: str) -> str:
    """Where to go to choose ``language`` or ``theme`` and come back to this page."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{PATH}?{urlencode({**choice, 'to': here})}"


def router() -> APIRouter:
    """The route that keeps a choice."""
    routes = APIRouter()

    @routes.get(PATH, include_in_schema=False)
    async def choose(to: str = "/", language: Language | None = None, theme: Theme | None = None) -> RedirectResponse:
        is_local = to.startswith("/") and not to.startswith(("//", "/\\"))
        answer = RedirectResponse(to if is_local else "/", status_code=303)
        for name, value in (("language", language), ("theme", theme)):
            if value is not None:
                answer.set_cookie(name, value, max_age=_YEAR_S, httponly=True, samesite="lax")
        return answer

    return routes
