"""Which checkpoint is deployed: the selected one, or what `export` made of it."""

from pathlib import Path

from water_gee.files import read_json, sha256
from water_gee.paths import Layout


def deployed(layout: Layout) -> Path:
    """Return the checkpoint that maps and figures are of.

    It is `export/model.ckpt` where the export pruned the very checkpoint that is selected now, else
    `models/model.ckpt`, which may be absent.
    """
    selected, pruned, report = layout.models / "model.ckpt", layout.export / "model.ckpt", layout.export / "export.json"
    if not (selected.is_file() and pruned.is_file() and report.is_file()):
        return selected
    told = read_json(report)
    of_selected = told.get("selected_sha256") == sha256(selected)
    return pruned if of_selected and told.get("checkpoint_sha256") == sha256(pruned) else selected
