"""Which country and region a phone number belongs to."""
