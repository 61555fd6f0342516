"""`python -m callweave` is the command `callweave`."""

from callweave.cli import main

main()
