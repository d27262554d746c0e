"""Somebody at the door or inside."""

from dataclasses import dataclass

from dashboards.web.access.rights import RIGHTS, SCOPES, Permission, Role


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and what they may.

    name       the account; empty for nobody in particular
    role       None: not signed in
    buildings  ids of the only buildings to be seen; None: all
    scopes     what an API token is good for; None: not by token
    """

    name: str = ""
    role: Role | None = None
    buildings: frozenset[str] | None = None
    scopes: frozenset[str] | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        if self.role is None:
            return frozenset({Permission.ANYONE})
        if self.scopes is None:
            return RIGHTS[self.role]
        granted = frozenset[Permission]().union(*(SCOPES[scope] for scope in self.scopes if scope in SCOPES))
        return RIGHTS[self.role] & (granted | {Permission.ANYONE})

    def may(self, permission: Permission | None) -> bool:
        return permission is not None and permission in self.permissions


NOBODY = Visitor()
EVERYBODY = Visitor(role=Role.OPERATOR)
"""Who comes to an app without sign-in."""

NOTHING = Visitor(buildings=frozenset())
"""Who sees an empty house."""
