"""The ears: collectors turn what devices say into readings. Each runs on its own and knows only its `Sink`."""
