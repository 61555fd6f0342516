"""From a request's bytes to what is in them."""
