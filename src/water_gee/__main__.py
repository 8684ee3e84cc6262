"""`python -m water_gee` is `water-gee`."""

from water_gee.cli import main

main()
