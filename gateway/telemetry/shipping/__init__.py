"""Send away what the gateway tells of itself, spans and log records: one shipper for each place that takes them.

`shipper` keeps what waits and decides when it is sent, `contract` says what a receiver's `Sink` has to know,
`phases` has the states of a shipper and `posting` sends by HTTP. Loaded with the first configuration that sends any.
"""
