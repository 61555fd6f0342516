"""What people do with data that is there: audit, replay, one call's record, names, doctor."""
