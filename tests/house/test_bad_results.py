"""Whatever befalls a result that carries a seal, or that a seal names: who reads it says so, and does not use it.

A row of `READERS` is a file and the cheapest command that reads it, as in `test_bad_files`.
"""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import finished
from damages import (
    ANY,
    JSON,
    NAMED,
    SEALED,
    YAML,
    Reader,
    assert_one_line,
    becomes,
    damaged,
    flipped,
    folder,
    link,
    rows,
    run_stage,
)
from vouched import vouch_for_run
from water_gee.config.compose import compose
from water_gee.config.configure import check_composed
from water_gee.config.settings import Settings, load
from water_gee.errors import TileError
from water_gee.files import write_text
from water_gee.paths import Layout
from water_gee.runs.promoted import files_of, keep
from water_gee.runs.records import RunRecord
from water_gee.sealed import sealed
from water_gee.study import Tile
from water_gee.surroundings import in_one_line
from water_gee.tiles import TileRecord, read_manifest, write_manifest
from water_gee.tiles.journal import Journal, journal_path
from water_gee.tiles.manifest import begin_manifest

PROMOTED = "e" * 32
SETTINGS: dict[tuple[str, ...], Settings] = {}  # by overrides: to compose takes longer than most of the commands
Read = Callable[[Path], None]


def settings_of(root: Path, *overrides: str) -> Settings:
    """Return the settings of the tiny study, whose own folder lies beside the root."""
    key = (f"paths.root={root}", *overrides)
    if key not in SETTINGS:
        own = ["study=tiny", "tiles.size=64", "study.years=[2020]", "evaluate.resamples=100", "earth.wait=0"]
        references = "study.references={truth: 'reference/water_{year}_*.tif'}"
        SETTINGS[key] = load(compose([*own, references, *key], str(root.parent / "conf")))
    return SETTINGS[key]


def stage(name: str, *overrides: str) -> Read:
    return lambda root: run_stage(name, settings_of(root, *overrides))


def leaving_out(read: Read) -> Read:
    """Return what ends in the last line that was said, of the run that is left out and then not found."""

    def run(root: Path) -> None:
        with redirect_stderr(io.StringIO()) as said, pytest.raises(SystemExit, match=r"no run or checkpoint file has"):
            read(root)
        raise SystemExit(" ".join(said.getvalue().strip().splitlines()))

    return run


def composed(root: Path) -> None:
    with in_one_line("water-gee", ""):
        check_composed(settings_of(root), "denoise")


def without(damages: dict, *names: str) -> dict:
    return {name: one for name, one in damages.items() if name not in names}


SUMMARY, EVALUATE, ONE = stage("summary"), stage("evaluate"), stage("select", "select.run=one")
BODIES = stage("bodies")
KEPT = stage("select", f"select.run={PROMOTED}")
TABLE = {**NAMED, "of another content": lambda path, whole: path.write_bytes(whole.replace(b"2", b"3"))}
# A run may be of another study, and a folder of runs/ need not be a run.
OF_A_RUN = without(SEALED, "absent", "of another study")
TILE = f"test/{Tile('test', 2020, *finished.CORNER, finished.SIZE, finished.MARGIN).id}"
READERS = [
    Reader("data/tiles/tiles.csv", stage("denoise"), TABLE, {"not UTF-8": SEALED["not UTF-8"]}),
    Reader("data/tiles/tiles.json", stage("denoise"), SEALED),
    Reader(f"data/tiles/{TILE}.tif", EVALUATE, NAMED),
    Reader(f"data/tiles/{TILE}.labels.tif", EVALUATE, NAMED),
    Reader("data/clean/report.json", EVALUATE, without(SEALED, "absent")),  # then it was not denoised
    Reader(f"data/clean/{TILE}.tif", EVALUATE, NAMED),
    Reader("runs/one/run.json", leaving_out(ONE), OF_A_RUN),
    Reader("runs/one/model.ckpt", ONE, NAMED),
    Reader("runs/one/curves.csv", ONE, TABLE),
    Reader(f"promoted/{PROMOTED}/run.json", leaving_out(KEPT), OF_A_RUN),
    Reader(f"promoted/{PROMOTED}/model.ckpt", KEPT, NAMED),
    Reader("models/model.json", stage("export"), SEALED),
    Reader("models/model.ckpt", stage("predict"), NAMED),
    Reader("models/curves.csv", SUMMARY, TABLE),
    Reader("export/export.json", SUMMARY, without(SEALED, "absent")),  # then nothing was exported
    Reader("export/export.json", stage("predict"), {"absent": SEALED["absent"]}),
    Reader("export/expression.json", stage("predict"), NAMED, {"of another content": becomes(b"[]")}),
    Reader("maps/maps.json", SUMMARY, without(SEALED, "absent")),  # then nothing was mapped
    Reader("maps/area.csv", SUMMARY, TABLE),
    Reader("maps/2020/water.tif", EVALUATE, NAMED),
    Reader("maps/2020/probability.tif", BODIES, NAMED),
    Reader(  # absent, there were no ids so far; with another study in it, the folder is that one's
        "bodies/bodies.json",
        BODIES,
        without(SEALED, "absent", "of another study", "with no number under a seal"),
    ),
    Reader("bodies/bodies.parquet", BODIES, NAMED),
    Reader("reports/details.json", SUMMARY, SEALED),
    Reader("reports/metrics.json", SUMMARY, TABLE, {"a list": JSON["a list"], "nothing": JSON["nothing"]}),
    Reader("reports/index.html", SUMMARY, TABLE),
    Reader(
        "composed.yaml",
        composed,
        YAML,
        {
            "absent": NAMED["absent"],
            "with a list in a group's place": becomes(b"study: [tiny]\ndenoise: [1]\nseed: 0\n"),
            "with a word in a group's place": becomes(b"study: {name: tiny}\ndenoise: v1\nseed: 0\n"),
            "with another seed": lambda path, whole: path.write_bytes(whole.replace(b"seed: 0", b"seed: 1")),
            "cut": JSON["cut"],
        },
    ),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory, world) -> Path:
    """A folder with the tiny study's own groups, beside which roots lie."""
    place = tmp_path_factory.mktemp("results")
    shutil.copytree(world / "conf", place / "conf")
    return place


@pytest.fixture(scope="module")
def made(folders) -> Path:
    """A root in which all is made: each row leaves it as it was."""
    root = folders / "made"
    layout = finished.write_root(root)
    finished.add_products(root)
    for name, place in {"one": "one", PROMOTED: "gone"}.items():
        files = layout.runs / place
        files.mkdir(parents=True)
        for file in ("model.ckpt", "curves.csv"):
            shutil.copy(layout.models / file, files)
        record = RunRecord(place, name, "FINISHED", "key", layout.study, "", 1.0)
        vouch_for_run(layout, record, place)
    gone = layout.runs / "gone"
    record = replace(record, files=json.loads((gone / "run.json").read_text(encoding="utf-8"))["files"])
    keep(layout, record, files_of(gone, record))
    shutil.rmtree(gone)
    BODIES(root)
    EVALUATE(root)
    stage("configure")(root)
    return root


@pytest.mark.parametrize("read", [SUMMARY, ONE, KEPT, composed], ids=["summary", "a run", "a promoted run", "composed"])
def test_what_is_whole_is_read(made, tmp_path, read) -> None:
    models = shutil.copytree(made / "models", tmp_path / "models")
    read(made)
    shutil.rmtree(made / "models")
    shutil.copytree(models, made / "models")  # as the rows want it


@pytest.mark.parametrize(("reader", "damage"), rows(READERS))
def test_a_damaged_result_is_one_line_that_names_it(made, reader, damage) -> None:
    assert_one_line(made, reader, damage)


@pytest.mark.parametrize("changed", [{"area": "../../elsewhere"}, {"area": "/elsewhere"}, {"id": "../../2020_c1_r3"}])
def test_a_tile_never_lies_outside_its_folder(tmp_path, changed) -> None:
    layout = Layout(tmp_path, "tiny")
    record = TileRecord.of(
        Tile("test", 2020, 1, 3, 64, 4), finished.GRID, "ok", sha256="a" * 64, labels_sha256="b" * 64
    )
    write_manifest(layout, [record])
    assert read_manifest(layout) == [record]
    write_manifest(layout, [replace(record, **changed)])  # whose seals are right
    with pytest.raises(TileError, match=rf"tiles\.csv is not a manifest .* an impossible {next(iter(changed))}"):
        read_manifest(layout)


@pytest.fixture(scope="module")
def fetched(folders, eelocal_url) -> Path:
    """A root with the tiles of one area."""
    root = folders / "fetched"
    tiles(eelocal_url)(root)
    return root


def tiles(url: str) -> Read:
    return stage("tiles", f"earth.url={url}", "tiles.areas=[train]")


JOURNAL = {
    **without(ANY, "a folder"),
    "cut": JSON["cut"],
    "a bit flipped": flipped,
    "not UTF-8": JSON["not UTF-8"],
    "a list": JSON["a list"],
    "nothing": JSON["nothing"],
    "nested without end": JSON["nested without end"],
    "with no number under a seal": SEALED["with no number under a seal"],
    "of another content with the old seal": lambda path, whole: path.write_bytes(
        whole.replace(b'"status": "ok"', b'"status": "empty"')
    ),
}


@pytest.mark.parametrize("name", [*JOURNAL, "of a tile elsewhere"])
def test_a_damaged_journal_only_ends(fetched, eelocal_url, name) -> None:
    layout = Layout(fetched, "tiny")
    records, before = read_manifest(layout), (layout.tiles / "tiles.csv").read_bytes()
    begin_manifest(layout)  # as after a kill
    with Journal(layout, records):
        path = journal_path(layout)
    whole = path.read_bytes()
    path.unlink()
    if name in JOURNAL:
        JOURNAL[name](path, whole)
    else:
        elsewhere = json.dumps(sealed(asdict(replace(records[0], area="../../elsewhere")))) + "\n"
        path.write_bytes(elsewhere.encode() + whole)
    tiles(eelocal_url)(fetched)
    assert (layout.tiles / "tiles.csv").read_bytes() == before and not path.is_symlink() and not path.exists()


def test_a_folder_in_the_journals_place_is_named(fetched, eelocal_url) -> None:
    path = journal_path(Layout(fetched, "tiny"))
    write_text(path, "")
    with damaged(path, folder), pytest.raises(SystemExit, match=r"^water-gee: .*tiles\.jsonl: [^\n]*$"):
        tiles(eelocal_url)(fetched)
    path.unlink()


def test_a_link_in_a_reports_place_is_not_nothing(made) -> None:
    """A broken link says that there was an export once: it is not passed over."""
    with (
        damaged(made / "export" / "export.json", link),
        pytest.raises(SystemExit, match=r"export\.json does not exist"),
    ):
        stage("evaluate")(made)
