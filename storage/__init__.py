"""The memory: one narrow `storage.protocol.Store`, and the databases that keep it."""
