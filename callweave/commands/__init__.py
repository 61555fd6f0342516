"""The commands of `callweave`, one module a subject: they parse, call and print, and decide nothing."""
