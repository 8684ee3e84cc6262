"""Stage `predict`: the study's area as maps, year by year."""

from collections.abc import Mapping
from typing import Any

import rasterio

from water_gee.amounts import km2
from water_gee.claims import claimed
from water_gee.config.compose import repository
from water_gee.config.inputs import marks as marks_of_files
from water_gee.config.products import PredictSettings
from water_gee.config.settings import Settings
from water_gee.earth import (
    CompositeSpec,
    Prepared,
    Session,
    composite_spec,
    connect,
    expression_hash,
    feature_image,
    looks_image,
    resolve_areas,
    scene_versions,
    within,
)
from water_gee.errors import ConfigError, ExportError, ModelError
from water_gee.export import read_export
from water_gee.files import sha256
from water_gee.maps.engines import OUTPUTS, EarthEngine
from water_gee.maps.local import Local
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.maps.remote import Network
from water_gee.maps.tags import map_tags
from water_gee.models import AUTO, Checkpoint, choose, load_checkpoint, one_thread, require_runtime, selected
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.study import Area
from water_gee.tiles import on_tiles_lattice
from water_gee.versions import commit

_CACHE = 256 * 2**20  # bytes of blocks that GDAL may keep; else a twentieth of the machine's memory


def run(settings: Settings) -> None:
    """Map the area and write `maps/`.

    Raises:
        ConfigError: a choice does not fit the engine.
        ModelError: there is no checkpoint, or it reads other features.
        ExportError: there is no exported network, or it is of another checkpoint.
        EarthError: a piece could not be had.
        TileError: a stored tile is not the one of the manifest.
        PoolError: the Dask scheduler or a worker of it cannot be used.
        WaterGeeError: another command makes maps now.
    """
    layout = Layout.of(settings).absolute()
    with claimed(layout, layout.maps / "maps.json"):
        _map(settings, layout)


def _map(settings: Settings, layout: Layout) -> None:
    choice = settings.predict
    check_choices(choice)
    settings = on_tiles_lattice(settings)
    spec = composite_spec(settings)
    checkpoint, exported = check_checkpoint(layout, choice.engine, spec.features)
    with connect(settings.earth, layout) as session:
        area = resolve_areas(session, settings, [choice.area])[choice.area]
        found = scene_versions(session, spec, area, settings.study.years)
        size = choice.tile_size or settings.tiles.size
        plan = Plan.of(choice.area, area.geometry, spec.grid, settings.study.years, size=size)
        images = {year: feature_image(spec, area, year) for year in settings.study.years}
        hashes = {str(year): expression_hash(image) for year, image in images.items()}
        where = settings.earth.model_dump(include={"kind", "catalog", "url", "project"})
        scenes = {str(year): ids for year, ids in found.items()}
        marks = {"checkpoint_sha256": checkpoint.sha256}

        def store() -> PartStore:
            """Return the parts of these very maps; those of others are removed, since nothing takes them up again."""
            mark = plan.fingerprint(choice.engine, where, hashes, scenes, marks)
            parts = PartStore(layout.work / "predict" / mark, spec.grid)
            parts.drop_others()
            return parts

        if choice.engine == "earth":
            marks["expression_sha256"] = str(exported["expression_sha256"])
            engine = _earth_engine(layout, spec, session, area, images, int(exported["reach"]))
            parts = store()
            predict_pieces(plan, engine, parts, workers=settings.earth.workers, on_failure=session.check)
        else:
            with one_thread():  # each piece is computed on one core, several at once
                model = load_checkpoint(checkpoint.path, checkpoint.sha256)
                keep = layout.work / "onnx" / f"{checkpoint.sha256}.onnx"
                marks["runtime"], predicted = choose(model, choice.runtime, keep)
                if (layout.tiles / "tiles.csv").is_file():
                    marks["tiles_sha256"] = sha256(layout.tiles / "tiles.csv")
                parts = store()
                known = Network(
                    checkpoint.path, checkpoint.sha256, marks["runtime"], model.network.radius, model.threshold,
                    model.own.target if model.own else "", keep,
                )  # fmt: skip
                if not Local(settings, layout, spec, session, area, images, plan, parts).predict(known, predicted):
                    marks.pop("tiles_sha256", None)  # the tiles that are there are of something else
    for mark in marks_of_files(settings, [f"study.areas.{choice.area}"], known=True).values():
        marks["region_md5"] = mark  # by which `summary` knows that the region's file was changed
    tags = map_tags(
        study=settings.study.name, area=choice.area, months=settings.study.months, sensor=settings.sensor.name,
        engine=choice.engine, marks=marks, model=selected(layout).report, exported=exported, code=commit(repository()),
    )  # fmt: skip
    with rasterio.Env(GDAL_CACHEMAX=_CACHE):
        rows = publish(plan, parts, layout.maps, tags)
    parts.remove()
    for row in rows:
        say(f"{row['year']}: {km2(float(row['water_km2']))} km2 of water, {km2(float(row['unseen_km2']))} km2 not seen")


def check_choices(choice: PredictSettings) -> None:
    """Check that the choices fit the engine, and that the runtime is installed.

    Raises:
        ConfigError: they do not, or it is not.
    """
    if choice.runtime == AUTO:
        return
    if choice.engine != "local":
        raise ConfigError("predict.runtime works with predict.engine=local only; set that, or predict.runtime=auto")
    require_runtime(choice.runtime)


def check_checkpoint(layout: Layout, engine: str, features: tuple[str, ...]) -> tuple[Checkpoint, dict[str, Any]]:
    """Return the checkpoint to map with and, for the engine `earth`, what its export says of itself.

    Raises:
        ModelError: there is no checkpoint, or the network reads other features.
        ExportError: there is no exported network, it is of another checkpoint, or it was changed since its proof.
    """
    checkpoint, exported = selected(layout).checkpoint, {}
    if engine == "earth":
        exported = read_export(layout)
        if exported.get("checkpoint_sha256") != checkpoint.sha256:
            raise ExportError("export/ is of another checkpoint than models/model.ckpt; run again: water-gee export")
        if not exported.get("parity", {}).get("equal"):
            raise ExportError("export/ was not proven equal to PyTorch; run again: water-gee export")
        known = tuple(exported.get("features", ()))
    else:
        known = load_checkpoint(checkpoint.path, checkpoint.sha256).features
    if known != features:
        raise ModelError(
            f"the model reads {', '.join(known)} but features.names is {', '.join(features)}; "
            "set features.names to the model's list, or train again"
        )
    return checkpoint, exported


def _earth_engine(
    layout: Layout, spec: CompositeSpec, session: Session, area: Area, images: Mapping[int, Any], reach: int
) -> EarthEngine:
    """Return the exported network over the images of the features, and the clear looks beside it."""
    from water_gee.export import load

    network = load(layout.export / "expression.json")
    looks = {year: looks_image(spec, area, year) for year in images}
    mapped = {year: Prepared(network(image).addBands(looks[year]), OUTPUTS) for year, image in images.items()}

    def of_part(year: int, part: Area) -> Any:
        return network(within(spec, part, images[year])).addBands(looks[year])

    return EarthEngine(mapped, of_part, area, reach, spec.grid, session)
