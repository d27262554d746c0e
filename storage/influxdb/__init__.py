"""InfluxDB 1.x, 2.x and 3.x, in what they have in common: line protocol in, InfluxQL out.

schema         measurements, tags and fields
line_protocol  readings and events as lines
influxql       statements, built from quoted parts
answers        the server's answers as columns
connection     requests, and their failures told as the store's
writer         where lines go: ``/write`` on 1.x, ``/api/v2/write`` through the official client elsewhere
provision      the database or bucket, made if missing
reader         what was stored, read back
buckets        values aggregated here where the server cannot
store          the `storage.protocol.Store`
"""
