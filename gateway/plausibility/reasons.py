"""The keys that say why a reading is doubted, or why it was not taken."""

# Doubted: kept as suspect
RANGE = "range"  # outside what the quantity can be
SPIKE = "spike"  # a single leap of a gauge
STUCK = "stuck"  # the device has repeated itself for too long
BACKWARDS = "backwards"  # a register that fell
JUMP = "jump"  # a register that rose faster than it can
IMBALANCE = "imbalance"  # a phase voltage far below that of another phase

# Kept as measured
CONFIRMED = "confirmed"  # doubted before, and no longer
GAP = "gap"  # readings are missing before this one
SKEW = "skew"  # the device's clock is wrong

# Not taken: set aside in the quarantine
UNKNOWN_DEVICE = "unknown_device"
UNKNOWN_QUANTITY = "unknown_quantity"
NOT_FINITE = "not_finite"
TOO_OLD = "too_old"
FUTURE = "future"
REFUSED = "refused"  # by the store
DAMAGED = "damaged"  # on disk, while they waited for the store; see `gateway.journal`
