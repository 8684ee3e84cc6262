"""A follower of another process on this machine, which starts it; not for people."""

from water_gee.training.follower import main

main()
