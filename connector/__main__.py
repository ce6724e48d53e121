"""`python -m connector` is the command line."""

from connector.cli.main import main

main()
