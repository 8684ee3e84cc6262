"""A year's map as an image of Earth Engine, and the properties by which a catalogue finds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from water_gee import __version__
from water_gee.deploy.account import Account
from water_gee.deploy.plan import Season, mark_of
from water_gee.deploy.subject import Subject
from water_gee.earth import CompositeSpec, Destination, expression_hash, feature_image, within
from water_gee.export import load
from water_gee.paths import Layout
from water_gee.study import Area

CLASSES = "water"  # the band whose coarser levels hold the commonest class
_LONGEST = 16_384  # letters of the list of sources in a property; the ledger holds it whole, whatever its length


@dataclass(frozen=True)
class Proof:
    """How it is known that the network is what was trained: by whom compared, and what came of it."""

    by: str
    parity: Mapping[str, Any]
    forced: bool = False

    @property
    def properties(self) -> dict[str, Any]:
        """What a result says of it."""
        told = {f"parity_{name}": self.parity[name] for name in ("pixels", "max_abs", "flips") if name in self.parity}
        return {"parity_by": self.by, **told, **({"not_verified": 1} if self.forced else {})}


def season_of(
    layout: Layout,
    subject: Subject,
    proof: Proof,
    spec: CompositeSpec,
    area: Area,
    outline: Area,
    year: int,
    sources: Sequence[str],
    where: tuple[Account, Destination, int],
) -> tuple[Season, dict[str, Any]]:
    """Return a year's map and what its results say of themselves.

    Args:
        layout: of the root that holds the export.
        subject: what is deployed.
        proof: that it is what was trained.
        spec: the composite.
        area: that is mapped.
        outline: the same with an outline that can be sent, as `drawn` gives it.
        year: of the season.
        sources: the ids and versions of the scenes and of the elevation model, as `scene_versions` gives them.
        where: the account, the destination, and a block's pixels a side.
    """
    account, destination, size = where
    network = load(layout.export / "expression.json")
    mapped = network(within(spec, outline, feature_image(spec, area, year)))
    image = mapped.select(CLASSES).toByte().addBands(mapped.select("probability").toFloat())
    made_of = [expression_hash(image), list(sources), vars(spec.grid), size, vars(destination), account.key]
    mark = mark_of(layout.study, *made_of)
    begin, end = spec.season(year)
    listed = ",".join(sources)
    if len(listed) > _LONGEST:
        listed = f"{len(sources)} sources, SHA-256 {sha256(listed.encode()).hexdigest()}"
    properties = {
        "study": layout.study,
        "area": area.name,
        "year": year,
        "season_begin": begin,
        "season_end": end,
        "system:time_start": _milliseconds(begin),
        "system:time_end": _milliseconds(end),
        "model_sha256": subject.checkpoint.sha256,
        "run": str(subject.model.get("run", "")),
        "threshold": subject.exported["threshold"],
        "expression_sha256": subject.expression_sha256,
        "deployment": mark,
        "source_ids": listed,
        "water_gee": __version__,
        "code": str(subject.model.get("code", "")),
        **proof.properties,
    }
    return Season(year, image.set(properties), mark), properties


def _milliseconds(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
