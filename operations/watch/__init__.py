"""Telling people first: what is wrong with sources and stages becomes alerts, as rows, metrics and webhooks.

`rhythm`, `shares`, `growth` and `alerts` decide, and do no I/O; `checks` asks, `board` tells.
"""
