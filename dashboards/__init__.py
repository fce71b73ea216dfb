"""Dashboards for Grafana, made from code; the gateway loads none of it.

`python -m dashboards` writes `etc/grafana/*.json`. What is on them is data (`panel`; the pages are `traffic`,
`backends`, `limits` and `itself`): `grafana` makes Grafana's JSON of it. `python -m dashboards draw` (`drawing`) draws
the same panels without Grafana: `answers` asks a Prometheus, `graph` draws a panel, `sheet` a page, `picture` takes a
PNG of it.
"""
