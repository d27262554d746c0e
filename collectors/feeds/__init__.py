"""Feeds: what others publish about the grid and the weather, fetched on demand. README.md says how to add one.

generation  a generation mix over time, and the file it is kept in
requests    GET with patience: retries, Retry-After, errors in plain words
smard, energy_charts, entsoe, electricity_maps, bright_sky   one file a source
"""
