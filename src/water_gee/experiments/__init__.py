"""One job, a sweep, a search: what `train.py` starts, and what compares their runs.

MLflow and Lightning are imported by `job`, `sweep` and `search`, which `train.py` asks for by name.
"""

from water_gee.experiments.variants import Variant, log_costs, log_page, pruned_run, variants

__all__ = ["Variant", "log_costs", "log_page", "pruned_run", "variants"]
