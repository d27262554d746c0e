"""Makes the database (1.x, 3.x) or the bucket with its InfluxQL mapping (2.x) if it is missing and the account may.

It is made to keep everything: a retention policy of the server's deletes by age alone, whether or not the coarser
values exist, and no server-side task computes them so that late readings count once (see `storage.retention`).
"""

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

    Raises StoreRefused, with the remedy, where it is missing and cannot be made, or where the server deletes by itself
    what is to be condensed first; and StoreUnavailable while nobody answers.
    """
    if not await _answers(connection):
        await _make(connection)
    if connection.settings.retention.condenses:
        await _refuse_deletion(connection)


async def _make(connection: Connection) -> None:
    name, version = connection.settings.database, connection.settings.version
    remedy = f"{connection.settings.url} has no database {name!r} for this account: {_REMEDY[version]}"
    try:
        match version:
            case 1:
                decode(await connection.execute(f"CREATE DATABASE {identifier(name)} WITH DURATION INF"))
            case 2:
                await _make_mapped_bucket(connection, name)
            case 3:
                await connection.request("POST", "/api/v3/configure/database", json={"db": name})
    except (SetupWrong, StoreRefused) as error:
        raise StoreRefused(f"{remedy}. {error}") from error
    if not await _answers(connection):
        raise StoreRefused(remedy)


async def _refuse_deletion(connection: Connection) -> None:
    """Raises StoreRefused if the server drops readings by their age; passes where the account may not see that."""
    name, version = connection.settings.database, connection.settings.version
    try:
        match version:
            case 1:
                kept = await _policy(connection, name)
            case 2:
                kept = await _expiry(connection, name)
            case 3:
                return  # Leitwarte deletes nothing there, and a retention period is the server's own affair
    except (SetupWrong, StoreRefused):
        return
    if kept:
        policy, duration = kept
        cure = f"ALTER RETENTION POLICY {identifier(policy)} ON {identifier(name)} DURATION INF DEFAULT"
        if version == 2:
            cure = f"influx bucket update --name {name} --retention 0"
        raise StoreRefused(
            f"{connection.settings.url} deletes what is in {name!r} after {duration}, condensed or not. Have it keep "
            f"everything ({cure}), or leave the deleting to it: retention: {{raw_days: null, quarter_hour_days: null}}"
        )


async def _policy(connection: Connection, name: str) -> tuple[str, str] | None:
    """The policy that is written into and its duration, if it has one."""
    for rows in decode(await connection.query(f"SHOW RETENTION POLICIES ON {identifier(name)}")):
        columns = rows.columns
        for policy, duration, default in zip(columns["name"], columns["duration"], columns["default"], strict=True):
            if default and duration != "0s":
                return str(policy), str(duration)
    return None


async def _expiry(connection: Connection, name: str) -> tuple[str, str] | None:
    """The bucket and after what time its points expire, if they do; 0 is never.

    Shape: https://docs.influxdata.com/influxdb/v2/api/v2/ (Buckets).
    """
    parameters = {"org": connection.settings.org or "", "name": name}
    for bucket in (await connection.request("GET", "/api/v2/buckets", params=parameters)).json()["buckets"]:
        for rule in bucket.get("retentionRules", ()):
            if rule.get("type", "expire") == "expire" and rule["everySeconds"]:
                return name, f"{rule['everySeconds']} s"
    return None


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
