"""MQTT: one collector a broker, one small file a payload format.

settings    brokers and the devices behind them
format      what a payload format is; ``payload`` reads JSON, numbers and times strictly
meaning     quantity, unit and factor of a field, where only the settings can say them
formats/    the formats themselves, found by their file
sparkplug   metrics of Sparkplug B, in ``protobuf``
listener    one device: message in, readings out
session     one connection, acknowledging by hand
collector   keeps the connection and hands over what it hears
decode      a single payload, for the command line; ``vectors`` checks the formats against published payloads
"""
