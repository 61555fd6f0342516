"""How the parts run together: on one machine, in containers, in a cluster."""
