"""Sign-in at an OpenID provider: the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1).

The ID token is believed only if a key of the provider signed it, for this app, for this very sign-in, and lately.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from dashboards.settings import OidcSettings
from dashboards.web.access.accounts import Person
from dashboards.web.access.rights import Role

_PATIENCE_S = 10.0
_FRESH_S = 3600.0
_BEGUN_FOR_S = 600.0
_MOST_BEGUN = 5_000
_LEEWAY_S = 60
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key; never `none`, and no shared secrets."""


class SignInError(Exception):
    """Why it did not work: for the log, and ``key`` of the text that the visitor reads."""

    def __init__(self, why: str, key: str = "signin.oidc.failed") -> None:
        super().__init__(why)
        self.key = key


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in on its way: what must come back from the provider, and where the visitor wants to go."""

    nonce: str
    verifier: str
    to: str
    until_s: float


class Provider:
    """The provider of the settings. Its documents are fetched when first needed and kept for an hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._begun: OrderedDict[str, Begun] = OrderedDict()
        self._documents: dict[str, tuple[float, dict[str, object]]] = {}

    async def begin(self, back: str, to: str) -> tuple[str, str]:
        """Where to send the visitor, and the state to expect; ``back`` is the address to come back to."""
        metadata = await self._metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        async with self._client(back) as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        self._begun[state] = Begun(nonce, verifier, to, time.monotonic() + _BEGUN_FOR_S)
        while len(self._begun) > _MOST_BEGUN:
            self._begun.popitem(last=False)
        return str(address), state

    async def finish(self, answer: Mapping[str, str], state: str, back: str) -> tuple[Person, str]:
        """Who it is, and where they want to go. ``state`` is the one that their browser has kept."""
        if not state or not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise SignInError("the state is not the one of this browser")
        begun = self._begun.pop(state, None)
        if begun is None or begun.until_s < time.monotonic():
            raise SignInError("the sign-in took too long, or was done before")
        if "code" not in answer:
            raise SignInError(f"the provider said {answer.get('error', 'nothing')[:80]!r}")
        metadata = await self._metadata()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=answer["code"], code_verifier=begun.verifier
                )
        except Exception as error:  # of authlib, httpx or the JSON it read: all mean that there is no token
            raise SignInError(f"no token: {type(error).__name__}: {error}") from error
        if not isinstance(token, dict) or not isinstance(token.get("id_token"), str):
            raise SignInError("the provider gave no ID token")
        claims = await self._verified(token["id_token"], begun.nonce, str(token.get("access_token", "")))
        return self._person(claims), begun.to

    async def _verified(self, id_token: str, nonce: str, access_token: str) -> dict[str, object]:
        options = {"iss": {"essential": True, "value": self._settings.issuer}}
        params = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": access_token}
        try:
            decoded = await self._decoded(id_token)
            audience = decoded.claims.get("aud")
            if self._settings.client_id not in (audience if isinstance(audience, list) else [audience]):
                raise SignInError("the ID token is meant for another app")
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(now=int(time.time()), leeway=_LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise SignInError(f"the ID token is not valid: {error}") from error
        return dict(claims)

    async def _decoded(self, id_token: str) -> jwt.Token:
        """Raises JoseError. The keys are fetched anew for one that is unknown: providers change them."""
        jwks = str((await self._metadata())["jwks_uri"])
        try:
            return jwt.decode(id_token, _keys(await self._document(jwks)), algorithms=_ALGORITHMS)
        except (InvalidKeyIdError, ValueError):
            self._documents.pop(jwks, None)
            return jwt.decode(id_token, _keys(await self._document(jwks)), algorithms=_ALGORITHMS)

    async def _metadata(self) -> dict[str, object]:
        issuer = self._settings.issuer
        metadata = await self._document(f"{issuer}/.well-known/openid-configuration")
        if str(metadata.get("issuer", "")).rstrip("/") != issuer:
            raise SignInError(f"the provider calls itself {metadata.get('issuer')!r}, not {issuer!r}")
        return metadata

    async def _document(self, address: str) -> dict[str, object]:
        fetched_s, document = self._documents.get(address, (float("-inf"), {}))
        if time.monotonic() - fetched_s < _FRESH_S:
            return document
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
                answer = await client.get(address)
            answer.raise_for_status()
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignInError(f"{address}: {type(error).__name__}: {error}", "signin.oidc.down") from error
        if not isinstance(document, dict):
            raise SignInError(f"{address} holds no JSON object", "signin.oidc.down")
        self._documents[address] = time.monotonic(), document
        return document

    def _person(self, claims: Mapping[str, object]) -> Person:
        settings = self._settings
        name = str(claims.get(settings.name_claim) or claims["sub"])[:60]
        values = _texts(claims.get(settings.role_claim))
        role = next((Role(role) for value, role in settings.roles.items() if value in values), None)
        if role is None:
            raise SignInError(f"{name} has none of the roles", "signin.oidc.no_role")
        buildings = frozenset(_texts(claims.get(settings.buildings_claim))) if role == Role.FACILITY_MANAGER else None
        return Person(f"{settings.issuer}#{claims['sub']}", name, role, buildings)

    def _client(self, back: str) -> AsyncOAuth2Client:
        settings = self._settings
        secret = settings.client_secret.get_secret_value() if settings.client_secret else None
        return AsyncOAuth2Client(
            settings.client_id,
            secret,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=" ".join(settings.scopes),
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_PATIENCE_S,
        )


def _keys(document: dict[str, object]) -> KeySet:
    return KeySet.import_key_set(document)  # type: ignore[arg-type]


def _texts(claim: object) -> list[str]:
    return [str(value) for value in claim] if isinstance(claim, list) else [] if claim is None else [str(claim)]


def failure(to: str, key: str) -> str:
    """The address of the sign-in page that says why it did not work."""
    return "/sign-in?" + urlencode({"to": to, "failed": key})
