"""Bad input to the configuration ends in one line that names the key and the fix."""

import subprocess
import sys
import time

import pytest

from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.errors import ConfigError


def failure(*overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(compose(list(overrides)))
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_default_is_the_sample_study_offline() -> None:
    settings = load(compose())
    assert (settings.study.name, settings.earth.kind, settings.model.name) == ("sample", "local", "pixelcnn")
    assert len(settings.features.names) == 8


def test_a_study_with_no_tiles_of_its_own_has_512_pixels(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WATER_GEE_SCENES", str(tmp_path))
    settings = load(compose(["study=hls_chips"]))
    assert settings.tiles.size == 512
    assert settings.study.references["all"].path == f"{tmp_path}/reference/*.tif"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["study=smaple"], ["study=smaple", "did you mean sample"]),
        (["tiles.margn=3"], ["tiles.margn", "did you mean tiles.margin"]),
        (["nothing.at.all=3"], ["nothing.at.all", "no such key"]),
        (["+tiles.foo=1"], ["tiles.foo", "known keys"]),
        (["tiles.margin=wide"], ["tiles.margin", "integer"]),
        (["cluster=dask"], ["cluster.address: this key has no value yet", "as in cluster.address=VALUE"]),
        (["cluster=dask", "cluster.address=10.0.0.5"], ["cluster: ", "'10.0.0.5'", "as tcp://HOST:8786"]),
        (["cluster.kind=dask"], ["cluster: ", "as tcp://HOST:8786"]),
        (["cluster.kind=dask", "+cluster.address=tcp://h:8786", "cluster.workers=2"], ["leave workers at 0"]),
        (["cluster=slurm"], ["cluster=slurm", "choose from dask, processes"]),
        (["study.months=[0,13]"], ["study.months", "1-12"]),
        (["study.scale=0"], ["study.scale", "greater than 0"]),
        (["study.scale=-30"], ["study.scale", "greater than 0"]),
        (["study.years=[]"], ["study.years"]),
        (["study.years=[2020,2020]"], ["study.years", "twice"]),
        (["study.crs=UTM48"], ["study.crs", "EPSG:32648"]),
        (["study.areas.test={strips: [[131, 23]]}"], ["share the strip", "[131, 23]"]),
        (["study.areas.test={strips: [[999, 23]]}"], ["study.areas.test", "1-233"]),
        (
            ["+study.areas.test.scenes=[LC08_131023_20200715]", "~study.areas.test.strips"],
            ["share the strip", "[131, 23]"],
        ),
        (["+study.areas.test.scenes=[LC08_1_2]", "~study.areas.test.strips"], ["'LC08_1_2' is no scene of Landsat"]),
        (["~study.areas.map"], ["areas.map is missing"]),
        (["earth=cloud"], ["earth", "earth.project=ID"]),
        (["earth.catalog=null", "study.catalog=null"], ["earth.catalog=DIR"]),
        (["tiles.areas=[train,nowhere]"], ["tiles.areas", "nowhere"]),
        (["study.scale=${nothing}"], ["study.scale: ", "'nothing' not found", "give a value, as in study.scale=VALUE"]),
        (["model.lr=${nothing:3}"], ["model.lr: ", "nothing", "as in model.lr=VALUE"]),
        (["study.years=[2020,${nothing}]"], ["study.years[1]: ", "'nothing' not found"]),
        (["tiles.margin=${tiles.size}", "tiles.size=${tiles.margin}"], ["tiles.size: Recursive", "VALUE"]),
        (["tiles.size=${tiles.margin}", "tiles.margin=???"], ["tiles.size: ", "as in tiles.size=VALUE"]),
        (["model.lr=???"], ["model.lr: this key has no value yet", "as in model.lr=VALUE"]),
        (["model=resnet"], ["model=resnet", "pixelcnn"]),
        (["model=otsu", "model.lr=1"], ["model.lr: there is no such key", "known keys: name"]),
        (["model=boosted", "model.leafs=4"], ["model.leafs", "did you mean model.leaves"]),
        (["model=boosted", "model.leaves=40"], ["model.leaves: ", "less than or equal to 31"]),
        (["model=mlp", "+model.leaves=4"], ["model.leaves: ", "known keys: lr, name"]),
        (["model.name=resnet"], ["model.name", "'resnet' is unknown", "'boosted'"]),
        (["~model.name"], ["model.name: this key is missing"]),
        (["features.names=[blue,blue]"], ["features.names", "twice"]),
        (["model.name=pixelcn"], ["model.name", "'pixelcn' is unknown", "did you mean 'pixelcnn'?"]),
        (["denoise.method=vot"], ["denoise.method", "'vot' is unknown", "did you mean 'vote'?"]),
    ],
)
def test_a_wrong_choice_names_its_key_and_the_fix(overrides, words) -> None:
    message = failure(*overrides)
    for word in words:
        assert word in message


def own_study(folder, test_left: float = 3) -> None:
    (folder / "study").mkdir()
    (folder / "study" / "mine.yaml").write_text(
        "name: mine\ncrs: EPSG:4326\nscale: 0.00025\nyears: [2021]\nmonths: [5, 9]\n"
        "areas:\n  train: {bbox: [0, 0, 1, 1]}\n  map: {bbox: [0, 0, 4, 1]}\n"
        f"  test: {{bbox: [{test_left}, 0, 4, 1]}}\n",
        encoding="utf-8",
    )


def test_overlapping_boxes_are_refused(tmp_path) -> None:
    own_study(tmp_path, test_left=0.5)
    with pytest.raises(ConfigError, match="overlap"):
        load(compose(["study=mine", "earth.catalog=scenes"], str(tmp_path)))


def test_the_scenes_variable_is_asked_for(monkeypatch) -> None:
    monkeypatch.delenv("WATER_GEE_SCENES", raising=False)
    message = failure("study=hls_chips")
    assert message.startswith("study=hls_chips needs") and "WATER_GEE_SCENES" in message


def test_groups_of_the_users_own(tmp_path) -> None:
    own_study(tmp_path)
    settings = load(compose(["study=mine", "earth.catalog=scenes"], str(tmp_path)))
    assert (settings.study.name, settings.tiles.size) == ("mine", 512)
    assert "is not a folder" in failure_with_dir(str(tmp_path / "absent"))


def failure_with_dir(config_dir: str) -> str:
    with pytest.raises(ConfigError) as error:
        compose([], config_dir)
    return str(error.value)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "water_gee", *arguments], capture_output=True, encoding="utf-8")


def test_the_command_line_ends_with_one_line_and_no_traceback() -> None:
    outcome = command("tiles", "tiles.margn=3")
    assert outcome.returncode == 1
    assert outcome.stderr.strip() == "water-gee: tiles.margn: there is no such key; did you mean tiles.margin?"


def test_help_and_cfg_import_nothing_heavy() -> None:
    script = (
        "import sys, contextlib, io\n"
        "from water_gee.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['tiles', '--cfg', 'job'])\n"
        "print([name for name in ('torch', 'ee', 'mlflow', 'rasterio', 'numpy', 'pydantic') if name in sys.modules])\n"
    )
    began = time.monotonic()
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, encoding="utf-8")
    assert outcome.stdout.strip() == "[]", time.monotonic() - began
