"""The commands of `callweave`, one module a subject. They parse, call and print; they decide nothing."""
