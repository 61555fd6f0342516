"""Who is who: what people load from CSV files, and which country and region a phone number belongs to."""
