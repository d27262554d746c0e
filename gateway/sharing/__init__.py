"""Several gateways that divide the connections of one installation among themselves. What, why and how: docs/scale.md.

rendezvous  who gets what: each replica comes to the same answer by itself
presence    which replicas are there: each says so on a broker now and then
division    which connections are held here at the moment; pure
sharing     puts these together, and hands on what a lost replica had
"""

from gateway.sharing.division import Portion
from gateway.sharing.sharing import Sharing

__all__ = ["Portion", "Sharing"]
