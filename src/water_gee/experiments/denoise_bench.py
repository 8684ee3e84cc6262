"""Stage `denoise-bench`: every denoising method on noise of known kind and rate, over labels whose truth is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from water_gee.claims import claimed
from water_gee.config.compose import SCENES, compose
from water_gee.config.settings import Settings, load
from water_gee.errors import ConfigError
from water_gee.experiments.denoise_bench_chart import draw
from water_gee.files import sha256, write_text
from water_gee.ladder import MEASURES, TRUTH, ZONES, Bench, Estimate, Measured, ladder_folder, ladder_report_path
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import as_csv, as_markdown, show
from water_gee.sealed import write_sealed
from water_gee.tracking import log_report

_SHOWN = {
    "left": "left", "commission": "commission", "omission": "omission", "flip_precision": "flips right",
    "flip_recall": "wrong found", "damage": "damage", "coverage": "coverage",
}  # fmt: skip


def run(settings: Settings) -> None:
    """Measure the methods of `ladder.methods` on every rung, and train networks on what some make of the labels.

    Writes `reports/ladder/ladder.png`, `ladder.csv`, `networks.csv` and `ladder.json`, which names them, and logs them
    in an MLflow run of their own. Each result lies in `reports/ladder/results` as soon as it is known, so that a killed
    bench goes on.

    Raises:
        ConfigError: the study names no reference, or a method is unknown.
        TileError: there are no tiles, or the reference does not meet them.
        WaterGeeError: another command measures now.
    """
    home = Layout.of(settings)
    with claimed(home, ladder_report_path(home)):
        _bench(settings, home)


def _bench(settings: Settings, home: Layout) -> None:
    ladders = [Bench.of(one, home).measured() for one in _studies(settings)]
    folder = ladder_folder(home)
    tables = {"ladder.csv": as_rows(ladders), "networks.csv": as_networks(ladders)}
    for name, rows in tables.items():
        write_text(folder / name, as_csv(rows))
    draw(folder / "ladder.png", ladders)
    names = [*tables, "ladder.png"]
    content = {
        "study": home.study, "ladder": settings.ladder.model_dump(mode="json"),
        "studies": [_plain(ladder) for ladder in ladders],
        "files": {name: sha256(folder / name) for name in names},
    }  # fmt: skip
    write_sealed(ladder_report_path(home), content)
    files = [ladder_report_path(home), *(folder / name for name in names)]
    note = "\n\n".join(f"{ladder.study}\n\n{as_markdown(_shown(ladder))}" for ladder in ladders)
    metrics = [metric for ladder in ladders for metric in _metrics(ladder)]
    log_report(home, "ladder", "denoising measured", files, note, metrics)
    for ladder in ladders:
        _print(ladder, settings.evaluate.area)
    say(
        "put in and left: wrong labels in percent of the truth's water pixels; intervals are of 95 %; "
        f"edge and interior apart are in {folder / 'ladder.csv'}, the figure is {folder / 'ladder.png'}"
    )


def _studies(settings: Settings) -> Iterator[Settings]:
    """Yield the settings of the chosen study, then those of `ladder.studies` with the other choices the same.

    Their tiles are fetched into a root of their own, `work/ladder/<study>`. One whose scenes are not there is left out.
    """
    yield settings
    for name in settings.ladder.studies:
        if name == settings.study.name:
            continue
        root = Layout.of(settings).work / "ladder" / name
        try:
            other = load(compose([f"study={name}"]))
        except ConfigError as error:
            if SCENES not in str(error):
                raise
            say(f"{error}; it is left out")
            continue
        paths = settings.paths.model_copy(update={"root": str(root)})
        own = {"study": other.study, "earth": other.earth, "tiles": other.tiles, "paths": paths}
        chosen = settings.model_copy(update=own)
        from water_gee.tiles import stage as tiles  # the client of Earth Engine takes a second

        tiles.run(chosen)
        yield chosen


def _print(ladder: Measured, area: str) -> None:
    show(f"labels against “{ladder.reference}”, study {ladder.study}, in %", _shown(ladder), texts=3)
    if ladder.taught:
        show(f"networks on the area {area}, study {ladder.study}", _shown_networks(ladder), texts=3)
    for kind, put in _short(ladder).items():
        say(f"{kind}: the study {ladder.study} has pixels for no more than {_percent(put)} % of this noise")


def _short(ladder: Measured) -> dict[str, float]:
    """Return the kinds that found too few pixels for a rate, and how many of the truth's water they found."""
    put = [(row, row.measures["put"]["all"].value or 0.0) for row in ladder.rows]
    return {row.kind: value for row, value in put if 100 * value < row.rate - 0.5}


def as_rows(ladders: Sequence[Measured]) -> list[list[str]]:
    """Return the table of `ladder.csv`, in shares and not percent: a row a study, kind, rate, method and zone."""
    heading = [f"{name}{part}" for name in MEASURES for part in ("", "_low", "_high")]
    table = [["study", "kind", "rate", "method", "zone", *heading]]
    for ladder in ladders:
        for row in ladder.rows:
            for zone in ZONES:
                numbers = [
                    number for name in MEASURES for number in asdict(row.measures[name][zone]).values()
                ]  # fmt: skip
                values = ["" if number is None else f"{number:.6f}" for number in numbers]
                table.append([ladder.study, row.kind, f"{row.rate:g}", row.method, zone, *values])
    return table


def as_networks(ladders: Sequence[Measured]) -> list[list[str]]:
    """Return the table of `networks.csv`: IoU of each network, and its difference to the one of the noisy labels."""
    table = [[
        "study", "kind", "rate", "labels", "iou", "deviation", "low", "high", "difference", "difference_low",
        "difference_high",
    ]]  # fmt: skip
    for ladder in ladders:
        for taught in ladder.taught:
            for one in taught.networks:
                numbers = (
                    one.iou, one.deviation, one.interval.low, one.interval.high, one.difference,
                    one.difference_interval.low, one.difference_interval.high,
                )  # fmt: skip
                values = [f"{number:.6f}" for number in numbers]
                table.append([ladder.study, taught.kind, f"{taught.rate:g}", one.name, *values])
    return table


def _shown(ladder: Measured) -> list[list[str]]:
    table = [["kind", "rate", "method", "put in", "left", "95 % interval", *list(_SHOWN.values())[1:]]]
    for row in ladder.rows:
        measures = {name: zones["all"] for name, zones in row.measures.items()}
        left = measures["left"]
        interval = f"{_percent(left.low)} - {_percent(left.high)}"
        rest = [_percent(measures[name].value) for name in list(_SHOWN)[1:]]
        first = [row.kind, f"{row.rate:g}", row.method]
        table.append([*first, _percent(measures["put"].value), _percent(left.value), interval, *rest])
    return table


def _shown_networks(ladder: Measured) -> list[list[str]]:
    table = [["kind", "rate", "learned from", "IoU", "95 % interval", "less the noisy labels'", "95 % interval"]]
    for taught in ladder.taught:
        for one in sorted(taught.networks, key=lambda one: one.name == TRUTH):
            interval, apart = one.interval, one.difference_interval
            spread, apart_by = f"{interval.low:.4f} - {interval.high:.4f}", f"{apart.low:+.4f} to {apart.high:+.4f}"
            first = [taught.kind, f"{taught.rate:g}", one.name]
            table.append([*first, f"{one.iou:.4f}", spread, f"{one.difference:+.4f}", apart_by])
    return table


def _metrics(ladder: Measured) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of what MLflow shows as curves over the rate."""
    for row in ladder.rows:
        for name, zones in row.measures.items():
            for zone, estimate in zones.items():
                if estimate.value is not None:
                    part = "" if zone == "all" else f"_{zone}"
                    yield f"{ladder.study}/{row.kind}/{row.method}/{name}{part}", estimate.value, round(row.rate)
    for taught in ladder.taught:
        for one in taught.networks:
            yield f"{ladder.study}/{taught.kind}/{one.name}/network_iou", one.iou, round(taught.rate)


def _plain(ladder: Measured) -> dict[str, Any]:
    return {
        "study": ladder.study,
        "reference": ladder.reference,
        "rows": [
            {"kind": row.kind, "rate": row.rate, "method": row.method, "measures": _estimates(row.measures)}
            for row in ladder.rows
        ],
        "networks": [
            {"kind": taught.kind, "rate": taught.rate, "networks": [asdict(one) for one in taught.networks]}
            for taught in ladder.taught
        ],
    }


def _estimates(measures: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {name: {zone: asdict(one) for zone, one in zones.items()} for name, zones in measures.items()}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
