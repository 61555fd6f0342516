"""Settings of accounts: their time zone, and what counts as answered in time."""
