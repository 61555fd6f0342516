"""The command `callweave`."""
