"""Stage `compare`: every model and baseline of the study in one table, over their seeds, with intervals."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from matplotlib.axes import Axes

from water_gee.config.settings import Settings
from water_gee.drawing import drawing
from water_gee.errors import ModelError
from water_gee.evaluation import Compared, EvaluationArea, compare, count_checkpoints, counts_of
from water_gee.files import write_text
from water_gee.panels import INK, MUTED
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import AREA_COLOURS, METHOD_NAMES, as_csv, as_markdown, show
from water_gee.runs import Contender, contenders
from water_gee.tracking import log_report

AGAINST = "qa_water"  # the free label that every network learns from: what a network has to beat
_WIDEST = 36  # letters of a line of a method's name
_THRESHOLDS = (AGAINST, "mndwi_0")
_HEADING = (
    "method", "runs", "validation_iou", "validation_sd", "reference", "test_iou", "test_sd", "low", "high",
    "difference", "difference_low", "difference_high",
)  # fmt: skip


def run(settings: Settings) -> None:
    """Judge all finished runs of the study on the test tiles and compare them, a configuration a row.

    Writes `reports/comparison/comparison.csv` and `.png` and logs both in an MLflow run of their own. It is a report:
    test figures choose nothing.

    Raises:
        ModelError: there is no finished run of the tiles and labels that are there, or no reference.
        TileError: there are no training or test tiles.
        ConfigError: a reference has no file.
    """
    if not settings.study.references:
        raise ModelError(f"the study {settings.study.name} names no reference to compare by; add study.references")
    found = contenders(Layout.of(settings))
    if not found:
        raise ModelError("no finished run is of these tiles and clean labels; run first: python train.py")
    rows = _compared(settings, found)
    folder = Layout.of(settings).reports / "comparison"
    files = [folder / "comparison.csv", folder / "comparison.png"]
    content = as_rows(found, rows)
    write_text(files[0], as_csv(content))
    draw(files[1], found, rows)
    log_report(Layout.of(settings), "comparison", "comparison of models", files, as_markdown(content))
    for reference, compared in rows.items():
        _print(reference, found, compared)
    say(f"the figure is {files[1]}; differences are to {METHOD_NAMES[AGAINST]}, with 95 % intervals")


def _compared(settings: Settings, found: Sequence[Contender]) -> dict[str, list[Compared]]:
    """Return the comparison by reference."""
    counters = count_checkpoints(EvaluationArea.of(settings), [each for one in found for each in one.checkpoints])
    first = next(iter(counters.values()))
    compared = {}
    for name, tally in first.tallies.items():
        held = {method: [counts_of(tally, method)] for method in _THRESHOLDS}
        held |= {one.name: [counts_of(counters[each].tallies[name]) for each in one.checkpoints] for one in found}
        compared[name] = compare(held, AGAINST, resamples=settings.evaluate.resamples, seed=settings.seed)
    return compared


def as_rows(found: Sequence[Contender], rows: Mapping[str, Sequence[Compared]]) -> list[list[str]]:
    """Return the table of `comparison.csv`: a heading, then a row a method and reference."""
    known = {one.name: one for one in found}
    table = [list(_HEADING)]
    for reference, compared in rows.items():
        for one in compared:
            runs = known.get(one.name)
            validation = [_mean(runs), _deviation(runs)] if runs else ["", ""]
            numbers = (
                one.interval.low, one.interval.high,
                one.difference, one.difference_interval.low, one.difference_interval.high,
            )  # fmt: skip
            spread = f"{one.deviation:.4f}" if runs and len(runs.seeds) > 1 else ""
            measured = [f"{one.iou:.4f}", spread, *(f"{number:.4f}" for number in numbers)]
            table.append([one.name, str(len(runs.seeds)) if runs else "1", *validation, reference, *measured])
    return table


def draw(path: Path, found: Sequence[Contender], rows: Mapping[str, Sequence[Compared]]) -> None:
    """Draw the IoU of every method by reference, the best of the first reference on top; write it as a PNG."""
    order = [one.name for one in sorted(next(iter(rows.values())), key=lambda one: one.iou)]
    known = {one.name: one for one in found}
    labels = [_wrapped(METHOD_NAMES.get(name, name)) for name in order]
    lines = sum(max(2, label.count("\n") + 1) for label in labels)
    with drawing(path, 1.2 + 0.17 * lines, width=3.4 * (len(rows) + 1) + 2.2) as figure:
        axes = figure.subplots(1, len(rows) + 1, sharey=True)
        for height, name in enumerate(order):
            if name in known:
                axes[0].plot(known[name].validation, [height] * len(known[name].validation), "o", color=AREA_COLOURS[2])
        axes[0].set_title("Validation labels, a dot a seed")
        for axis, (reference, compared) in zip(axes[1:], rows.items(), strict=True):
            _panel(axis, order, {one.name: one for one in compared})
            axis.set_title(f"Test, “{reference}”")
        axes[0].set_yticks(range(len(order)), labels)
        for axis in axes:
            axis.set_xlabel("intersection over union")


def _wrapped(name: str) -> str:
    """Return a name over several lines, none of them wider than the figure's margin."""
    return "\n".join(textwrap.wrap(name, _WIDEST, break_on_hyphens=False)) or name


def _panel(axis: Axes, order: Sequence[str], compared: Mapping[str, Compared]) -> None:
    for height, name in enumerate(order):
        one = compared[name]
        colour = AREA_COLOURS[0] if name in _THRESHOLDS else AREA_COLOURS[1]
        axis.plot([one.interval.low, one.interval.high], [height] * 2, color=colour, linewidth=5, alpha=0.3)
        axis.plot([one.iou], [height], "o", color=colour, markersize=7)
        axis.annotate(
            f"{one.iou:.3f}", (one.iou, height), (0, 7), textcoords="offset points", ha="center", color=INK, fontsize=8
        )
    axis.axvline(compared[AGAINST].iou, color=MUTED, linewidth=1, linestyle=":")


def _print(reference: str, found: Sequence[Contender], compared: Sequence[Compared]) -> None:
    known = {one.name: one for one in found}
    rows = [["method", "runs", "validation IoU", "test IoU", "95 % interval", "less the label", "95 % interval"]]
    for one in sorted(compared, key=lambda one: -one.iou):
        runs = known.get(one.name)
        several = runs is not None and len(runs.seeds) > 1
        validation = f"{_mean(runs)} ± {_deviation(runs)}" if runs and several else _mean(runs) if runs else "-"
        interval, apart = one.interval, one.difference_interval
        spread = f" ± {one.deviation:.4f}" if several else ""
        rows.append([
            METHOD_NAMES.get(one.name, one.name), str(len(runs.seeds)) if runs else "-", validation,
            f"{one.iou:.4f}{spread}", f"{interval.low:.4f} - {interval.high:.4f}",
            f"{one.difference:+.4f}", f"{apart.low:+.4f} to {apart.high:+.4f}",
        ])  # fmt: skip
    show(f"against the reference “{reference}”", rows)


def _mean(runs: Contender) -> str:
    return f"{mean(runs.validation):.4f}"


def _deviation(runs: Contender) -> str:
    """Return the standard deviation over the seeds; empty of one seed, which has none."""
    return f"{stdev(runs.validation):.4f}" if len(runs.validation) > 1 else ""
