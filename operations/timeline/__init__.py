"""One call, whole, and calls as they go on: what happened, what is missing, where each value came from.

`read` and `follow` do the input; all else here is pure and is told the time.
"""
