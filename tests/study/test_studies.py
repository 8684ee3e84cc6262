"""The studies of `conf/study` that are for the service."""

import json
import re

from shapely.geometry import Point, box, shape

from water_gee.config.compose import compose, repository
from water_gee.config.settings import Settings, load
from water_gee.earth import composite_spec, label_spec
from water_gee.study import to_lonlat

BASIN = {
    "Lake Baikal": (108.0, 53.5), "its north": (109.5, 55.6), "Khovsgol": (100.5, 51.0), "Ulaanbaatar": (106.9, 47.9),
    "Ulan-Ude": (107.6, 51.8), "Barguzin": (109.6, 53.6), "Tsetserleg": (101.5, 47.5), "Petrovsk": (108.8, 51.3),
}  # fmt: skip
OUTSIDE = {"Irkutsk": (104.3, 52.3), "Chita": (113.9, 52.0), "Bratsk": (101.6, 56.2), "Dalanzadgad": (104.4, 43.6)}


def study(name: str, *overrides: str) -> Settings:
    return load(compose([f"study={name}", *overrides]))


def test_the_basin_of_baikal_is_mapped_and_the_strips_of_three_paths_lie_apart() -> None:
    settings = study("baikal")
    assert composite_spec(settings).features and label_spec(settings).bands
    areas = settings.study.areas
    path = repository() / (areas["map"].region or "")
    outline = shape(json.loads(path.read_text(encoding="utf-8"))["geometry"])
    assert outline.is_valid
    assert {name for name, place in {**BASIN, **OUTSIDE}.items() if outline.contains(Point(place))} == set(BASIN)
    paths = {name: {path for path, _ in areas[name].tracks} for name in ("train", "test")}
    assert paths == {"train": {131, 135}, "test": {133}}
    assert settings.study.years == list(range(2013, 2022)) and settings.study.months == (6, 8)


def test_the_ten_scenes_are_named_once_and_can_be_had() -> None:
    settings = study("landsat578", "sensor=landsat578")
    scenes = [area.scenes for name, area in settings.study.areas.items() if re.fullmatch(r"l\d_\d\d", name)]
    ids = [one for scene in scenes for one in scene or []]
    assert len(ids) == len(set(ids)) == 10
    held = {re.sub(r".*/(L\w\d\d)/.*", r"\1", asset) for asset in settings.sensor.assets}
    assert {one[:4] for one in ids} <= held
    assert settings.study.areas["test"] == settings.study.areas["l7_01"]


def test_another_scene_is_chosen_by_the_command_that_the_readme_gives() -> None:
    settings = study(
        "landsat578", "sensor=landsat578", "study.name=l5_06", "study.areas.test=${study.areas.l5_06}",
        "study.areas.map=${study.areas.l5_06}", "study.areas.train.strips=[[34,17]]", "study.crs=EPSG:32615",
        "study.years=[2006]", "study.references.hand=data/landsat578/l5_scene_06_truth.tif",
    )  # fmt: skip
    assert settings.study.areas["map"].tracks == ((34, 15),)
    zone = to_lonlat(box(4e5, 7.05e6, 6e5, 7.15e6), settings.study.crs)
    assert zone.contains(Point(-93.9, 64.1))
