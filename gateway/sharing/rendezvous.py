"""Rendezvous hashing: of those who are there, the one whose name and the key together have the highest hash.

If one goes, only what it had changes hands; when it is back, it gets the same again.
Thaler, Ravishankar: Using name-based mappings to increase hit rates, IEEE/ACM Transactions on Networking 6 (1998).
"""

from collections.abc import Collection
from hashlib import blake2b


def owner(key: str, replicas: Collection[str]) -> str:
    """Whose the key is; "" if nobody is there."""
    return max(replicas, key=lambda replica: (_weight(replica, key), replica), default="")


def _weight(replica: str, key: str) -> bytes:
    return blake2b(key.encode(), digest_size=8, key=replica.encode()[:64]).digest()
