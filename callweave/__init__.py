"""What all stages share at run time: settings, sources, logging, metrics, the command line."""
