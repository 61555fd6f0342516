"""Names of extensions, users, campaigns and numbers, each valid from a time on; read from a file."""
