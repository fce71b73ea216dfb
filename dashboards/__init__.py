"""Dashboards for Grafana, made from code; the gateway loads none of it.

`python -m dashboards` writes `etc/grafana/*.json`. What is on them is data (`panel`; the pages are `traffic`,
`backends`, `limits` and `itself`): `grafana` makes Grafana's JSON of it.
"""
