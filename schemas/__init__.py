"""The shared vocabulary: topics, callbacks, events, records, and how records merge. Does no I/O."""
