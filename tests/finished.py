"""A root as the earlier stages leave it, made of arrays: tiles of the test area, labels, truth, a checkpoint."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rasterio.transform import Affine
from scipy.ndimage import gaussian_filter

from vouched import vouch_for_labels, vouch_for_model
from water_gee.denoise import Reason
from water_gee.files import sha256, write_text
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, predict, save_checkpoint
from water_gee.paths import Layout
from water_gee.sealed import write_sealed
from water_gee.study import Grid, Tile, Window, outline
from water_gee.tiles import (
    LABEL_BANDS,
    TileRecord,
    clean_path,
    feature_path,
    label_path,
    write_manifest,
    write_raster,
)  # fmt: skip

FEATURES = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
GRID = Grid("EPSG:32648", 30.0)
STUDY = "tiny"
SIZE, MARGIN = 64, 3
CORNER = (20, 40)  # column and row of the first tile
CURVES = "epoch,train_loss,valid_loss,valid_iou\n0,0.5,0.6,0.7\n1,0.3,0.35,0.82\n2,0.2,0.36,0.81\n"
PARITY = {"pixels": 250_000, "max_abs": 3e-7, "mean_abs": 1e-8, "flips": 0, "mask_differences": 0, "equal": True}
LATTICE = Window(CORNER[0] * SIZE, -(CORNER[1] + 2) * SIZE, 2 * SIZE, 2 * SIZE)  # the 2 x 2 tiles together


def checkpoint(
    root: Path, features: tuple[str, ...] = FEATURES, seed: int = 0, kind: str = "pixelcnn", study: str = STUDY
) -> TrainedModel:
    """Select a random network whose answers are neither all water nor all land."""
    torch.manual_seed(seed)
    widths = [16, 32, 64, 128] if kind == "pixelcnn" else [16]
    mean, deviation = [0.05] * len(features), [0.08] * len(features)
    network = PixelNetwork(Standardise(mean, deviation), build_body(kind, len(features), widths), features).eval()
    model = TrainedModel(network, kind, tuple(widths))
    if features == FEATURES:
        threshold = round(float(np.nanquantile(predict(model, land()["features"]), 0.6)), 4)
        model = replace(model, threshold=threshold)
    layout = Layout(root, study)
    save_checkpoint(layout.models / "model.ckpt", model)
    vouch_for_model(layout)
    return model


def land(year: int = 2020) -> dict[str, np.ndarray]:
    """Return the 2 x 2 tiles and their margin as one array a name: features, truth, share of looks, seen."""
    random = np.random.default_rng(year)
    side = (LATTICE.height + 2 * MARGIN, LATTICE.width + 2 * MARGIN)
    smooth = gaussian_filter(random.normal(size=side), 6)
    truth = smooth > np.quantile(smooth, 0.75)
    noise = random.normal(scale=0.01, size=(5, *side))
    water = np.array([0.06, 0.05, 0.04, 0.03, 0.02])[:, None, None]
    soil = np.array([0.05, 0.08, 0.09, 0.25, 0.2])[:, None, None]
    bands = np.where(truth, water, soil) + noise
    mndwi = (bands[1] - bands[4]) / (bands[1] + bands[4])
    features = np.stack([*bands, mndwi, mndwi / 2, np.full(side, 0.2)]).astype("float32")
    seen = gaussian_filter(random.normal(size=side), 4) > -0.12
    features[:, ~seen] = np.nan
    share = np.where(truth ^ (random.random(side) < 0.08), 1.0, 0.0).astype("float32")
    share[~seen | (random.random(side) < 0.03)] = np.nan
    return {"features": features, "truth": truth, "share": share, "seen": seen}


def write_root(root: Path, years: tuple[int, ...] = (2020,), *, clean: bool = True, margin: int = MARGIN) -> Layout:
    """Write tiles of the area `test`, their denoised labels, the manifest, references and a checkpoint."""
    layout = Layout(root, STUDY)
    records = []
    for year in years:
        content = land(year)
        for row in range(2):
            for column in range(2):
                tile = Tile("test", year, CORNER[0] + column, CORNER[1] + row, SIZE, margin)
                records.append(_write_tile(layout, tile, content, clean))
        reference(root / "reference" / f"water_{year}_a.tif", content["truth"])
    write_manifest(layout, records)
    if clean:
        vouch_for_labels(layout)
    checkpoint(root)
    return layout


def reference(path: Path, truth: np.ndarray, shift: tuple[float, float] = (0.0, 0.0), scale: float = 30.0) -> None:
    """Write a truth [y, x] of `land`'s size, 1 water and 0 land, moved by so many metres."""
    corner = GRID.transform(LATTICE.buffer(MARGIN))
    transform = Affine(scale, 0, corner.c + shift[0], 0, -scale, corner.f + shift[1])
    write_raster(path, truth.astype("uint8")[None], ["water"], crs=GRID.crs, transform=transform, nodata=255)


def add_products(root: Path) -> None:
    """Write what the stages before `evaluate` leave: a map, a run, an export."""
    grid = GRID
    plan = Plan.of("map", outline(grid, LATTICE), grid, [2020], size=64)
    store = PartStore(root / "work" / "x", grid)

    def engine(piece):
        probability = np.full((piece.window.height, piece.window.width), 0.1, np.float32)
        probability[:20], probability[40:50] = 0.9, np.nan
        return probability, probability > 0.5, np.full(probability.shape, 3, np.uint16)

    predict_pieces(plan, engine, store, workers=1)
    mark = sha256(root / "models" / "model.ckpt")
    publish(plan, store, root / "maps", {"study": "tiny", "checkpoint_sha256": mark})
    write_text(root / "models" / "curves.csv", CURVES)
    curves = sha256(root / "models" / "curves.csv")
    vouch_for_model(Layout(root, "tiny"), run="first", metrics={"iou": 0.82}, curves_sha256=curves)
    layers = [{"place": "body.conv1 (Conv2d)", "operation": "conv", "channels": 16, "parameters": 1168}]
    content = {"form": "array", "calls": 80, "bytes": 514_301, "layers": layers, "parity": PARITY}
    write_text(root / "export" / "expression.json", "{}")
    known = {"study": "tiny", "selected_sha256": mark, "checkpoint_sha256": mark, "proved_by": "eelocal"}
    known |= {"expression_sha256": sha256(root / "export" / "expression.json")}
    write_sealed(root / "export" / "export.json", {**content, **known})


def _write_tile(layout: Layout, tile: Tile, content: dict[str, np.ndarray], clean: bool) -> TileRecord:
    y, x = tile.outer.within(LATTICE.buffer(MARGIN))
    place = {"crs": GRID.crs, "transform": GRID.transform(tile.outer)}
    features, share = content["features"][:, y, x], content["share"][y, x]
    looks = np.where(np.isnan(share), 0, 2).astype("float32")
    write_raster(feature_path(layout, tile.area, tile.id), features, FEATURES, nodata=np.nan, **place)
    write_raster(label_path(layout, tile.area, tile.id), np.stack([share, looks]), LABEL_BANDS, nodata=np.nan, **place)
    if clean:
        label = np.where(np.isnan(share) | (content["features"][3, y, x] > 0.26), 255, content["truth"][y, x])
        flip = np.where(content["truth"][y, x], Reason.SHORE, Reason.TERRAIN)
        reason = np.where(label == 255, Reason.UNSURE, np.where(label == (share >= 0.5), Reason.KEPT, flip))
        bands = np.stack([label, np.where(label == 255, np.nan, 1), reason]).astype("float32")
        write_raster(clean_path(layout, tile.area, tile.id), bands, ("label", "confidence", "reason"), **place)
    core = slice(tile.margin, tile.margin + tile.size)
    clear = (looks > 0)[core, core]
    paths = feature_path(layout, tile.area, tile.id), label_path(layout, tile.area, tile.id)
    return TileRecord.of(
        tile,
        GRID,
        "ok",
        sha256=sha256(paths[0]),
        labels_sha256=sha256(paths[1]),
        clear_pixels=int(clear.sum()),
        water_pixels=int((clear & (share[core, core] >= 0.5)).sum()),
    )
