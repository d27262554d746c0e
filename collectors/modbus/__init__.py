"""Modbus: devices as templates, polled over TCP, TLS or serial lines.

codec, worth, point
                   words ↔ numbers ↔ canonical values, both ways, so that the simulator speaks by the same template
template, shelf    the device types of collectors/templates and how they are read
plan, sunspec      which registers to ask for
reader             a block's registers → values, compiled
frame, link, transport, bus
                   bytes in and out, one connection, how it is made, and one request at a time on it
station, rota, collector
                   one device on the bus, whose turn it is, what becomes of its readings, and the loop
decoding, vectors  what is for trying out: words and worked examples without a device

Frames and connections are our own, since pymodbus's client costs more than half as much again (``bench modbus``)
and tells late replies and foreign ones apart less well. From pymodbus come the serial port and, in the tests, the peer.
"""
