"""Stage `predict`: the study's area as maps, year by year."""

from typing import Any

from water_gee.claims import claim
from water_gee.config.compose import repository
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
    possible_ranges,
    resolve_areas,
    scene_versions,
    within,
)
from water_gee.errors import ConfigError, ExportError, ModelError, TileError
from water_gee.export import read_export
from water_gee.files import is_there, sha256
from water_gee.maps.engines import LOOKS, OUTPUTS, EarthEngine, Engine, Features, LocalEngine
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.maps.tags import map_tags
from water_gee.models import Checkpoint, selected
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.study import Area
from water_gee.tiles import TileRecord, on_tiles_lattice, read_manifest
from water_gee.versions import commit


def run(settings: Settings) -> None:
    """Map the area and write `maps/`.

    Raises:
        ConfigError: a choice does not fit the engine.
        ModelError: there is no checkpoint, or it reads other features.
        ExportError: there is no exported network, or it is of another checkpoint.
        EarthError: a piece could not be had.
    """
    choice, layout = settings.predict, Layout.of(settings)
    claim(layout, layout.maps / "maps.json")
    check_choices(choice)
    settings = on_tiles_lattice(settings)
    spec = composite_spec(settings)
    checkpoint, exported = check_checkpoint(layout, choice.engine, spec.features)
    with connect(settings.earth, layout) as session:
        area = resolve_areas(session, settings, [choice.area])[choice.area]
        found = scene_versions(session, spec, area, settings.study.years)
        size = choice.tile_size or settings.tiles.size
        plan = Plan.of(
            choice.area, area.geometry, spec.grid, settings.study.years, size=size, one_piece=choice.one_piece
        )
        images = {year: feature_image(spec, area, year) for year in settings.study.years}
        hashes = {str(year): expression_hash(image) for year, image in images.items()}
        marks = {"checkpoint_sha256": checkpoint.sha256}
        if choice.engine == "earth":
            marks["expression_sha256"] = str(exported["expression_sha256"])
        else:
            marks["runtime"] = choice.runtime
            if (layout.tiles / "tiles.csv").is_file():
                marks["tiles_sha256"] = sha256(layout.tiles / "tiles.csv")
        where = settings.earth.model_dump(include={"kind", "catalog", "url", "project"})
        scenes = {str(year): ids for year, ids in found.items()}
        store = PartStore(
            layout.work / "predict" / plan.fingerprint(choice.engine, where, hashes, scenes, marks), spec.grid
        )
        store.drop_others()
        engine = _engine(settings, layout, spec, session, area, images, checkpoint, exported)
        predict_pieces(plan, engine, store, workers=settings.earth.workers, on_failure=session.check)
    tags = map_tags(
        study=settings.study.name, area=choice.area, months=settings.study.months, sensor=settings.sensor.name,
        engine=choice.engine, marks=marks, model=selected(layout).report, exported=exported, code=commit(repository()),
    )  # fmt: skip
    rows = publish(plan, store, layout.maps, tags)
    store.remove()
    for row in rows:
        say(f"{row['year']}: {float(row['water_km2']):,.1f} km2 of water, {float(row['unseen_km2']):,.1f} km2 not seen")


def check_choices(choice: PredictSettings) -> None:
    """Check that the choices fit the engine, and that the runtime is installed.

    Raises:
        ConfigError: they do not, or it is not.
    """
    for name, chosen, plain in (("one_piece", choice.one_piece, False), ("runtime", choice.runtime, "torch")):
        if choice.engine != "local" and chosen != plain:
            raise ConfigError(
                f"predict.{name} works with predict.engine=local only; set that, or predict.{name}={str(plain).lower()}"
            )
    if choice.runtime != "torch":
        from water_gee.models import require_runtime

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
        from water_gee.models import load_checkpoint

        known = load_checkpoint(checkpoint.path, checkpoint.sha256).features
    if known != features:
        raise ModelError(
            f"the model reads {', '.join(known)} but features.names is {', '.join(features)}; "
            "set features.names to the model's list, or train again"
        )
    return checkpoint, exported


def _engine(
    settings: Settings,
    layout: Layout,
    spec: CompositeSpec,
    session: Session,
    area: Area,
    images: dict[int, Any],
    checkpoint: Checkpoint,
    exported: dict[str, Any],
) -> Engine:
    looks = {year: looks_image(spec, area, year) for year in images}
    if settings.predict.engine == "earth":
        from water_gee.export import load

        network = load(layout.export / "expression.json")
        mapped = {year: Prepared(network(image).addBands(looks[year]), OUTPUTS) for year, image in images.items()}

        def of_part(year: int, part: Area) -> Any:
            return network(within(spec, part, images[year])).addBands(looks[year])

        return EarthEngine(mapped, of_part, area, int(exported["reach"]), spec.grid, session)
    from water_gee.models import load_checkpoint, predictor

    model = load_checkpoint(checkpoint.path, checkpoint.sha256)
    predicted = predictor(model, settings.predict.runtime)
    stored, size = _stored(settings, layout)
    wanted = {year: Prepared(image.addBands(looks[year]), (*spec.features, LOOKS)) for year, image in images.items()}
    features = Features(layout, wanted, spec.features, area, spec.grid, session, stored, size, possible_ranges(spec))
    return LocalEngine(predicted, features, model.network.radius, model.threshold)


def _stored(settings: Settings, layout: Layout) -> tuple[dict[tuple[int, int, int], TileRecord], int]:
    """Return the downloaded tiles of the map's area, if any, by year, column and row; and their size."""
    size = settings.tiles.size
    try:
        records = read_manifest(layout)
    except TileError as error:
        if is_there(layout.tiles / "tiles.csv"):
            say(f"the tiles are passed over and their features fetched anew: {error}")
        return {}, size
    return {
        (record.year, record.column, record.row): record
        for record in records
        if record.area == settings.predict.area and record.size == size and record.status != "failed"
    }, size
