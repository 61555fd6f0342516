"""Something to try callweave with: two sources, and `make demo`."""
