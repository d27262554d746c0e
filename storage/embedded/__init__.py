"""The store without a server: one DuckDB file.

batch     readings as sorted columns without repeats
database  the file: opened, written in transactions, read beside that
store     the `storage.protocol.Store`
"""
