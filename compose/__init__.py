"""How the parts are run together: on one machine, in containers, in a cluster."""
