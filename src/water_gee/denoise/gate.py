"""The gate: clean labels are scored without truth, and those that would do harm are not given out.

Without truth nobody knows that labels are right, but some outcomes give away that they are wrong. The limits were set
between what rightly changes labels and what does harm, both measured on the sample study, on `hls_chips` with either
raw label, and on two hand-labelled scenes: see each limit. They judge by the imagery's own evidence; a method that
knew of water which no source sees, from elsewhere, would need `denoise.gate=warn`.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from water_gee.denoise.folds import fold_errors
from water_gee.denoise.store import clean_report_path, own_seed, read_clean
from water_gee.denoise.weighing import Sample, draw, weigh
from water_gee.errors import TileError, WaterGeeError
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.sealed import read_sealed
from water_gee.tiles import TileRecord, load_tile

_FORMAT = "gate 1"  # raise the number when equal labels would get other scores
_SAMPLED = 64  # tiles of an area that pixels are drawn of, at most
ABSTAINED = 0.10  # of the usable pixels; `water_gee` 0.013 at most, `vote` 0.003
FEW = 100  # pixels: fewer of a class, or fewer labels that changed, say too little
VANISHED = 0.05  # less of a class than this share of its raw pixels is almost none
NOISE = 30  # pixels of a class that may all be wrong, and rightly go
# Of the pixels turned to water, the share that no source sees as water: `water_gee` 0.085 at most, the truth of the
# sample study 0.06; water widened by a pixel 0.31 or more, labels flipped at random 0.76 or more, `v1` up to 0.50.
AGAINST_WATER = 0.25
# Of the pixels turned to land, the share that every source sees as water: `water_gee` 0, the truth of the sample study
# 0.03; `v1` 0.17 to 0.79, water narrowed by a pixel 0.24 or more, by two 0.45 or more.
AGAINST_LAND = 0.15
# How much less the clean labels agree with the sources than the raw ones, in intersection over union of water:
# `water_gee` loses 0.013 at most (and gains up to 0.55), the truth of the sample study 0.015; water narrowed by two
# pixels loses 0.08 or more, `v1` up to 0.31.
DISAGREEMENT = 0.05
# How much the clean labels' error on tiles held out exceeds the raw ones': `water_gee` 0.003 at most, the truth of the
# sample study 0.002; water widened by a pixel 0.04 or more, 3 % of the labels flipped 0.05 or more, `v1` up to 0.18.
FOLD_ERROR = 0.03

Scores = dict[str, Any]


def known_gate(layout: Layout) -> dict[str, Any]:
    """Return what the last report says of each area; nothing where it is absent, broken or of another version."""
    try:
        return dict(read_sealed(clean_report_path(layout), "", study=layout.study)["gate"]["areas"])
    except (WaterGeeError, KeyError, TypeError):
        return {}


def judge(
    layout: Layout,
    tiles: Sequence[TileRecord],
    rows: Sequence[Mapping[str, Any]],
    known: Mapping[str, Any],
    *,
    radius: int,
    seed: int,
    workers: int = 1,
) -> dict[str, Any]:
    """Return by area what the gate says of it: `scores`, `harm` (a reason a line; none, it passes) and `of`.

    Args:
        layout: of the root, where all tiles have clean labels.
        tiles: the tiles.
        rows: the report's rows of the same tiles, with the hashes of their files.
        known: what an earlier report says by area; taken where it is of the same files.
        radius: a pixel is usable where nothing is hidden this near, in pixels.
        seed: the study's seed.
        workers: tiles that are read side by side.

    Raises:
        TileError: a tile or its clean labels are broken.
    """
    judged = {}
    for area in sorted({record.area for record in tiles}):
        records = [record for record in tiles if record.area == area]
        mark = _mark([row for row in rows if row["area"] == area], radius, seed)
        scores = known[area]["scores"] if known.get(area, {}).get("of") == mark else None
        if scores is None:
            scores = _scores(layout, records, radius, seed, workers)
        judged[area] = {"of": mark, "scores": scores, "harm": harm(scores)}
    return judged


def admit(layout: Layout, method: str, mode: str, judged: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the gate found, and return what the report says of it.

    Args:
        layout: of the root.
        method: which made the labels.
        mode: `denoise.gate`: fail, warn or off.
        judged: what `judge` found, by area; empty with `off`.

    Raises:
        TileError: the labels would do harm and the gate is to fail; then there is no report either, without which no
            later stage takes the labels. They stay where they are.
    """
    if mode == "off":
        return {"verdict": "off", "areas": {}}
    say("gate: " + "; ".join(f"{area} {_told(one['scores'])}" for area, one in judged.items()))
    found = [f"{area}: {reason}" for area, one in judged.items() for reason in one["harm"]]
    if not found:
        return {"verdict": "passed", "areas": dict(judged)}
    message = f"the labels by denoise={method} would do harm; {'; '.join(found)}"
    if mode == "fail":
        clean_report_path(layout).unlink(missing_ok=True)
        raise TileError(f"{message}; choose another method, or take these labels all the same with denoise.gate=warn")
    say(f"warning: {message}; they are taken, since denoise.gate=warn")
    return {"verdict": "warned", "areas": dict(judged)}


def scores_of(counts: Counter[str], errors: tuple[float, float] | None) -> Scores:
    """Return an area's scores; None what cannot be known, for want of sources or of pixels.

    Args:
        counts: the sum of its tiles' `weigh`.
        errors: out of sample, of the raw and of the clean labels.
    """
    has_sources = "to_water_against" in counts
    shares = {
        "abstained": _share(counts["usable"] - counts["given"], counts["usable"]),
        "changed": _share(counts["to_water"] + counts["to_land"], counts["given"]),
        "to_water_against": _share(counts["to_water_against"], counts["to_water"]) if has_sources else None,
        "to_land_against": _share(counts["to_land_against"], counts["to_land"]) if has_sources else None,
        "raw_agreement": _share(counts["raw_both"], counts["raw_either"]) if has_sources else None,
        "clean_agreement": _share(counts["clean_both"], counts["clean_either"]) if has_sources else None,
        "raw_fold_error": round(errors[0], 4) if errors else None,
        "clean_fold_error": round(errors[1], 4) if errors else None,
    }
    by_reason = {
        name.removeprefix("changed_"): _share(count, counts["given"])
        for name, count in sorted(counts.items())
        if name.startswith("changed_")
    }
    names = ("usable", "raw_water", "raw_land", "clean_water", "clean_land", "to_water", "to_land", "raw_either")
    return {**{name: counts[name] for name in names}, **shares, "changed_by_reason": by_reason}


def harm(scores: Scores) -> list[str]:
    """Return why labels of these scores would do harm, with each score and its limit; empty where they would not."""
    return [*_coverage(scores), *_support(scores), *_comparison(scores)]


def _coverage(of: Scores) -> list[str]:
    """Return what is wrong with how many labels of which class there are."""
    found = []
    if of["abstained"] is not None and of["abstained"] > ABSTAINED:
        found.append(f"{_percent(of['abstained'])} of the usable pixels have no label (limit {_percent(ABSTAINED)})")
    for name in ("water", "land"):
        before, left = of[f"raw_{name}"], of[f"clean_{name}"]
        if before >= FEW and left < VANISHED * before:
            limit = f"limit {_percent(VANISHED)}"
            found.append(f"{left} of {before} pixels of {name} are left ({limit} of them)")
        elif before >= NOISE and not left:
            found.append(f"none of {before} pixels of {name} is left (limit 1)")
    return found


def _support(of: Scores) -> list[str]:
    """Return which changes go against all evidence."""
    found = []
    for side, limit, what in (
        ("water", AGAINST_WATER, "no other source sees as water"),
        ("land", AGAINST_LAND, "every other source sees as water"),
    ):
        against, number = of[f"to_{side}_against"], of[f"to_{side}"]
        if against is not None and number >= FEW and against > limit:
            found.append(
                f"{_percent(against)} of the {number} pixels turned to {side} are what {what} (limit {_percent(limit)})"
            )
    return found


def _comparison(of: Scores) -> list[str]:
    """Return in what the clean labels fall behind the raw ones."""
    found = []
    raw, clean = of["raw_agreement"], of["clean_agreement"]
    if raw is not None and clean is not None and of["raw_either"] >= FEW and raw - clean > DISAGREEMENT:
        limit = f"limit {raw - DISAGREEMENT:.3f}"
        found.append(f"the agreement with the other sources falls from {raw:.3f} to {clean:.3f} ({limit})")
    before, after = of["raw_fold_error"], of["clean_fold_error"]
    if before is not None and after is not None and after - before > FOLD_ERROR:
        limit = f"limit {before + FOLD_ERROR:.3f}"
        found.append(f"the error on tiles held out rises from {before:.3f} to {after:.3f} ({limit})")
    return found


def _scores(layout: Layout, records: Sequence[TileRecord], radius: int, seed: int, workers: int) -> Scores:
    """Return an area's scores, from its tiles and their clean labels as they lie on disk."""
    ordered = sorted(records, key=lambda record: own_seed(seed, f"gate/{record.id}"))
    sampled = {record.id for record in ordered[:_SAMPLED]}

    def one(record: TileRecord) -> tuple[Counter[str], Sample | None]:
        tile, clean = load_tile(layout, record), read_clean(layout, record)
        own = own_seed(seed, f"gate/{record.id}")
        return weigh(tile, clean, radius), draw(tile, clean, radius, own) if record.id in sampled else None

    counts: Counter[str] = Counter()
    samples = []
    with ThreadPoolExecutor(workers) as pool:  # reading and decompressing do not hold the others up
        for found, sample in track(pool.map(one, records), f"judging labels of {records[0].area}", len(records)):
            counts.update(found)
            samples += [sample] if sample else []
    return scores_of(counts, fold_errors(samples))


def _mark(rows: Sequence[Mapping[str, Any]], radius: int, seed: int) -> str:
    """Return a hash of what an area's scores depend on."""
    files = [f"{row['id']} {row['sha256']} {row['labels_sha256']} {row['clean_sha256']}" for row in rows]
    return hashlib.sha256("\n".join([_FORMAT, str(radius), str(seed), *files]).encode()).hexdigest()


def _told(of: Scores) -> str:
    """Return an area's scores in a few words."""
    raw, clean = _number(of["raw_agreement"]), _number(of["clean_agreement"])
    return (
        f"{_percent(of['changed'])} changed, {_percent(of['abstained'])} abstained, against all sources "
        f"{_percent(of['to_water_against'])} to water and {_percent(of['to_land_against'])} to land, agreement "
        f"{raw} -> {clean}, fold error {_number(of['raw_fold_error'])} -> {_number(of['clean_fold_error'])}"
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
