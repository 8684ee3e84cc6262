"""Files of the user's that were changed since results were made of them."""

from collections.abc import Iterator

from water_gee.bodies import read_bodies
from water_gee.config.inputs import marks, sha256_of
from water_gee.config.settings import Settings
from water_gee.files import is_there
from water_gee.maps import read_maps
from water_gee.paths import Layout
from water_gee.sealed import read_sealed


def changed_files(settings: Settings, layout: Layout) -> Iterator[str]:
    """Yield a sentence for the labelled points, the mapped region, and the files of water bodies that were changed.

    The figures, maps and bodies that are there, and the page, are then of what these files held before.

    Raises:
        WaterGeeError: a report was changed, or is of another study.
    """
    maps, bodies = read_maps(layout), read_bodies(layout)
    if maps and (known := maps.get("region_md5")):
        key = f"study.areas.{maps['area']}"
        if marks(settings, [key], known=True).get(f"{key}.region") != known:
            yield f"{key}: the region was changed since it was mapped; run again: water-gee predict"
    for name in ("names", "earlier"):
        known = (bodies or {}).get(f"{name}_sha256")
        path = layout.locate(str((bodies or {}).get("settings", {}).get(name)))
        if known and not (path.exists() and sha256_of(path) == known):
            yield f"bodies.{name}: {path} was changed since it was read; run again: water-gee bodies"
    report = layout.reports / "details.json"
    if not is_there(report):
        return
    survey = read_sealed(report, "run again: water-gee evaluate", study=layout.study).get("survey")
    if survey:
        path = layout.locate(survey["points_file"])
        if not (path.is_file() and sha256_of(path) == survey["points_sha256"]):
            yield f"the labelled points {path} were changed since they were taken; run again: water-gee evaluate"
