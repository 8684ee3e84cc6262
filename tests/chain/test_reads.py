"""What a stage reads is what it declares: every key of `conf/`, changed alone, makes exactly its readers stale."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from chain.conftest import PROJECT, Copy
from chain.other_values import CONDITIONAL, OTHER
from water_gee.commands import commands
from water_gee.config import compose as composing
from water_gee.config.base import Group
from water_gee.config.configure import check_composed, chosen, narrowed
from water_gee.config.settings import Settings, load
from water_gee.errors import ConfigError
from water_gee.pipeline import current, render
from water_gee.reads import ELSEWHERE, HOW, STAGES, all_keys, code_of


@pytest.fixture
def reproduced_copy(reproduced: Copy, tmp_path: Path, taken_for_repository) -> Path:
    """A copy of the tiny study after `dvc repro`."""
    ignored = shutil.ignore_patterns(".git", ".dvc", "src")
    return taken_for_repository(Path(shutil.copytree(reproduced.root, tmp_path / "project", ignore=ignored)))


@pytest.fixture
def world(tmp_path: Path, taken_for_repository) -> Path:
    """A copy of the project's choices alone."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    return taken_for_repository(tmp_path)


def settings_of(root: Path) -> Settings:
    composing.params.cache_clear()
    return load(composing.compose([f"paths.root={root}"]))


def group_of() -> dict[type, str]:
    """Return the group that each settings class stands for."""
    found: dict[type, str] = {}
    for name, field in Settings.model_fields.items():
        found |= dict.fromkeys(kinds_of(field.annotation), name)
    return found


def kinds_of(annotation: Any) -> list[type]:
    """Return the settings classes of an annotation, those within unions of unions too."""
    if isinstance(annotation, type) and issubclass(annotation, Group):
        return [annotation]
    return [kind for one in get_args(annotation) for kind in kinds_of(one)]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """A function that returns the keys that were asked for since it was last called."""
    seen: set[str] = set()
    groups, get, dump = group_of(), Group.__getattribute__, Group.model_dump

    def spy(self: Group, name: str) -> Any:
        kind = type(self)
        if kind in groups and name in kind.model_fields:
            seen.add(f"{groups[kind]}.{name}")
        elif kind is Settings and name in kind.model_fields and name not in groups.values():
            seen.add(name)
        return get(self, name)

    def dumped(self: Group, *args: Any, **options: Any) -> Any:
        fields = options.get("include") or type(self).model_fields
        seen.update(f"{groups[type(self)]}.{name}" for name in fields if type(self) in groups)
        return dump(self, *args, **options)

    monkeypatch.setattr(Group, "__getattribute__", spy)
    monkeypatch.setattr(Group, "model_dump", dumped)

    def take() -> set[str]:
        found = set(seen)
        seen.clear()
        return found

    return take


def expanded(keys: tuple[str, ...] | set[str]) -> set[str]:
    """Return keys with the fields of a group in place of the group's name, less those of HOW."""
    found = set()
    classes: dict[str, list[type]] = {}
    for kind, name in group_of().items():
        classes.setdefault(name, []).append(kind)
    for key in keys:
        fields = {field for kind in classes.get(key, []) for field in kind.model_fields}
        found |= {f"{key}.{field}" for field in fields} if fields else {key}
    return found - set(HOW)


def test_the_pipeline_is_made_of_the_declaration() -> None:
    assert (PROJECT / "dvc.yaml").read_text(encoding="utf-8") == current(), "run: make pipeline"
    assert "always_changed: true" not in current()  # the sample's files all lie in data/raw
    assert yaml.safe_load(render(always=True))["stages"]["configure"]["always_changed"] is True


def test_what_a_package_finds_in_its_folder_is_code_of_the_stages_that_run_it() -> None:
    for stage, folder in {
        "denoise": "denoise/methods",
        "train": "models/networks",
        "export": "models/networks",
    }.items():
        files = set((PROJECT / "src" / "water_gee" / folder).glob("*.py"))
        assert len(files) > 3 and files <= set(code_of(stage)), (stage, folder)
    assert not {path for path in code_of("select") if path.parent.name == "commands"}


def test_a_stage_reads_what_it_declares_and_declares_no_more(reproduced_copy: Path, reading) -> None:
    settings = settings_of(reproduced_copy)
    for name, stage in STAGES.items():
        reading()
        if name == "train":
            from water_gee.training import train

            folder = reproduced_copy / "runs" / "again"
            folder.mkdir()
            train(narrowed(settings, "train"), folder)
        else:
            commands()[name].run(narrowed(settings, name))
        seen = reading() - set(HOW)
        declared = expanded(stage.keys)
        if name == "train":
            declared -= {"study.name"}  # the run's record names it
            seen -= {"study.name"}
        known_kinds = {"model." + field for field in type(settings.model).model_fields}
        declared = {key for key in declared if not key.startswith("model.") or key in known_kinds}
        assert seen <= declared, name
        assert declared - seen <= expanded(CONDITIONAL.get(name, set())), name


def test_what_is_not_declared_cannot_be_read(world: Path) -> None:
    settings = settings_of(world)
    seen = narrowed(settings, "select")
    assert seen.study.name == "sample" and seen.select.run is None and seen.paths == settings.paths
    for key in ("study.references", "model", "evaluate"):
        with pytest.raises(AttributeError, match="does not declare it in reads"):
            value: Any = seen
            for part in key.split("."):
                value = getattr(value, part)
    assert narrowed(settings, "compare") is settings


def flat(content: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{group}.{key}" if isinstance(value, dict) else group: one
        for group, value in content.items()
        for key, one in (value.items() if isinstance(value, dict) else [("", value)])
    }


def stale(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the stages for which DVC finds another value under a key that they name."""
    changed = {key for key in {*before, *after} if before.get(key, "absent") != after.get(key, "absent")}
    return {
        name
        for name, stage in STAGES.items()
        if any(key == one or key.startswith(f"{one}.") for key in changed for one in stage.keys)
    }


def other_value(name: str, value: Any) -> Any:
    """Return another value for a key that has `value`."""
    if name in OTHER or value is None:
        return OTHER.get(name, "other")
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and re.fullmatch(r"\d+e-\d+", value):  # which plain YAML takes for text
        return float(value) * 2
    return value + 1 if isinstance(value, int | float) else "other"


def test_every_key_of_conf_changed_alone_makes_its_readers_stale(world: Path) -> None:
    declared = set(all_keys())
    groups = [one for one in composing.CHOICES if one not in ("seed", "run")]
    params = composing.params()
    in_use = {**{group: params[group] or "sample" for group in groups}, "search": "none", "simulate": "default"}
    in_use |= {"ladder": "default", "deploy": "default", "sample": "default", "serve": "default"}
    before = flat(chosen(settings_of(world), all_keys()))
    walked, unused = 0, {}
    for path in sorted((world / "conf").glob("*/*.yaml")):
        text, group = path.read_text(encoding="utf-8"), path.parent.name
        if group == "experiment":
            continue  # a choice of the other groups' keys
        content = {key: value for key, value in yaml.safe_load(text).items() if key != "defaults"}
        walked += len(content)
        for key in content:
            name = f"{group}.{key}"
            known = {name, group} & {*declared, *HOW, *ELSEWHERE} or name == "study.catalog"  # earth.catalog's
            assert known, f"nobody says who reads {name}"
        if in_use[group] != path.stem:
            unused[path] = text  # all of them together must make nothing stale
            path.write_text(yaml.safe_dump(dict.fromkeys(content, "another")), encoding="utf-8")
            continue
        for key in content:
            name = "earth.catalog" if (group, key) == ("study", "catalog") else f"{group}.{key}"
            expected = {
                one for one, stage in STAGES.items() if name not in HOW and {name, group} & set(stage.keys)
            }  # fmt: skip
            if name in ("simulate.strips", "cluster.kind"):
                continue  # a list of places, of another command; another kind needs an address too: see below
            path.write_text(
                yaml.safe_dump({**content, key: other_value(f"{group}.{key}", content[key])}), encoding="utf-8"
            )
            assert stale(before, flat(chosen(settings_of(world), all_keys()))) == expected, f"{path.name}: {key}"
            path.write_text(text, encoding="utf-8")
    assert walked > 120 and len(unused) > 25
    assert stale(before, flat(chosen(settings_of(world), all_keys()))) == set(), "an option that is not in use counts"
    for path, text in unused.items():
        path.write_text(text, encoding="utf-8")
    path = world / "params.yaml"
    for key, value in {"seed": 1, "run": "repro", "model": "mlp", "tiles": "default", "trainer": "ddp"}.items():
        text = path.read_text(encoding="utf-8")
        path.write_text(yaml.safe_dump({**yaml.safe_load(text), key: value}, sort_keys=False), encoding="utf-8")
        group = "select" if key == "run" else key
        expected = {
            one for one, stage in STAGES.items() if any(k == group or k.startswith(f"{group}.") for k in stage.keys)
        }
        if key == "tiles":  # of the same origin and margin: only the size is another
            expected = {one for one in expected if "tiles.size" in STAGES[one].keys}
        assert stale(before, flat(chosen(settings_of(world), all_keys()))) == expected, key
        path.write_text(text, encoding="utf-8")


def test_who_does_the_work_makes_nothing_stale(world: Path) -> None:
    before = chosen(settings_of(world), all_keys())
    for overrides in (["cluster=dask", "cluster.address=tcp://127.0.0.1:8786"], ["cluster.workers=3"]):
        other = load(composing.compose([f"paths.root={world}", *overrides]))
        assert other.cluster != settings_of(world).cluster and chosen(other, all_keys()) == before
        assert narrowed(other, "denoise").cluster == other.cluster


def test_inheritance_and_a_file_of_the_studys_own_count(world: Path) -> None:
    readers = {one for one, stage in STAGES.items() if "sensor" in stage.keys}
    params, parent = world / "params.yaml", world / "conf" / "sensor" / "landsat8.yaml"
    params.write_text(
        params.read_text(encoding="utf-8").replace("sensor: landsat8", "sensor: landsat89"), encoding="utf-8"
    )
    before = flat(chosen(settings_of(world), all_keys()))
    assert before["sensor.name"] == "landsat89"
    text = parent.read_text(encoding="utf-8")
    parent.write_text(text.replace("water_bit: 7", "water_bit: 6"), encoding="utf-8")
    assert stale(before, flat(chosen(settings_of(world), all_keys()))) == readers
    parent.write_text(text.replace("[LANDSAT/LC08/C02/T1_L2]", "[LANDSAT/LE07/C02/T1_L2]"), encoding="utf-8")
    assert stale(before, flat(chosen(settings_of(world), all_keys()))) == set(), "the child has its own"
    parent.write_text(text, encoding="utf-8")
    path = world / "conf" / "tiles" / "sample.yaml"
    path.rename(path.with_stem("other"))
    sized = {one for one, stage in STAGES.items() if "tiles.size" in stage.keys}
    assert stale(before, flat(chosen(settings_of(world), all_keys()))) == sized


def test_a_change_while_the_pipeline_runs_is_said(world: Path) -> None:
    commands()["configure"].run(settings_of(world))
    check_composed(settings_of(world), "tiles")
    path = world / "conf" / "tiles" / "sample.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("margin: 3", "margin: 4"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tiles\.margin was changed while dvc repro was running; run again"):
        check_composed(settings_of(world), "tiles")
    check_composed(settings_of(world), "denoise")


def test_the_folder_of_real_scenes_is_no_choice(world: Path, monkeypatch) -> None:
    params, found = world / "params.yaml", []
    params.write_text(params.read_text(encoding="utf-8").replace("study: sample", "study: hls_chips"), encoding="utf-8")
    for name in ("one", "other"):
        (world / name).mkdir()
        monkeypatch.setenv("WATER_GEE_SCENES", str(world / name))
        found.append(chosen(settings_of(world), all_keys()))
    assert found[0] == found[1] and found[0]["earth"]["catalog"] == "$WATER_GEE_SCENES/catalog"
