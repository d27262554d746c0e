"""Sign-in at an OpenID provider: a real one over HTTP, small, written from OpenID Connect Core 1.0 and RFC 7636."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from dashboards.settings import OidcSettings, WebSettings
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role
from storage.embedded.store import EmbeddedStore
from tests.dashboards.web.conftest import Running, running
from tests.patience import PATIENCE_S
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENT, SECRET = "leitwarte", "a secret / with: signs"


@dataclass
class Provider:
    """Knows one person. ``spoil`` changes what it does, to be a bad one."""

    issuer: str
    person: dict[str, object] = field(default_factory=dict)
    spoil: dict[str, object] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> FastAPI:
        """Discovery, keys, authorization and token endpoint."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def discovery() -> dict[str, object]:
            return {
                "issuer": self.spoil.get("issuer", self.issuer),
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @app.get("/keys")
        async def keys() -> dict[str, object]:
            return dict(KeySet([self.key]).as_dict(private=False))

        @app.get("/authorize")
        async def authorize(request: Request) -> RedirectResponse:
            """The person is signed in here already, and agrees."""
            asked = dict(request.query_params)
            assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
            assert "openid" in asked["scope"].split()
            assert asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", status_code=302)

        @app.post("/token")
        async def token(request: Request) -> JSONResponse:
            sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            asked = self.codes.pop(sent.get("code", ""), None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
            is_right = (
                asked is not None
                and request.headers["authorization"] == f"Basic {expected}"
                and asked["code_challenge"] == challenge.decode().rstrip("=")
                and asked["redirect_uri"] == sent["redirect_uri"]
            )
            if asked is None or not is_right:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked)})

        return app

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.person,
            **{name: value for name, value in self.spoil.items() if name in ("iss", "aud", "exp", "iat", "nonce")},
        }
        header, key = {"alg": "RS256", "kid": self.key.kid}, self.spoil.get("key", self.key)
        if isinstance(key, OctKey):
            header = {"alg": "HS256"}
        return jwt.encode(header, claims, key, algorithms=["RS256", "HS256"])  # type: ignore[arg-type]


@asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    server.capture_signals = nullcontext  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- it tells in no other way
        await asyncio.sleep(0.02)
    yield
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    port = free_port()
    found = Provider(f"http://127.0.0.1:{port}")
    async with served(found.app(), port):
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(
    web: Running, store: EmbeddedStore, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    del web
    folder: Path = tmp_path_factory.mktemp("oidc")
    settings = WebSettings.model_validate(
        {
            "port": 0,
            "sign_in": "oidc",
            "accounts": folder / "accounts.db",
            "oidc": {
                "issuer": provider.issuer,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "roles": {"stadtwerke": "engineer", "hausmeister": "facility_manager", "klima": "climate_office"},
            },
        }
    )
    async with running(store, folder, settings) as found:
        yield found


@pytest.fixture
def person(provider: Provider) -> Provider:
    """A facility manager, as an honest provider knows her."""
    provider.spoil.clear()
    provider.person = {
        "sub": "4711",
        "preferred_username": "erika",
        "groups": ["alle", "hausmeister"],
        "buildings": ["kita"],
    }
    return provider


async def sign_in(app: Running) -> tuple[httpx.AsyncClient, httpx.Response]:
    """The way through the provider, as a browser goes it."""
    client = httpx.AsyncClient(base_url=app.url, follow_redirects=True, timeout=PATIENCE_S)
    return client, await client.get("/sign-in/oidc", params={"to": "/api/v1/buildings"})


async def test_a_person_of_the_provider_comes_in(app: Running, person: Provider) -> None:
    client, answer = await sign_in(app)
    assert answer.status_code == 200, answer.text
    assert [building["id"] for building in answer.json()] == ["kita"]
    person.person["groups"] = ["klima"]
    other, _ = await sign_in(app)
    assert (await other.get("/api/v1/devices")).status_code == 403
    with_accounts = Accounts(f"sqlite:///{app.settings.accounts}")
    assert [(user.name, user.role) for user in with_accounts.users()] == [("erika", Role.CLIMATE_OFFICE)]
    assert not with_accounts.check("erika", "")
    with_accounts.close()
    await client.aclose()
    await other.aclose()


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another app"},
        {"aud": ["another app"]},
        {"iss": "https://evil.example"},
        {"exp": 1_700_000_000},
        {"key": RSAKey.generate_key(2048, {"kid": "first"})},
        {"key": OctKey.import_key("known to all who read this")},
    ],
    ids=["nonce", "audience", "audiences", "issuer", "expired", "foreign key", "shared secret"],
)
async def test_a_token_that_is_not_for_us_is_refused(app: Running, person: Provider, spoil: dict[str, object]) -> None:
    person.spoil.update(spoil)
    client, answer = await sign_in(app)
    assert answer.url.path == "/sign-in"
    assert "nicht geklappt" in answer.text
    assert "session" not in client.cookies
    await client.aclose()


async def test_who_has_no_role_stays_outside(app: Running, person: Provider) -> None:
    person.person["groups"] = ["alle"]
    client, answer = await sign_in(app)
    assert "keine Rolle" in answer.text
    assert "session" not in client.cookies
    await client.aclose()


async def test_a_new_key_of_the_provider_is_fetched(app: Running, person: Provider) -> None:
    person.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
    client, answer = await sign_in(app)
    assert answer.status_code == 200, answer.text
    assert answer.url.path == "/api/v1/buildings"
    await client.aclose()


async def test_an_answer_for_another_browser_is_refused(app: Running, person: Provider) -> None:
    """Somebody gets the visitor to open the way back of the attacker's own sign-in."""
    del person
    attacker = httpx.AsyncClient(base_url=app.url, timeout=PATIENCE_S)
    begun = await attacker.get("/sign-in/oidc")
    back = (await attacker.get(begun.headers["location"])).headers["location"]
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE_S) as victim:
        answer = await victim.get(back)
        assert answer.headers["location"].startswith("/sign-in?")
        assert "session" not in victim.cookies
    first = await attacker.get(back)
    assert first.headers["location"] == "/"
    again = await attacker.get(back)
    assert again.headers["location"].startswith("/sign-in?")  # a code and a state work once
    await attacker.aclose()


async def test_the_way_to_the_provider_carries_challenge_state_and_nonce(app: Running, person: Provider) -> None:
    del person
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE_S) as client:
        answer = await client.get("/sign-in/oidc")
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        assert asked["state"][0] == client.cookies["sign_in"]
        assert asked["redirect_uri"] == [f"{app.url}/sign-in/oidc/back"]
        page = await client.get("/sign-in")
        assert "Mit dem Konto der Organisation" in page.text


@pytest.mark.parametrize("issuer", ["http://id.example.de", "ftp://127.0.0.1", "id.example.de"])
async def test_the_provider_must_be_reached_safely(issuer: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        OidcSettings(issuer=issuer, client_id="x", roles={"a": "engineer"})
