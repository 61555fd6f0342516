"""Names of extensions, users, campaigns and numbers: read from a file, held with from when they hold."""
