"""Bodies as files: GeoPackage, GeoParquet and a table, the same bytes for the same bodies."""

import csv
import io
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from water_gee.bodies.read import REPORT, SERIES
from water_gee.bodies.style import qml
from water_gee.errors import WaterGeeError
from water_gee.files import atomic, sha256, write_text
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

LAYERS = ("bodies", "bodies_by_year")
COLUMNS = (
    "id", "name", "kind", "year", "area_km2", "low_km2", "high_km2", "perimeter_km", "unseen_share", "complete",
)  # fmt: skip
_TOLD = ("study", "area", "maps_sha256")  # of what they were made of, in the GeoPackage itself
_ANY_DAY = "2000-01-01T00:00:00.000Z"  # GDAL writes into a GeoPackage when it was made


def publish(layout: Layout, tables: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    """Write `bodies/`: all files are made beside the last good ones and moved into their place at the end.

    Args:
        layout: the root.
        tables: by layer, a GeoDataFrame.
        made_of: what the report says beside the files' hashes.

    Raises:
        WaterGeeError: a file could not be written whole.
    """
    folder = layout.work / "bodies"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = ["bodies.gpkg", "bodies.qml", SERIES, *(f"{layer}.parquet" for layer in LAYERS)]
    try:
        _write_geopackage(folder / names[0], tables, {key: str(made_of[key]) for key in _TOLD})
        for layer in LAYERS:
            _write_parquet(folder / f"{layer}.parquet", tables[layer])
        write_text(folder / names[1], qml())
        write_text(folder / SERIES, _table(tables[LAYERS[1]]))
    except (OSError, RuntimeError) as error:
        raise WaterGeeError(f"{folder} could not be written ({error}); free disk space and run again") from error
    write_sealed(folder / REPORT, {**made_of, "files": {name: sha256(folder / name) for name in names}})
    finish(layout)


def finish(layout: Layout) -> None:
    """Move finished files into their place, those of a command too that was killed while it did so.

    Their report is made and moved last: as long as it lies beside them, each of them is here or in its place.
    """
    folder = layout.work / "bodies"
    if not (folder / REPORT).is_file():
        return
    try:
        report = read_sealed(folder / REPORT, "", study=layout.study)
    except WaterGeeError:  # another study's, or cut short: nobody will take it up
        shutil.rmtree(folder, ignore_errors=True)
        return
    names = list(report["files"])
    for name in (*names, REPORT):
        if (folder / name).is_file():
            with atomic(layout.bodies / name) as temporary:
                shutil.move(folder / name, temporary)
    for layer in LAYERS:  # what other versions and programs kept under their names, as a journal of the file before
        for path in layout.bodies.glob(f"{layer}.*"):
            if path.name not in {REPORT, *names} and not path.is_dir():
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _write_geopackage(path: Path, tables: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    import pyogrio

    with _fixed_day():
        for layer in LAYERS:
            tables[layer].to_file(
                path, layer=layer, driver="GPKG", engine="pyogrio", geometry_type="MultiPolygon",
                layer_metadata=dict(tags),
            )  # fmt: skip
    for layer in LAYERS:  # a full disk may cut a file short without a word
        if pyogrio.read_info(path, layer=layer)["features"] != len(tables[layer]):
            raise OSError(f"{path.name} is not whole")


def _write_parquet(path: Path, table: Any) -> None:
    import geopandas

    table.to_parquet(path, index=False, compression="zstd")
    if len(geopandas.read_parquet(path)) != len(table):
        raise OSError(f"{path.name} is not whole")


@contextmanager
def _fixed_day() -> Iterator[None]:
    import pyogrio

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _ANY_DAY})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _table(series: Any) -> str:
    """Return the rows of all years without their polygons."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in series[list(COLUMNS)].itertuples(index=False):
        writer.writerow([_text(value) for value in row])
    return text.getvalue()


def _text(value: Any) -> str:
    """Return a value as the table has it: areas to a square metre, shares and lengths as fine; empty where unknown."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.6f}"
    return str(value)
