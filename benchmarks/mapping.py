"""8,000 x 8,000 pixels of stored tiles mapped by the stage itself, against the network alone, in each runtime.

The tiles are of a landscape that repeats itself every 4 x 4 tiles, so that the map must too: a seam would show. Each
measurement is a process of its own, in which the network alone runs before and after, on the same features and cores.
The network's weights are random, of the default model, its answers as decided as a trained one's.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter
from shapely.geometry import box

from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.earth import composite_spec, connect, label_spec, resolve_areas
from water_gee.files import sha256, write_text
from water_gee.models import (
    PixelNetwork,
    Predictor,
    Standardise,
    TrainedModel,
    build_body,
    choose,
    load_checkpoint,
    one_thread,
    save_checkpoint,
)
from water_gee.paths import Layout
from water_gee.sealed import write_sealed
from water_gee.study import Grid, Tile, Window, tiles_of
from water_gee.tiles import TileRecord, feature_path, label_path, load_features, write_manifest, write_raster
from water_gee.tiles.plan import plan

SIDE, SIZE, REPEAT = 8000, 512, 4  # pixels of the map and of a tile, tiles after which the landscape repeats itself
CORNER = Window(40 * SIZE, -372 * SIZE, SIDE, SIDE)
ALONE = 48  # tiles for the network alone, each time
RUNTIMES = ("onnx", "torch")
ROUNDS = 3
WANTED_RATIO, WANTED_SPEED, WANTED_MEMORY = 0.6, 1e6, 2048  # of the network alone; pixels a second; MiB

Float = NDArray[np.float32]


def run() -> None:
    """Map in each runtime, several times in turn, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(root)
        found: dict[str, list[dict[str, float]]] = {runtime: [] for runtime in RUNTIMES}
        for _ in range(ROUNDS):
            for runtime in RUNTIMES:
                shutil.rmtree(root / "maps", ignore_errors=True)
                command = [sys.executable, "-m", "benchmarks.mapping", folder, runtime]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
                found[runtime].append(json.loads(done.stdout.splitlines()[-1]))
                check_repeats(root / "maps" / "2020")
    table = Table(title=f"a map of {SIDE} x {SIDE} pixels from stored tiles, medians of {ROUNDS}")
    for heading in ("", "px/s", "network alone, px/s", "ratio", "of it predicting, s", "writing, s", "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right")
    medians = {runtime: {key: float(np.median([one[key] for one in rows])) for key in rows[0]}
               for runtime, rows in found.items()}  # fmt: skip
    for runtime, one in medians.items():
        table.add_row(
            runtime, f"{one['speed']:,.0f}", f"{one['alone']:,.0f}", f"{one['ratio']:.2f}", f"{one['predicting']:.0f}",
            f"{one['writing']:.0f}", f"{one['peak']:,.0f}",
        )  # fmt: skip
    Console().print(table)
    best = medians[RUNTIMES[0]]
    print(
        f"{RUNTIMES[0]}: ratio {best['ratio']:.2f} (wanted: at least {WANTED_RATIO:g}), {best['speed']:,.0f} px/s "
        f"(wanted: {WANTED_SPEED:,.0f}), {best['peak']:,.0f} MiB (wanted: below {WANTED_MEMORY:,})"
    )


def settings_of(root: Path, *overrides: str) -> Settings:
    """Return the settings of a study whose area to map is that of the tiles."""
    bounds = ",".join(f"{value:.0f}" for value in Grid("EPSG:32648", 30.0).bounds(CORNER))
    return load(compose([
        f"paths.root={root}", f"earth.catalog={root}/catalog", "study.years=[2020]", "~study.areas.map.strips",
        f"+study.areas.map.bbox=[{bounds}]", f"tiles.size={SIZE}", "tiles.margin=3", "tiles.areas=[map]",
        "predict.engine=local", *overrides,
    ]))  # fmt: skip


def prepare(root: Path) -> None:
    """Write a catalog with a scene, a checkpoint, and the tiles with their manifest."""
    settings = settings_of(root)
    spec, layout = composite_spec(settings), Layout.of(settings)
    _write_scene(root / "catalog", spec.grid)
    land = landscape(len(spec.features))
    _select_network(layout, land, spec.features)
    labels = label_spec(settings).bands
    with connect(settings.earth, layout) as session:  # the stage passes over tiles that are not what it would make now
        area = resolve_areas(session, settings, ["map"])
        jobs = plan(session, settings, spec, label_spec(settings), area)
    made: dict[tuple[int, int], Tile] = {}
    records = []
    for tile, mark in [(job.tile, job.fingerprint) for job in jobs]:
        like = made.setdefault((tile.row % REPEAT, tile.column % REPEAT), tile)
        paths = [of(layout, tile.area, tile.id) for of in (feature_path, label_path)]
        if like is tile:
            _write_tile(tile, spec.grid, land, paths, (spec.features, labels))
        else:
            for path, of in zip(paths, (feature_path, label_path), strict=True):
                shutil.copy(of(layout, like.area, like.id), path)
                with rasterio.open(path, "r+") as file:
                    file.transform = spec.grid.transform(tile.outer)
        hashes = [sha256(path) for path in paths]
        records.append(
            TileRecord.of(tile, spec.grid, "ok", sha256=hashes[0], labels_sha256=hashes[1], fingerprint=mark)
        )
    write_manifest(layout, records)


def landscape(bands: int) -> Float:
    """Return features [band, y, x] that go on at the opposite side, as reflectance comes: in steps, with noise."""
    random, side = np.random.default_rng(0), REPEAT * SIZE
    ground = gaussian_filter(random.normal(size=(side, side)), 12, mode="wrap")
    ground /= ground.std()
    land = np.empty((bands, side, side), np.float32)
    for band in land:
        values = 0.1 + 0.05 * (ground + 0.1 * random.normal(size=ground.shape))
        band[:] = np.round(values / 2.75e-5) * 2.75e-5
    land[:, gaussian_filter(random.normal(size=ground.shape), 6, mode="wrap") > 0.1] = np.nan
    return land


def check_repeats(folder: Path) -> None:
    """Check that the map repeats itself as the landscape does."""
    period = REPEAT * SIZE
    for name in ("water", "probability"):
        with rasterio.open(folder / f"{name}.tif") as file:
            one, *others = (
                file.read(1, window=rasterio.windows.Window(x, y, 1800, 1800))
                for x, y in ((0, 0), (period, 0), (2 * period, 3 * period))
            )
        assert np.isnan(one).any() if name == "probability" else len(np.unique(one)) == 3, f"{name} is of one value"
        for other in others:
            assert np.array_equal(one, other, equal_nan=name == "probability"), f"{name} does not repeat itself"


def _write_tile(
    tile: Tile, grid: Grid, land: Float, paths: list[Path], bands: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    window, period = tile.outer, land.shape[1]
    rows = (window.top + np.arange(window.height)) % period
    columns = (window.left + np.arange(window.width)) % period
    features = land[:, rows[:, None], columns]
    looks = np.where(np.isnan(features[0]), 0, 3 + np.round(20 * np.nan_to_num(features[0]))).astype(np.float32)
    share = np.where(np.isnan(features[0]), np.nan, features[0] > 0.1).astype(np.float32)
    others = [features[n % len(features)].clip(0, 1) for n in range(len(bands[1]) - 2)]
    for path, values, names in zip(paths, (features, np.stack([share, looks, *others])), bands, strict=True):
        place = {"crs": grid.crs, "transform": grid.transform(window)}
        write_raster(path, values, names, nodata=float("nan"), **place)  # type: ignore[arg-type]  # str and Affine


def _select_network(layout: Layout, land: Float, features: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    widths = (16, 32, 64, 128)
    mean, deviation = ([float(of(band)) for band in land] for of in (np.nanmean, np.nanstd))
    network = PixelNetwork(Standardise(mean, deviation), build_body("pixelcnn", len(land), widths), features).eval()
    with torch.no_grad():
        some = network(torch.from_numpy(land[None, :, :256, :256]))
        margin = some[:, 1] - some[:, 0]
        weights = list(network.body.parameters())[-2:]
        weights[1][1] -= margin.mean()
        for one in weights:
            one *= 8 / margin.std()
    path = layout.models / "model.ckpt"
    save_checkpoint(path, TrainedModel(network, "pixelcnn", widths))
    known = {"study": layout.study, "sha256": sha256(path), "model": "pixelcnn", "features": list(features)}
    write_sealed(layout.models / "model.json", known)


def _write_scene(catalog: Path, grid: Grid) -> None:
    """Write one small scene of the area and an elevation model: the stage asks for them, though it reads no pixel."""
    place = {"driver": "GTiff", "width": 32, "height": 32, "crs": grid.crs, "transform": grid.transform(CORNER)}
    names = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "QA_PIXEL")
    for name, bands in (("LANDSAT/LC08/C02/T1_L2/LC08_131023_20200713", names), ("COPERNICUS/DEM/GLO30/DEM", ("DEM",))):
        path = catalog / f"{name}.tif"
        path.parent.mkdir(parents=True)
        with rasterio.open(path, "w", count=len(bands), dtype="uint16" if len(bands) > 1 else "float32", **place) as f:
            f.write(np.full((len(bands), 32, 32), 64))
            f.descriptions = bands
        told = {"WRS_PATH": 131, "WRS_ROW": 23, "system:time_start": 1_594_612_800_000}
        write_text(path.with_suffix(".json"), json.dumps(told))


def measure(root: Path, runtime: str) -> dict[str, float]:
    """Map in this process and return what was measured."""
    from water_gee.maps import stage

    settings = settings_of(root, f"predict.runtime={runtime}")
    alone = [_alone(root, runtime)]
    writing = 0.0
    publish: Callable[..., Any] = stage.publish

    def timed(*arguments: Any, **more: Any) -> Any:
        nonlocal writing
        begun = time.perf_counter()
        rows = publish(*arguments, **more)
        writing = time.perf_counter() - begun
        return rows

    stage.publish = timed
    begun = time.perf_counter()
    stage.run(settings)
    seconds = time.perf_counter() - begun
    peak = _peak()
    alone.append(_alone(root, runtime))
    speed, network = SIDE**2 / seconds, 2 / sum(1 / one for one in alone)
    return {"speed": speed, "alone": network, "ratio": speed / network, "predicting": seconds - writing,
            "writing": writing, "peak": peak}  # fmt: skip


def _alone(root: Path, runtime: str) -> float:
    """Return how many pixels a second the network predicts from features in memory, on as many cores."""
    settings = settings_of(root)
    layout, names = Layout.of(settings), composite_spec(settings).features
    tiles = tiles_of("map", box(*Grid("EPSG:32648", 30.0).bounds(CORNER)), Grid("EPSG:32648", 30.0), year=2020,
                     size=SIZE, margin=3)  # fmt: skip
    records = [_record(layout, tile) for tile, _ in zip(tiles, range(REPEAT), strict=False)]
    features = [load_features(layout, record, names)[:-1] for record in records]
    cores = torch.get_num_threads()
    with one_thread():
        predicted: Predictor = choose(load_checkpoint(layout.models / "model.ckpt"), runtime)[1]
        predicted(features[0])
        begun = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda number: predicted(features[number % REPEAT]).size, range(ALONE)))
        return ALONE * SIZE**2 / (time.perf_counter() - begun)


def _record(layout: Layout, tile: Tile) -> TileRecord:
    paths = feature_path(layout, tile.area, tile.id), label_path(layout, tile.area, tile.id)
    hashes = [sha256(path) for path in paths]
    return TileRecord.of(tile, Grid("EPSG:32648", 30.0), "ok", sha256=hashes[0], labels_sha256=hashes[1])


def _peak() -> float:
    """Return the most memory that this process has had, in MiB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
