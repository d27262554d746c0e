"""The town over MQTT: ``town`` publishes, ``encoders`` write payloads as the real devices do, ``faults`` spoil them."""
