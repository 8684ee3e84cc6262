"""What is deployed: the exported network and the checkpoint that it is of."""

from dataclasses import dataclass
from typing import Any

from water_gee.errors import ExportError, ModelError
from water_gee.export import read_export
from water_gee.models import Checkpoint, selected
from water_gee.paths import Layout


@dataclass(frozen=True)
class Subject:
    """The selected checkpoint, what `model.json` says of it, and what `export.json` says of its export."""

    checkpoint: Checkpoint
    model: dict[str, Any]
    exported: dict[str, Any]

    @property
    def expression_sha256(self) -> str:
        """The hash of the exported expression."""
        return str(self.exported["expression_sha256"])


def subject(layout: Layout, features: tuple[str, ...]) -> Subject:
    """Return what would be deployed, its files checked against their reports.

    Raises:
        ModelError: nothing is selected, or the network reads other features than those given.
        ExportError: there is no export, or it is of another checkpoint.
    """
    chosen, exported = selected(layout), read_export(layout)
    if exported.get("checkpoint_sha256") != chosen.checkpoint.sha256:
        raise ExportError("export/ is of another checkpoint than models/model.ckpt; run again: water-gee export")
    known = tuple(exported.get("features", ()))
    if known != features:
        raise ModelError(
            f"the model reads {', '.join(known)} but features.names is {', '.join(features)}; "
            "set features.names to the model's list, or train again"
        )
    return Subject(chosen.checkpoint, chosen.report, exported)
