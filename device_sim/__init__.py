"""The town: simulated buildings, meters and weather, spoken over real Modbus and real MQTT.

`device.SimDevice` is what there is to say; ``town`` makes the devices, ``replay`` makes them from measured files,
``modbus`` and ``mqtt`` speak them, ``faults`` spoils them by scenario and keeps the ground truth.
"""
