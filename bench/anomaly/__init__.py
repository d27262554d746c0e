"""How good the anomaly detection is, on series whose faults are known, beside simpler detectors.

dataset    the labelled series
scoring    the scoring script that lies with them
peers      reference detectors
elsewhere  the simulated town and other series: faults that no injector made
measure    one row of the table
report     the table in docs/anomaly.md
"""
