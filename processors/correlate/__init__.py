"""Ties events to calls, whatever their order. Only `app` and `worker` do I/O."""
