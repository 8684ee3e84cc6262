"""`water-gee export`: the checkpoint as Earth Engine operations, written only once it is proven equal."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from water_gee.claims import claimed
from water_gee.config.products import ExportSettings
from water_gee.config.settings import Settings
from water_gee.config.study import StudySettings
from water_gee.earth import (
    CompositeSpec,
    Session,
    composite_spec,
    connect,
    drawn,
    feature_image,
    fetch,
    in_parallel,
    preview,
    resolve_areas,
    within,
)
from water_gee.errors import ExportError
from water_gee.export.calls import to_ee
from water_gee.export.card import model_card
from water_gee.export.forms import kernel_probe
from water_gee.export.network import ExportedNetwork, ExportOptions, export_network
from water_gee.export.parity import Parity, compare, total
from water_gee.export.script import StudyText, code_editor, first_zoom
from water_gee.files import write_text
from water_gee.models import TrainedModel, load_checkpoint, predict, selected
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.sealed import write_sealed
from water_gee.study import Area, Window
from water_gee.tiles import TileRecord, load_tile, on_tiles_lattice, read_manifest

_EVALUATOR = {"local": "eelocal", "cloud": "Earth Engine"}


def run(settings: Settings) -> None:
    """Export `models/model.ckpt`, compare it with PyTorch on the study's tiles, and write `export/`.

    Raises:
        ModelError: there is no checkpoint, or it reads other features than the configuration lists.
        TileError: there are no tiles to compare on.
        ExportError: a layer cannot be exported, or the exported network differs from PyTorch; nothing is written, and
            what an earlier export wrote stays.
        ConfigError: another study's export is there.
        WaterGeeError: another command exports now.
        EarthError: Earth Engine cannot be reached or refuses.
    """
    layout = Layout.of(settings)
    with claimed(layout, layout.export / "export.json"):
        _export(settings, layout)


def _export(settings: Settings, layout: Layout) -> None:
    choice = selected(layout)
    model = load_checkpoint(choice.checkpoint.path, choice.checkpoint.sha256)
    settings = on_tiles_lattice(settings)
    spec = composite_spec(settings)
    check(model, spec.features, settings.tiles.margin)
    records = chosen(read_manifest(layout), settings.export.parity_pixels)
    with connect(settings.earth, layout) as session:
        names = [settings.predict.area, *(record.area for record in records)]
        areas = resolve_areas(session, settings, dict.fromkeys(names))
        options = options_of(settings.export, model, session, spec, records[0])
        exported = export_network(model.network, model.features, options)
        cost = exported.cost
        say(f"exported in form {exported.form}: {cost.calls} calls, {cost.payload_bytes:,} bytes")
        say(f"a pixel holds some {cost.peak_bytes:,} bytes while it is computed: shardSize {cost.shard} in exports")
        parity = prove(exported, model, spec, areas, records, layout, session, settings.earth.workers)
        say(f"{_EVALUATOR[session.kind]} against PyTorch: {parity}")
        if not parity.equal:
            raise ExportError(
                f"the exported network differs from PyTorch ({parity}); nothing was written; try export.form=array, "
                "and please report it with the checkpoint"
            )
        expression = exported.function_json() + "\n"
        report = {
            **exported.report,
            "study": layout.study,
            "parity": parity.as_dict(),
            "proved_by": _EVALUATOR[session.kind],
            "expression_sha256": hashlib.sha256(expression.encode()).hexdigest(),
            "checkpoint_sha256": choice.checkpoint.sha256,
        }
        texts = {
            "expression.json": expression,
            "code_editor.js": _script(exported, settings.study, spec, areas[settings.predict.area]),
            "README.md": model_card(report, choice.report, _study(settings.study, spec)),
        }
    # An export that fails has left the last good one as it was; its report, written last, says which one is whole.
    for name, text in texts.items():
        write_text(layout.export / name, text)
    write_sealed(layout.export / "export.json", report)


def check(model: TrainedModel, features: tuple[str, ...], margin: int) -> None:
    """Check that the checkpoint fits the features and the margin, in pixels, of the tiles.

    Raises:
        ExportError: it reads other features, or sees further than the tiles' margin.
    """
    if model.features != features:
        raise ExportError(
            f"models/model.ckpt reads the features {', '.join(model.features)} and the configuration lists "
            f"{', '.join(features)}; set features.names to the former, or train again"
        )
    if model.network.radius > margin:
        raise ExportError(
            f"the network sees {model.network.radius} pixels far and tiles have a margin of {margin}; "
            f"set tiles.margin={model.network.radius} and run water-gee tiles again"
        )


def chosen(records: Sequence[TileRecord], pixels: int) -> list[TileRecord]:
    """The tiles to compare on: turn by turn those with the most and the least fill, until there are enough pixels."""
    whole = sorted((r for r in records if r.status == "ok"), key=lambda r: (r.clear_pixels, r.area, r.id))
    if not whole:
        raise ExportError("no tile has a clear pixel to compare the exported network on; run first: water-gee tiles")
    picked: list[TileRecord] = []
    while whole and sum(record.clear_pixels for record in picked) < pixels:
        picked.append(whole.pop(0 if len(picked) % 2 == 0 else -1))
    return picked


def options_of(
    choice: ExportSettings, model: TrainedModel, session: Session, spec: CompositeSpec, record: TileRecord
) -> ExportOptions:
    """How to export; the service is asked how it convolves, if the form depends on it."""
    outputs = ("water", "probability", "logits") if choice.logits else ("water", "probability")
    flip = choice.form != "array" and flips(session, spec, record.tile.window)
    return ExportOptions(
        threshold=model.threshold,
        temperature=model.temperature,
        form=choice.form,
        outputs=outputs,
        output="logits",  # of land and water: what every network here returns, whichever its last layers are
        flip=flip,
    )


def flips(session: Session, spec: CompositeSpec, window: Window) -> bool:
    """Ask the service whether `convolve` turns its kernel by 180 degrees.

    Raises:
        ExportError: it does neither that nor leave it.
    """
    small = Window(window.left, window.top, 4, 4)
    answer = fetch(to_ee(kernel_probe(), {}), spec.grid, small, ["flip"], session.retry)
    if (answer == 1).all() or (answer == -1).all():
        return bool((answer == -1).all())
    raise ExportError(f"the probe of `convolve` gave {np.unique(answer)} instead of 1 or -1; use export.form=array")


def prove(
    exported: ExportedNetwork,
    model: TrainedModel,
    spec: CompositeSpec,
    areas: dict[str, Area],
    records: Sequence[TileRecord],
    layout: Layout,
    session: Session,
    workers: int,
) -> Parity:
    """Compare PyTorch on the downloaded tiles with Earth Engine on its own composite, on the tiles' own pixels."""

    def one(job: tuple[int, TileRecord]) -> tuple[int, Parity]:
        index, record = job
        window = record.tile.window
        area = areas[record.area]
        features = feature_image(spec, area, record.year)
        image = exported.image(within(spec, area.within(spec.grid, record.tile.outer), features))
        there = fetch(image, spec.grid, window, ["probability", "water"], session.retry)
        features = load_tile(layout, record).features
        grow = window.buffer(model.network.radius).within(record.tile.outer)
        here = predict(model, features[:, *grow])
        return index, compare(here, there[0], model.threshold, there[1])

    found: Iterator[tuple[int, Parity]] = track(
        in_parallel(one, list(enumerate(records)), workers), "comparing tiles", len(records)
    )
    return total(parity for _, parity in sorted(found, key=lambda pair: pair[0]))


def _script(exported: ExportedNetwork, study: StudySettings, spec: CompositeSpec, area: Area) -> str:
    year = study.years[0]
    begin, end = spec.season(year)
    grid = spec.grid
    x, y = grid.origin
    text = StudyText(
        name=study.name,
        area=area.name,
        year=year,
        begin=begin,
        end=end,
        crs=grid.crs,
        transform=[grid.scale, 0, x, 0, -grid.scale, y],
        bounds=area.geometry.bounds,
        from_zoom=first_zoom(*_ground(spec, area)),
    )
    light = drawn(spec, area)
    features, coarse = (within(spec, light, make(spec, area, year)) for make in (feature_image, preview))
    return code_editor(exported, features, coarse, text)


def _ground(spec: CompositeSpec, area: Area) -> tuple[float, float]:
    """Return how wide a pixel is, in metres, and the latitude of an area's centre."""
    from pyproj import CRS, Transformer

    left, bottom, right, top = area.geometry.bounds
    crs = CRS.from_user_input(spec.grid.crs)
    _, latitude = Transformer.from_crs(crs, 4326, always_xy=True).transform((left + right) / 2, (bottom + top) / 2)
    metres = 111_320.0 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
    return spec.grid.scale * metres, float(latitude)


def _study(study: StudySettings, spec: CompositeSpec) -> dict[str, Any]:
    return {
        "name": study.name,
        "crs": study.crs,
        "scale": study.scale,
        "years": list(study.years),
        "months": list(study.months),
        "collections": list(spec.sensor.assets),
    }
