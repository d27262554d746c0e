"""What goes wrong in the town, by scenario; see ../scenarios/README.md.

load       the thing itself misbehaves: what flows changes, and every meter shows it rightly
metering   the meter measures wrongly: its power and its register are off alike, the flow is as ever
showing    what the device shows is wrong, missing or frozen
scenario   which faults, when, and the ground truth about them
"""
