"""Pages without script: what people see before they are signed in, or where they may not go."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from nicegui import __version__

from dashboards.web import preferences
from dashboards.web.house import House
from metering.texts import Texts

_FONTS = f"/_nicegui/{__version__}/static/fonts.css"
"""Letters and icons of the pages with script, which anybody may load."""
STYLE = Path(__file__).with_name("style.css").read_text("utf-8")


def plain_page(  # noqa: PLR0913
    request: Request,
    house: House,
    key: str,
    *,
    form: Iterable[str] = (),
    complaint: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A page with title and words from texts.yaml (``<key>``, ``<key>.note``).

    ``form`` is markup that is safe already; ``complaint`` is text.
    """
    language = preferences.language_of(request, house)
    say = Texts("dashboards.web", language)
    theme = "body--dark" if preferences.theme_of(request, house) == "dark" else "body--light"
    other, label = ("en", "EN") if language == "de" else ("de", "DE")
    is_read = request.method == "GET"
    switch = escape(preferences.link(request, language=other) if is_read else f"/preferences?language={other}")
    dark = theme == "body--dark"
    other_theme = "light" if dark else "dark"
    themes = preferences.link(request, theme=other_theme) if is_read else f"/preferences?theme={other_theme}"
    said = f'<p class="complaint" role="alert" id="complaint">{escape(complaint)}</p>' if complaint else ""
    home = f'<a href="/">{escape(say("to_start"))}</a>' if not form else ""
    markup = f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(say(key))} · Leitwarte</title>
<link rel="stylesheet" href="{_FONTS}"><style>{STYLE}</style>
</head>
<body class="{theme} page plain">
<header class="plain-top"><span class="brand">{_icon("insights")}Leitwarte</span><span class="switches">
<a href="{switch}" hreflang="{other}" aria-label="{escape(say("switch.language"))}">{label}</a>
<a href="{escape(themes)}" aria-label="{escape(say(f"switch.{other_theme}"))}">{_icon(f"{other_theme}_mode")}</a>
</span></header>
<main class="plain-card">
<h1>{escape(say(key))}</h1>
<p class="subtitle">{escape(say(f"{key}.note"))}</p>
{said}{"".join(form)}{home}
</main>
</body>
</html>
"""
    return HTMLResponse(markup, status, headers)


def _icon(name: str) -> str:
    return f'<i class="q-icon material-icons" aria-hidden="true">{name}</i>'
