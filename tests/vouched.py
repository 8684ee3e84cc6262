"""Reports that vouch for files which a test wrote, as the stages write them."""

from water_gee.denoise import clean_report_path, read_clean
from water_gee.denoise.store import read_raw
from water_gee.denoise.summary import choose, measure, report
from water_gee.files import sha256
from water_gee.models import load_checkpoint, selected_report_path
from water_gee.paths import Layout
from water_gee.runs.records import RunRecord, file_hashes, write_record
from water_gee.sealed import write_sealed
from water_gee.tiles import clean_path, read_manifest


def vouch_for_labels(layout: Layout, **more: object) -> None:
    """Write `report.json` for the clean labels that are there."""
    rows = [
        {
            "area": one.area, "id": one.id, "sha256": one.sha256, "labels_sha256": one.labels_sha256,
            "clean_sha256": sha256(clean_path(layout, one.area, one.id)), "notes": {},
            **measure(read_clean(layout, one), read_raw(layout, one), one),
        }
        for one in read_manifest(layout)
        if clean_path(layout, one.area, one.id).is_file()
    ]  # fmt: skip
    content = {**report(layout.study, "test", {}, 0, rows, []), "figures": [], "shown": choose(rows, 3)}
    write_sealed(clean_report_path(layout), {**content, **more})


def vouch_for_model(layout: Layout, **more: object) -> None:
    """Write `model.json` for the checkpoint that is there."""
    path = layout.models / "model.ckpt"
    model = load_checkpoint(path)
    known = {"study": layout.study, "sha256": sha256(path), "model": model.kind, "features": list(model.features)}
    write_sealed(selected_report_path(layout), {**known, **more})


def vouch_for_run(layout: Layout, record: RunRecord, folder_name: str) -> None:
    """Write `run.json` of a finished run for the files that are in its folder."""
    from dataclasses import replace

    folder = layout.runs / folder_name
    write_record(folder, replace(record, files=file_hashes(folder)))
