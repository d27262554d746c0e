"""Modbus: devices as templates, polled over TCP, TLS or serial lines.

codec, point       words ↔ numbers ↔ canonical values, both ways, so that the simulator speaks by the same template
template, shelf    the device types of collectors/templates and how they are read
plan, sunspec      which registers to ask for
transport, bus, station, collector
                   one connection, one device on it, and the loop over all devices
decoding, frame, vectors
                   what is for trying out: words, frames and worked examples without a device
"""
