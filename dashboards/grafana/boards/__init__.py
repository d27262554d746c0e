"""One file a dashboard; README.md of `dashboards.grafana` says how to add one."""
