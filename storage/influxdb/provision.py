"""Makes the database (1.x, 3.x) or the bucket with its InfluxQL mapping (2.x) if it is missing and the account may."""

from storage.influxdb.answers import decode
from storage.influxdb.connection import Connection
from storage.influxdb.failures import Missing, SetupWrong
from storage.influxdb.influxql import identifier
from storage.protocol import StoreRefused

_REMEDY = {
    1: "create it, or give an account that may",
    2: "create the bucket and map it (influx bucket create; influx v1 dbrp create), or give a token that may read and "
    "write organisations, buckets and DBRP mappings",
    3: "create it (influxdb3 create database), or give an admin token",
}


async def ensure_database(connection: Connection) -> None:
    """Return once the database answers queries.

    Raises StoreRefused, with the remedy, where it is missing and cannot be made, and StoreUnavailable while nobody
    answers.
    """
    if await _answers(connection):
        return
    name, version = connection.settings.database, connection.settings.version
    remedy = f"{connection.settings.url} has no database {name!r} for this account: {_REMEDY[version]}"
    try:
        match version:
            case 1:
                decode(await connection.execute(f"CREATE DATABASE {identifier(name)}"))
            case 2:
                await _make_mapped_bucket(connection, name)
            case 3:
                await connection.request("POST", "/api/v3/configure/database", json={"db": name})
    except (SetupWrong, StoreRefused) as error:
        raise StoreRefused(f"{remedy}. {error}") from error
    if not await _answers(connection):
        raise StoreRefused(remedy)


async def _answers(connection: Connection) -> bool:
    try:
        decode(await connection.query("SHOW FIELD KEYS"))
    except (SetupWrong, StoreRefused):
        return False
    return True


async def _make_mapped_bucket(connection: Connection, name: str) -> None:
    """Shapes: https://docs.influxdata.com/influxdb/v2/api/v2/ (Organizations, Buckets, DBRPs)."""
    org = connection.settings.org
    organisations = (await connection.request("GET", "/api/v2/orgs", params={"org": org})).json()["orgs"]
    if not organisations:
        raise StoreRefused(f"the token sees no organisation {org!r}")
    org_id = organisations[0]["id"]
    bucket_id = await _bucket_id(connection, org_id, name)
    if bucket_id is None:
        bucket = {"orgID": org_id, "name": name, "retentionRules": []}
        bucket_id = (await connection.request("POST", "/api/v2/buckets", json=bucket)).json()["id"]
        if await _answers(connection):  # releases since 2.1 map a bucket to the database of its name by themselves
            return
    mapping = {
        "orgID": org_id,
        "bucketID": bucket_id,
        "database": name,
        "retention_policy": "autogen",
        "default": True,
    }
    await connection.request("POST", "/api/v2/dbrps", json=mapping)


async def _bucket_id(connection: Connection, org_id: str, name: str) -> str | None:
    try:
        found = await connection.request("GET", "/api/v2/buckets", params={"orgID": org_id, "name": name})
    except Missing:
        return None
    return next((str(bucket["id"]) for bucket in found.json()["buckets"]), None)
