"""The simulated provider's REST API: what documents 003 and 004 describe, on Flask, with faults on request.

`server.serving` runs it; `exchange.Exchange` holds its state, which tests inspect.
"""
