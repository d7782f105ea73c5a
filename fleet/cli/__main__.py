"""`python -m fleet.cli`: the same as `astermm-fleet`."""

from fleet.cli.main import main

main(prog_name="astermm-fleet")
