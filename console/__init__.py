"""The console: pages for people who look at calls, sources and the pipeline."""
