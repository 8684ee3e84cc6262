"""`water-gee verify`: the exported network as the service computes it, against PyTorch on the same features."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from water_gee.config.settings import Settings
from water_gee.deploy.account import Account
from water_gee.deploy.eecu import UNKNOWN, profiled
from water_gee.deploy.subject import subject
from water_gee.deploy.verified import write_verified
from water_gee.earth import (
    CompositeSpec,
    Session,
    composite_spec,
    connect,
    feature_image,
    fetch,
    resolve_areas,
)
from water_gee.errors import ExportError
from water_gee.export import Parity, compare, load
from water_gee.models import TrainedModel, load_checkpoint, predict
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.study import Area, Window
from water_gee.tiles import TileRecord, on_tiles_lattice, read_manifest

_OUTPUTS = ("probability", "water")
_TEST = "test"  # the area that is never trained on


def run(settings: Settings) -> None:
    """Compare on a sample of the test tiles, and write `deploy/verified.json`.

    Raises:
        ModelError: nothing is selected, or it reads other features.
        ExportError: nothing is exported, no tile has a clear pixel, or the service and PyTorch differ.
        TileError: there are no tiles.
        EarthError: the service refused, or went on failing.
    """
    layout, account = Layout.of(settings), Account.of(settings.earth)
    settings = on_tiles_lattice(settings)
    spec = composite_spec(settings)
    deployed = subject(layout, spec.features)
    model = load_checkpoint(deployed.checkpoint.path, deployed.checkpoint.sha256)
    records = sample(read_manifest(layout), settings.deploy.verify_pixels)
    network = load(layout.export / "expression.json")
    parity, pixels = Parity(), 0
    with connect(settings.earth, layout) as session:
        areas = resolve_areas(session, settings, dict.fromkeys(record.area for record in records))
        with profiled(session) as profile:
            for record in track(records, "comparing", len(records)):
                window = record.tile.window
                parity += _compared(session, spec, areas[record.area], record.year, window, model, network)
                pixels += window.width * window.height
    each = None if profile.seconds is None else profile.seconds / pixels
    found: dict[str, Any] = {
        "parity": parity.as_dict(),
        "tiles": [f"{record.area}/{record.id}" for record in records],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "eecu_seconds_per_pixel": each,
    }
    write_verified(layout, deployed, account, found)
    say(f"{account} against PyTorch: {parity}")
    say(UNKNOWN if each is None else f"{profile.seconds:.3g} EECU-seconds for {pixels:,} pixels, by the profile")
    if not parity.equal:
        raise ExportError(
            f"the network on {account} is not the one that was trained ({parity}), so deploy refuses it; find out what "
            "differs there by water-gee check, or export in another form: water-gee export export.form=kernel"
        )


def sample(records: Sequence[TileRecord], pixels: int) -> list[TileRecord]:
    """Return test tiles, those with most clear pixels first, until there are enough; of all areas if none is a test's.

    Raises:
        ExportError: no tile has a clear pixel.
    """
    seen = [record for record in records if record.status == "ok" and record.clear_pixels]
    seen = [record for record in seen if record.area == _TEST] or seen
    if not seen:
        raise ExportError("no tile has a clear pixel to compare the exported network on; run first: water-gee tiles")
    picked: list[TileRecord] = []
    for record in sorted(seen, key=lambda one: (-one.clear_pixels, one.area, one.id)):
        if sum(one.clear_pixels for one in picked) >= pixels:
            break
        picked.append(record)
    return picked


def _compared(
    session: Session,
    spec: CompositeSpec,
    area: Area,
    year: int,
    window: Window,
    model: TrainedModel,
    network: Any,
) -> Parity:
    """Compare one window: features and outputs come in one answer, so that both are of the same pixels."""
    features = feature_image(spec, area, year)
    outer = window.buffer(model.network.radius)
    both = features.addBands(network(features).select(list(_OUTPUTS)))
    answer = fetch(both, spec.grid, outer, [*spec.features, *_OUTPUTS], session.retry)
    here = predict(model, answer[: len(spec.features)])
    probability, water = (band[window.within(outer)] for band in answer[len(spec.features) :])
    return compare(here, probability, model.threshold, water)
