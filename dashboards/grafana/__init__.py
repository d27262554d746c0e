"""Grafana dashboards as code: typed by Grafana's foundation SDK, reading InfluxDB in InfluxQL.

query, look      shared pieces: targets, and what every panel has
overview         one file a dashboard
build            all dashboards of an estate as JSON
provision, push  the two ways into Grafana: files it reads at its start, or its HTTP API
"""
