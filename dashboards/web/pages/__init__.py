"""One file a page; each has ``register(house)``. To add one, write the file and name it in ``app.py``."""
