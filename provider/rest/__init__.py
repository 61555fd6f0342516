"""A client of the `extension-events` provider's REST API (provider documents 003 and 004)."""
