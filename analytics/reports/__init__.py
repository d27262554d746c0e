"""Reports: figures whose every number can be traced to meter readings and a published factor.

collect   stored interval results to daily figures (the only module here with I/O)
gaps      daily figures to sums, what is missing filled in and kept apart
report    sums per building, carrier and month
formats   one file a format; the same report gives the same bytes
"""
