"""Where the maps come from: links to what is there, and hashes of what need not be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pystac

from water_gee.catalogue.assets import file_fields
from water_gee.denoise import clean_report_path
from water_gee.errors import WaterGeeError
from water_gee.export import read_export
from water_gee.files import is_there, sha256
from water_gee.models import selected, selected_report_path
from water_gee.paths import Layout

_PREFIX = "water_gee:"
_OF_MAPS = (
    "area", "sensor", "engine", "runtime", "model", "run", "threshold", "temperature", "parity", "commit",
    "checkpoint_sha256", "expression_sha256", "tiles_sha256",
)  # fmt: skip
_OF_MODEL = ("run_id", "git_commit", "tiles_csv", "clean_report", "tiles", "labels")


@dataclass
class Lineage:
    """What is known of the maps' origin.

    Attributes:
        properties: by STAC's names and, after `water_gee:`, ours.
        sources: files that are there and are what the maps were made of: path, title, media type and SHA-256.
        left_out: what there is but is of others, a sentence each.
    """

    properties: dict[str, Any] = field(default_factory=dict)
    sources: list[tuple[Path, str, str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def links(self) -> list[pystac.Link]:
        """Return a link to each source."""
        return [
            pystac.Link("via", str(path), media, title, file_fields(path, known))
            for path, title, media, known in self.sources
        ]


def lineage_of(layout: Layout, maps: Mapping[str, Any]) -> Lineage:
    """Return the lineage of the maps, by their report: the model, its data and its export where they are the maps' own.

    Raises:
        WaterGeeError: what is there was changed since it was written, or is of another study.
    """
    found = Lineage()
    software = {"Water_gee": str(maps["water_gee"])} if maps.get("water_gee") else {}
    found.properties = {f"{_PREFIX}{key}": maps[key] for key in _OF_MAPS if maps.get(key)}
    if software:
        found.properties["processing:software"] = software
    found.properties["processing:lineage"] = _sentence(maps)
    model = _model(layout, maps, found)
    _export(layout, maps, found)
    found.properties |= {f"{_PREFIX}{key}": model[key] for key in _OF_MODEL if model.get(key)}
    _data(layout, model, found)
    return found


def _model(layout: Layout, maps: Mapping[str, Any], found: Lineage) -> Mapping[str, Any]:
    """Add the selected model where it made the maps; return its report, empty where it did not."""
    if not is_there(selected_report_path(layout)):
        return {}
    chosen = selected(layout)
    if chosen.checkpoint.sha256 != maps.get("checkpoint_sha256"):
        found.left_out.append("the maps are of another model than models/model.ckpt; run again: water-gee predict")
        return {}
    report = selected_report_path(layout)
    found.sources += [
        (report, "The model and its run", "application/json", sha256(report)),
        (chosen.checkpoint.path, "The trained network", "application/octet-stream", chosen.checkpoint.sha256),
    ]
    return chosen.report


def _export(layout: Layout, maps: Mapping[str, Any], found: Lineage) -> None:
    """Add the export and its proof where it made the maps."""
    known = maps.get("expression_sha256")
    if not known or not is_there(layout.export / "export.json"):
        return
    report = read_export(layout)
    if report.get("expression_sha256") != known:
        found.left_out.append("the maps are of another network than export/; run again: water-gee predict")
        return
    proof, expression = layout.export / "export.json", layout.export / "expression.json"
    found.sources += [
        (proof, "The proof that Earth Engine computes what PyTorch computes", "application/json", sha256(proof)),
        (expression, "The network as a function of Earth Engine", "application/json", str(known)),
    ]


def _data(layout: Layout, model: Mapping[str, Any], found: Lineage) -> None:
    """Add the tiles and labels that the model learnt from, where they are the ones that are there."""
    for path, key, title, media in (
        (layout.tiles / "tiles.csv", "tiles_csv", "The tiles and their hashes", "text/csv"),
        (clean_report_path(layout), "clean_report", "The denoised labels and their hashes", "application/json"),
    ):
        if not model.get(key) or not path.is_file():
            continue
        if (now := _hash(path)) == model[key]:
            found.sources.append((path, title, media, now))
        else:
            found.left_out.append(f"{path} is not what the model learnt from, and is not linked")


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise WaterGeeError(f"{path} cannot be read ({error.strerror}); see to its rights and run again") from error


def _sentence(maps: Mapping[str, Any]) -> str:
    engine = {"earth": "Earth Engine", "local": "this machine"}.get(str(maps.get("engine")), "")
    made = f"Made{f' by {engine}' if engine else ''} from each season's composite of clear looks"
    sensor = f" of {maps['sensor']}" if maps.get("sensor") else ""
    parity = f" What was run, against PyTorch: {maps['parity']}." if maps.get("parity") else ""
    return f"{made}{sensor}, with a small network trained on denoised labels of the quality band.{parity}"
