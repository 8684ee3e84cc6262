"""One bit that flips anywhere in what a stage reads is found where it is read."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import finished
from vouched import vouch_for_labels
from water_gee.denoise import CleanLabels
from water_gee.errors import WaterGeeError
from water_gee.export import read_export
from water_gee.files import sha256, write_text
from water_gee.models import selected
from water_gee.paths import Layout
from water_gee.sealed import write_sealed
from water_gee.tiles import clean_path, feature_path, label_path, load_tile, read_manifest

FLIPS = 200


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A root with tiles, clean labels, a selected checkpoint and an export."""
    layout = finished.write_root(tmp_path_factory.mktemp("root"))
    vouch_for_labels(layout)
    write_text(layout.export / "expression.json", '{"values": {"0": {"constantValue": 0.123456789}}, "result": "0"}\n')
    known = {"study": layout.study, "expression_sha256": sha256(layout.export / "expression.json")}
    write_sealed(layout.export / "export.json", known)
    return layout


def tile(layout: Layout) -> None:
    load_tile(layout, read_manifest(layout)[1])


def label(layout: Layout) -> None:
    CleanLabels.of(layout).read(read_manifest(layout)[1])


READERS: dict[str, tuple[Callable[[Layout], Path], Callable[[Layout], object]]] = {
    "features": (lambda layout: feature_path(layout, "test", read_manifest(layout)[1].id), tile),
    "labels": (lambda layout: label_path(layout, "test", read_manifest(layout)[1].id), tile),
    "clean labels": (lambda layout: clean_path(layout, "test", read_manifest(layout)[1].id), label),
    "checkpoint": (lambda layout: layout.models / "model.ckpt", selected),
    "expression": (lambda layout: layout.export / "expression.json", read_export),
    "manifest": (lambda layout: layout.tiles / "tiles.csv", read_manifest),
}


@pytest.mark.parametrize("what", READERS)
def test_every_flipped_bit_is_found(layout: Layout, what: str) -> None:
    place, read = READERS[what]
    path, draw = place(layout), random.Random(what)
    whole = path.read_bytes()
    read(layout)
    try:
        for _ in range(FLIPS):
            bit = draw.randrange(len(whole) * 8)
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            with pytest.raises(WaterGeeError) as found:
                read(layout)
            assert path.name in str(found.value) and "\n" not in str(found.value)
    finally:
        path.write_bytes(whole)
    read(layout)
