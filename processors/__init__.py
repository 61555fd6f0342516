"""From callbacks to events (`normalize`), from events to calls (`correlate`): pure steps, thin Faust apps."""
