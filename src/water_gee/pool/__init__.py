"""Work in many parts, side by side: in processes of this machine, or on the machines of a Dask scheduler."""

from water_gee.pool.jobs import Pool, run_jobs

__all__ = ["Pool", "run_jobs"]
