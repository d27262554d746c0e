"""The spine: takes over what the collectors hear, judges it, keeps it durably and brings it to the store.

gateway                 puts the parts together
intake, thinning        what comes is put in its place; is the `collectors.protocol.Sink`
plausibility            which readings to doubt, which not to take (Plausibilisierung)
outbox, quarantine      what waits for the store; what will never get there. Both on disk, on `journal` and `frames`
stretches, cursor       which part of the outbox goes next, and what of it is stored
writer, supervisor      from outbox to store; collectors that are started again when they end
sharing                 which collectors run here, where several gateways have the same
replay                  another try for what was set aside
reporter                heartbeat and events in the store
device_state, status    who is heard, and how it all stands
http, metrics           the same for monitoring systems
"""
