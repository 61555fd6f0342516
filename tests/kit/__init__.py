"""Makers of callbacks, events and messages: each is whole, and a test names only the fields it is about."""
