"""The estate and its readings as OGC SensorThings API 1.1 (part 1, sensing; OGC 18-088), to be read only.

``options`` understands the query, ``entities`` makes things of the estate, ``observations`` reads the store,
``answers`` follows paths and puts answers together, ``routes`` serves them under /api/sensorthings/v1.1.
"""
