"""What is unusual in the consumption of a meter, learned per meter, explained, with a calibrated score.

week       calendar positions: time of week in local time, public holidays
model      what to expect at a time of week and an outdoor temperature
evidence   statistics that each show one kind of fault, all of them causal
detector   the evidence as one score and a decision
"""
