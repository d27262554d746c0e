"""Reports: figures whose every number can be traced to meter readings and a published factor.

collect    stored interval results to sums of months (the only module here with I/O)
gaps       sums in which what is missing is filled in and kept apart
meter_sum  one meter, one month, one scope: the atoms
assemble   rows of building, carrier, scope and month; figures, changes: totals and what changed
report     the whole, immutable; README.md says what it holds
formats   one file a format; the same report gives the same bytes
"""
