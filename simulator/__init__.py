"""A simulated provider: a seeded model of calls, their webhooks, and who sends these.

The model does no I/O and asks no clock: the same seed and times give the same calls. Only `sending`, `ledger`
and `api` do I/O.
"""
