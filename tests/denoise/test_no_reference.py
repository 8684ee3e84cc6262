"""No method of denoising ever reads a reference: not by its settings, not by its code, and not on disk."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from denoise.synthetic import bytes_below
from water_gee.config.configure import narrowed
from water_gee.config.settings import Settings
from water_gee.denoise import METHODS
from water_gee.denoise.stage import run
from water_gee.paths import Layout
from water_gee.reads import STAGES, code_of

pytestmark = pytest.mark.usefixtures("no_drawing")
QUICK = {
    "v1": ("denoise.samples=100", "denoise.epochs=[1,1,1]", "denoise.minimum_water=20"),
    "confident": ("denoise.block=0.3",),
}
_OPENED: list[str] = []
_WATCHING = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHING and event == "open":
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """A folder that the study's references name, with a raster in it."""
    folder = tmp_path / "truth"
    folder.mkdir()
    write(folder, 1)
    return folder


def write(folder: Path, value: int) -> None:
    profile = {"driver": "GTiff", "height": 64, "width": 64, "count": 1, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(folder / "water.tif", "w", transform=rasterio.Affine(30, 0, 0, 0, -30, 0), **profile) as file:
        file.write(np.full((1, 64, 64), value, dtype=np.uint8))


def test_the_stage_is_not_given_the_references(settings: Callable[..., Settings]) -> None:
    given = narrowed(settings("study.references.truth=truth/*.tif"), "denoise")
    with pytest.raises(AttributeError, match="references is read by a stage that does not declare it"):
        given.study.references  # noqa: B018  # reading is what is refused
    assert not any(key.startswith("study.references") for key in STAGES["denoise"].keys)


def test_its_code_holds_nothing_that_reads_one() -> None:
    rooms = {path.parent.name for path in code_of("denoise")}
    assert not rooms & {"evaluation", "report", "simulate", "ladder"}
    words = ("references", "simulate", "evaluation")
    for path in code_of("denoise"):
        if path.parent.name == "denoise":
            text = path.read_text(encoding="utf-8")
            assert not any(f".{word}" in text or f'"{word}"' in text for word in words), path


@pytest.mark.parametrize("method", METHODS)
def test_the_labels_are_the_same_whatever_the_reference_says(
    layout: Layout, settings: Callable[..., Settings], references: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    global _WATCHING
    _OPENED.clear()
    rasters: list[str] = []
    genuine = rasterio.open

    def noted(path: object, *arguments: object, **named: object) -> object:
        rasters.append(str(path))
        return genuine(path, *arguments, **named)

    monkeypatch.setattr(rasterio, "open", noted)
    study = f"study.references.truth={references}/*.tif"
    _WATCHING = True
    try:
        run(settings(study, f"denoise={method}", "denoise.gate=off", "trainer.threads=1", *QUICK.get(method, ())))
        first = bytes_below(layout.clean)
    finally:
        _WATCHING = False
    assert not [path for path in [*_OPENED, *rasters] if str(references) in path]
    write(references, 0)
    for path in layout.clean.rglob("*.tif"):
        path.unlink()
    run(settings(study, f"denoise={method}", "denoise.gate=off", "trainer.threads=1", *QUICK.get(method, ())))
    assert bytes_below(layout.clean) == first
