"""The page holds all it shows, says what to see in every figure, and is the same bytes for the same inputs."""

import base64
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import finished
from composed import settings_at
from water_gee.errors import WaterGeeError
from water_gee.files import read_json, write_json
from water_gee.report import explore
from water_gee.report.palette import CHANGES, ERRORS
from water_gee.report.stage import run
from water_gee.report.summary import run as summarise
from water_gee.tiles import write_raster

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"


class Page(HTMLParser):
    """What a page loads, links to and shows."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.images: list[bytes] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.captions: list[str] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes) -> None:
        known = dict(attributes)
        self._inside = tag if tag in ("h2", "figcaption") else self._inside
        if tag == "figcaption":
            self.captions.append("")
        for name in ("src", "href"):
            address = known.get(name) or ""
            if address.startswith("data:image/png;base64,"):
                assert known["alt"] and int(known["width"]) > 0
                self.images.append(base64.b64decode(address.partition(",")[2]))
            elif address and address != "data:,":  # an empty icon, so that no browser asks for one
                self.addresses.append(address)

    def handle_endtag(self, tag) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data) -> None:
        if self._inside == "h2":
            self.headings.append(data)
        elif self._inside == "figcaption":
            self.captions[-1] += data


@pytest.fixture(autouse=True)
def without_a_map(monkeypatch, request):
    """As where the map library was never fetched; what the page is with it is in test_explore.py."""
    if request.node.name != test_the_same_inputs_give_the_same_bytes.__name__:
        monkeypatch.setattr(explore, "library", lambda: None)


CHOICES = ("study=tiny", "tiles.size=64", REFERENCE, "study.years=[2020]", "evaluate.resamples=200")


@pytest.fixture(scope="module")
def made(tmp_path_factory, config_dir):
    """A root with all products and the page that shows them; not to be written to."""
    root = tmp_path_factory.mktemp("made")
    finished.write_root(root)
    finished.add_products(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore, "library", lambda: None)
        run(settings_at(root, *CHOICES, config_dir=config_dir))
    return root


@pytest.fixture
def choices(tmp_path, config_dir):
    return settings_at(tmp_path, *CHOICES, config_dir=config_dir)


@pytest.fixture
def copied(made, tmp_path):
    """The test's own root: all that was made."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)


def test_the_page_is_whole(made) -> None:
    page = Page(made / "reports" / "index.html")
    assert page.headings == [
        "Accuracy", "Where the map is good", "What the probability means", "Right and wrong on the map",
        "Labels before and after", "The map and its area", "The study", "The imagery", "Training",
        "The network in Earth Engine", "Lineage",
    ]  # fmt: skip
    assert all(address.startswith("#") for address in page.addresses)
    assert len(page.captions) == len(page.images) > 10
    assert all(len(caption) > 60 for caption in page.captions)
    written = {path.read_bytes() for path in (made / "reports" / "figures").glob("*.png")}
    assert written == set(page.images)
    text = (made / "reports" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|@import|url\(", text)
    assert "viewport" in text and "eelocal, this project" in text and "250,000" in text
    assert str(made) not in text and "simulated" not in text
    measured = read_json(made / "reports" / "metrics.json")["truth"]["qa_water"]["iou"]
    assert f"{measured:.3f}" in text


@pytest.mark.usefixtures("copied", "small_pictures")
def test_the_same_inputs_give_the_same_bytes(tmp_path, choices) -> None:
    run(choices)
    first = (tmp_path / "reports" / "index.html").read_bytes()
    (tmp_path / "reports" / "figures" / "agreement_other_2013.png").write_bytes(b"of another study")
    run(choices)
    assert (tmp_path / "reports" / "index.html").read_bytes() == first
    assert not (tmp_path / "reports" / "figures" / "agreement_other_2013.png").exists()


@pytest.mark.usefixtures("small_pictures")
def test_what_is_not_there_is_left_out(tmp_path, settings) -> None:
    finished.write_root(tmp_path, clean=False)
    run(settings("~study.references", "study.years=[2020]"))
    page = Page(tmp_path / "reports" / "index.html")
    assert page.headings == ["Right and wrong on the map", "The study", "The imagery", "Lineage"]
    assert all("Nobody says who is right" in caption for caption in page.captions if caption.startswith("Place"))


def test_errors_and_changes_have_their_colours(made) -> None:
    figures = made / "reports" / "figures"
    for name, legend in {"agreement_truth_2020.png": ERRORS[:4], "labels_1.png": CHANGES[:4]}.items():
        with Image.open(figures / name) as image:
            known = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
        assert {code.rgb for code in legend} <= known


@pytest.mark.usefixtures("small_pictures")
def test_simulated_scenes_are_called_so_and_their_errors_have_causes(tmp_path, settings) -> None:
    finished.write_root(tmp_path)
    raw = tmp_path / "data" / "raw"
    write_json(raw / "simulation.json", {"seed": 0})
    (raw / "catalog").mkdir()
    truth = finished.land()["truth"]
    cause = np.where(truth, 21, 3).astype("uint8")
    cause[:40][~truth[:40]] = 4
    place = finished.GRID.transform(finished.LATTICE.buffer(finished.MARGIN))
    write_raster(
        raw / "cover" / "cover_2020_135.tif", np.stack([cause * 0 + 1, cause]), ["cover", "cause"],
        crs=finished.GRID.crs, transform=place, nodata=0, tags={"cause": "3 TERRAIN_SHADOW, 4 LAVA, 21 NARROW"},
    )  # fmt: skip
    run(settings(REFERENCE, "study.years=[2020]", "earth.catalog=data/raw/catalog"))
    rows = read_json(tmp_path / "reports" / "details.json")["causes"]
    assert [(row["cause"], row["water"]) for row in rows] == [
        ("TERRAIN_SHADOW", False), ("LAVA", False), ("NARROW", True),
    ]  # fmt: skip
    measured = read_json(tmp_path / "reports" / "details.json")["references"]["truth"]["confusion"]["qa_water"]
    assert sum(row["wrong"]["qa_water"] for row in rows if not row["water"]) == measured["fp"]
    assert sum(row["wrong"]["qa_water"] for row in rows if row["water"]) == measured["fn"]
    text = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "Why labels err" in text and "terrain shadow" in text and "are simulated" in text


@pytest.mark.usefixtures("copied")
def test_the_summary_says_what_was_made(tmp_path, choices, capsys) -> None:
    summarise(choices)
    said = capsys.readouterr().out
    for part in ("Quality band", "Denoised label", "Model", "MNDWI > 0", "2020", "equal to PyTorch on 250,000 pixels",
                 str(tmp_path / "reports" / "index.html")):  # fmt: skip
        assert part in said
    measured = read_json(tmp_path / "reports" / "metrics.json")["truth"]["model"]["iou"]
    assert f"{measured:.3f}" in said


def test_the_summary_before_any_evaluation(tmp_path, settings) -> None:
    with pytest.raises(WaterGeeError, match=r"model.json does not exist; run first: python train.py"):
        summarise(settings())
    finished.write_root(tmp_path)
    with pytest.raises(WaterGeeError, match=r"details.json does not exist; run first: water-gee evaluate"):
        summarise(settings())


@pytest.mark.usefixtures("copied", "small_pictures")
def test_after_another_selection_nothing_of_the_old_model_is_shown_as_current(tmp_path, choices, capsys) -> None:
    finished.checkpoint(tmp_path, seed=1)
    with pytest.raises(WaterGeeError, match=r"reports is of another model than the one that is selected"):
        summarise(choices)
    run(choices)
    assert "the page is made without its map" in capsys.readouterr().err
    page = Page(tmp_path / "reports" / "index.html")
    text = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "The maps are of another model or export and are not shown; run again: water-gee predict." in text
    assert "The export is of another model and is not shown; run again: water-gee export." in text
    assert not any("Water area by year" in caption for caption in page.captions) and "250,000" not in text
    summarise(choices)
    said = " ".join(capsys.readouterr().out.split())
    assert "The maps are of another model" in said and "equal to PyTorch" not in said


@pytest.mark.usefixtures("copied")
def test_a_reference_that_was_replaced_is_said(tmp_path, choices, capsys) -> None:
    summarise(choices)
    assert "was changed" not in capsys.readouterr().err
    finished.reference(tmp_path / "reference" / "water_2020_a.tif", ~finished.land()["truth"])
    summarise(choices)
    assert "the reference truth was changed since it was measured against" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reports/metrics.json", "run again: water-gee evaluate"),
        ("reports/details.json", "run again: water-gee evaluate"),
        ("maps/area.csv", "run again: water-gee predict"),
        ("maps/maps.json", "run again: water-gee predict"),
        ("export/export.json", "run again: water-gee export"),
        ("export/expression.json", "run again: water-gee export"),
        ("models/model.json", "run again: water-gee select"),
        ("models/model.ckpt", "run again: water-gee select"),
    ],
)
@pytest.mark.usefixtures("copied")
def test_a_file_that_was_edited_is_found(tmp_path, choices, name, told) -> None:
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b" ")
    if name.endswith("json") and name not in ("reports/metrics.json", "export/expression.json"):
        path.write_bytes(path.read_bytes().replace(b'"study": "tiny"', b'"study": "tony"'))
    with pytest.raises(WaterGeeError, match=told):
        summarise(choices)
