"""Make spans of exchanges that are over, and write them in the formats of those who take them.

`span` is the noun, `recording` makes spans of what an exchange and its `gateway.spans.Spans` tell, `otlp`, `zipkin` and
`console` write them, `resource` says who has made them. Loaded with the first configuration that exports traces.
"""
