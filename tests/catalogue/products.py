"""A root as the stages before `catalogue` leave it, made of arrays: tiles, labels, model, export, maps."""

from pathlib import Path

import numpy as np

import finished
from vouched import vouch_for_model
from water_gee.bodies.stage import run as find_bodies
from water_gee.catalogue.stage import run
from water_gee.config.settings import Settings
from water_gee.files import read_json, sha256
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.paths import Layout
from water_gee.study import Grid, Window, outline

YEARS = (2019, 2020)
TAGS = {"area": "map", "months": "6-8", "sensor": "landsat8", "engine": "earth", "water_gee": "2.0.0", "commit": "abc"}


def write_products(root: Path) -> Layout:
    """Write all of it; the maps of two years are of the model that is selected."""
    layout = finished.write_root(root, YEARS)
    finished.add_products(root)
    known = {
        "run": "first", "run_id": "r1", "tiles_csv": sha256(layout.tiles / "tiles.csv"),
        "clean_report": sha256(layout.clean / "report.json"), "git_commit": "def",
    }  # fmt: skip
    vouch_for_model(layout, **known)
    proof = read_json(layout.export / "export.json")
    marks = {key: proof[key] for key in ("checkpoint_sha256", "expression_sha256")}
    write_maps(root, finished.GRID, finished.LATTICE, {"study": finished.STUDY, **TAGS, **marks})
    return layout


def write_maps(root: Path, grid: Grid, window: Window, tags: dict[str, str], years: tuple[int, ...] = YEARS) -> None:
    """Write the maps of a lake that grows from year to year, a part of which was not seen."""
    plan = Plan.of("map", outline(grid, window), grid, list(years), size=64)
    store = PartStore(root / "work" / "y", grid)

    def engine(piece):
        y, x = np.indices((piece.window.height, piece.window.width))
        y, x = y + piece.window.top - window.top, x + piece.window.left - window.left
        size = 20 + 5 * (piece.year - years[0])
        probability = (1 / (1 + np.exp(np.hypot(y - 60, x - 50) - size))).astype(np.float32)
        probability[y > 120] = np.nan
        return probability, probability > 0.5, np.where(np.isnan(probability), 0, 3).astype(np.uint16)

    predict_pieces(plan, engine, store, workers=1)
    publish(plan, store, root / "maps", tags)
    store.remove()


def described(settings: Settings, root: Path, *, bodies: bool = False, **choices: object) -> Path:
    """Run the stage below a root, `bodies` before it where it is asked for; return the catalogue's folder."""
    paths = settings.paths.model_copy(update={"root": str(root)})
    study = settings.study.model_copy(update={"name": choices.pop("study", finished.STUDY)})
    catalogue = settings.catalogue.model_validate({**settings.catalogue.model_dump(), **choices})
    own = settings.model_copy(update={"paths": paths, "study": study, "catalogue": catalogue})
    if bodies:
        find_bodies(own)
    run(own)
    return root / "catalogue"
