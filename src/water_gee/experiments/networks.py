"""The networks of a study side by side: what each costs and how well it validates."""

from collections.abc import Iterable
from dataclasses import dataclass

from water_gee.models import Checkpoint, load_checkpoint, multiply_adds
from water_gee.paths import Layout
from water_gee.runs import RunRecord, checkpoint_of, current_runs


@dataclass(frozen=True)
class TrainedNetwork:
    """A finished run of a study that Earth Engine can run."""

    name: str  # kind, widths, if pruned the share that went, and if it had a teacher
    checkpoint: Checkpoint
    record: RunRecord
    macs: int  # multiply-adds a pixel
    validation: float  # IoU on the validation tiles, at the threshold
    pruned: bool
    distilled: bool


def trained_networks(layout: Layout) -> list[TrainedNetwork]:
    """Return the networks among the present runs, the costliest first; of several runs of one the best on validation.

    Raises:
        TileError: there are no tiles or labels.
    """
    found = []
    for folder, record in current_runs(layout):
        checkpoint = checkpoint_of(folder, record)
        model = load_checkpoint(checkpoint.path, checkpoint.sha256)
        macs = multiply_adds(model.network)
        if not macs:  # comparisons and tables: there is no number that compares
            continue
        name = model.text
        share = float(model.metadata.get("pruned", 0.0))
        if share:
            name += f", pruned by {share:.0%}"
        taught = bool(model.metadata.get("taught_by"))
        if taught:
            name += ", distilled"
        iou = float(model.metadata.get("validation", {}).get("iou", float("nan")))
        found.append(TrainedNetwork(name, checkpoint, record, macs, iou, bool(share), taught))
    return best_of_each(found)


def best_of_each(found: Iterable[TrainedNetwork]) -> list[TrainedNetwork]:
    """Return of the runs of each network the one that validates best; the costliest network first."""
    best: dict[str, TrainedNetwork] = {}
    for one in found:
        if one.name not in best or one.validation > best[one.name].validation:
            best[one.name] = one
    return sorted(best.values(), key=lambda one: (-one.macs, one.name))
