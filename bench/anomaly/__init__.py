"""How good the anomaly detection is, on series whose faults are known, beside simpler detectors.

dataset    the labelled series
folds      scores of series by classifiers that never saw them
peers      reference detectors
report     the table in docs/anomaly.md
"""
