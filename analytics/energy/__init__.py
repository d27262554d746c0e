"""From registers to energy: consumption in intervals, and sums over calendar periods. Pure functions, no I/O."""
