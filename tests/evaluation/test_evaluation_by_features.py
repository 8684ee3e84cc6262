"""Accuracy against polygons and points: the figures of a raster of the same truth, in every stage that reads them."""

import numpy as np
import pyogrio
import pytest
import shapely
from rasterio.features import shapes as outlines

import finished
from water_gee.config.reference import ReferenceSettings
from water_gee.evaluation import EvaluationArea, Reference, assess
from water_gee.files import read_json
from water_gee.ladder.places import Places
from water_gee.report import explore
from water_gee.report.stage import run
from water_gee.report.summary import run as summarise

HERE = finished.GRID.transform(finished.LATTICE.buffer(finished.MARGIN))
RASTER = "study.references={truth: 'reference/water_{year}_*.tif'}"
POLYGONS = "study.references={truth: {path: 'reference/cover_{year}.shp', column: cover}}"
POINTS = "study.references={truth: {path: reference/points.gpkg, column: cover}}"
YEAR = "study.years=[2020]"


def write(path, geometries, values, kind: str):
    columns = [np.array(values, dtype=object)]
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(geometries, dtype=object)), columns, ["cover"], crs=finished.GRID.crs,
        geometry_type=kind,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """Return a finished root that holds its truth as polygons too, and every fifth pixel of it as a point."""
    finished.write_root(tmp_path)
    truth = finished.land()["truth"]
    found = list(outlines(truth.astype(np.uint8), transform=HERE))
    write(
        tmp_path / "reference" / "cover_2020.shp", [shapely.geometry.shape(one) for one, _ in found],
        ["water" if value else "land" for _, value in found], "Polygon",
    )  # fmt: skip
    rows, columns = np.divmod(np.arange(0, truth.size, 5), truth.shape[1])
    x, y = HERE @ (columns + 0.5, rows + 0.5)
    cover = np.where(truth[rows, columns], "water", "land")
    write(tmp_path / "reference" / "points.gpkg", shapely.points(x, y), cover, "Point")
    return tmp_path


def test_polygons_give_the_figures_of_the_raster_to_the_last_bit(root, settings) -> None:
    by_raster, by_polygons = (
        assess(EvaluationArea.of(settings(one, YEAR, "evaluate.resamples=100"))) for one in (RASTER, POLYGONS)
    )
    assert by_polygons.metrics == by_raster.metrics
    files = by_raster.details.pop("reference_files"), by_polygons.details.pop("reference_files")
    assert by_polygons.details == by_raster.details and files[0] != files[1]


def test_the_page_and_the_summary_take_polygons(root, settings, capsys, monkeypatch) -> None:
    monkeypatch.setattr(explore, "library", lambda: None)  # the map has its own tests
    finished.add_products(root)
    chosen = settings(POLYGONS, YEAR, "evaluate.resamples=100")
    run(chosen)
    assert read_json(root / "reports" / "metrics.json")["truth"]["model"]["pixels"] > 1000
    capsys.readouterr()
    summarise(chosen)
    assert "was changed" not in capsys.readouterr().err
    table = root / "reference" / "cover_2020.dbf"
    content = bytearray(table.read_bytes())
    at = content.rindex(b"water")
    content[at : at + 5] = b"land "
    table.write_bytes(content)
    summarise(chosen)
    assert "the reference truth was changed since it was measured against" in capsys.readouterr().err


def test_points_are_measured_where_they_lie(root, settings) -> None:
    test = EvaluationArea.of(settings(POINTS, YEAR, "evaluate.resamples=100"))
    found = assess(test).metrics["truth"]["model"]
    all_of_it = assess(EvaluationArea.of(settings(RASTER, YEAR, "evaluate.resamples=100"))).metrics["truth"]["model"]
    assert found["pixels"] == pytest.approx(all_of_it["pixels"] / 5, rel=0.02)
    assert found["iou"] == pytest.approx(all_of_it["iou"], abs=0.03)


def test_the_ladder_takes_blocks_as_places_beside_a_table_of_chips(root) -> None:
    (root / "chips.csv").write_text("scene,row,col,place\ncover_2020,0,0,a\n", encoding="utf-8")
    raster = Reference("truth", "reference/water_{year}_a.tif", root)
    assert Places.tables(raster, 2020) == [root / "chips.csv"]
    polygons = Reference.of("truth", ReferenceSettings(path="reference/cover_{year}.shp", column="cover"), root)
    assert polygons.files(2020) and Places.of(polygons, 2020, 64).chips == () and Places.tables(polygons, 2020) == []
