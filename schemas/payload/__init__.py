"""From a request's bytes to its fields."""
