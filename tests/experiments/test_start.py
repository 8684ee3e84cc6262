"""Training from a trained network: pruned, or as it is for another basin or sensor; each is a run like any other."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from labelled import quick_settings, weights, write_labelled_tiles
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, ModelError
from water_gee.experiments.cost import run as run_cost
from water_gee.experiments.job import run_job
from water_gee.experiments.select import run as run_select
from water_gee.experiments.start import start_of, teacher_of, training_key
from water_gee.experiments.sweep import close_sweep, open_sweep
from water_gee.files import read_json, sha256
from water_gee.models import load_checkpoint, multiply_adds
from water_gee.paths import Layout
from water_gee.runs import all_runs, contenders, lineage, read_record
from water_gee.runs.rule import candidates
from water_gee.tracking import connect

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return write_labelled_tiles(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def base(layout):
    """A finished run of a network with room to prune."""
    return run_job(quick_settings(layout.root, "model=mlp", "model.widths=[16,8]", "run.name=base"), ["model=mlp"])


@pytest.fixture(scope="module")
def small(layout, base):
    settings = quick_settings(layout.root, "prune.from=base", "prune.share=0.7", "trainer.epochs=1")
    return run_job(settings, ["prune.from=base", "prune.share=0.7"])


def test_a_pruned_network_is_a_run_of_its_own_that_says_what_it_was_made_of(layout, base, small):
    before, after = (load_checkpoint(one.folder / "model.ckpt") for one in (base, small))
    assert multiply_adds(after.network) <= 0.3 * multiply_adds(before.network)
    assert after.kind == "mlp" and after.widths != before.widths == (16, 8)
    assert after.metadata["pruned"] == 0.7
    assert after.metadata["started_from"] == read_record(small.folder).started_from
    assert after.metadata["started_from"] == sha256(base.folder / "model.ckpt")
    assert small.name == "mlp pruned=0.7"
    run = connect(layout).get_run(small.run_id)
    assert (run.data.params["prune"], run.data.params["started_from"]) == ("0.7", "base")
    assert run.data.metrics["model/macs_per_pixel"] == multiply_adds(after.network)
    assert run.data.metrics["valid/iou"] == read_json(small.folder / "metrics.json")["validation"]["iou"]


def test_it_competes_with_the_others_and_what_is_selected_is_what_is_deployed(layout, base, small):
    assert {one.record.run_id for one in candidates(layout)} >= {base.run_id, small.run_id}
    run_select(quick_settings(layout.root, f"select.run={small.run_id}"))
    report = read_json(layout.models / "model.json")
    assert (report["run"], report["pruned"]) == (small.folder.name, 0.7)
    assert report["started_from"] == sha256(base.folder / "model.ckpt")


def test_seeds_pruned_alike_are_one_configuration(layout, base, small):
    other = run_job(quick_settings(layout.root, "model.widths=[16,8]", "run.name=other", "seed=1"), ["seed=1"])
    settings = quick_settings(layout.root, "prune.from=other", "prune.share=0.7", "trainer.epochs=1", "seed=1")
    run_job(settings, ["seed=1"])
    own = next(one for one in contenders(Layout(layout.root, "sample")) if "pruned" in one.name)
    assert own.seeds == (0, 1) and other.folder.name == "other"


def test_a_pruned_run_that_was_cut_off_goes_on_with_the_channels_that_it_kept(layout, base):
    settings = quick_settings(layout.root, "prune.from=base", "prune.share=0.5", "ckpt=last", "run.name=cut")

    def interrupt(epoch, metrics):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_job(settings, [], on_epoch=interrupt)
    resumed = run_job(settings, [])
    whole = run_job(quick_settings(layout.root, "prune.from=base", "prune.share=0.5", "run.name=whole"), [])
    assert resumed.folder.name == "cut" and torch.equal(weights(resumed.folder), weights(whole.folder))


@pytest.mark.parametrize("name", ["folder", "id", "file"])
def test_training_starts_from_a_run_or_a_checkpoint_file(layout, base, name):
    wanted = {"folder": "base", "id": base.run_id, "file": str(base.folder / "model.ckpt")}[name]
    settings = quick_settings(layout.root, f"ckpt={wanted}", "model=pixelcnn", "model.lr=1e-12", "trainer.epochs=1")
    job = run_job(settings, [f"ckpt={wanted}"])
    before, after = (load_checkpoint(one.folder / "model.ckpt") for one in (base, job))
    assert (after.kind, after.widths) == (before.kind, before.widths), "the network decides, and not the configuration"
    assert np.allclose(weights(base.folder), weights(job.folder), atol=1e-6)
    assert after.metadata["started_from"] == sha256(base.folder / "model.ckpt")
    assert job.name == f"mlp from={'model.ckpt' if name == 'file' else 'base'}"


def test_a_run_from_a_network_is_another_than_one_from_none_or_from_another(layout, base):
    plain, one, other = (
        run_job(quick_settings(layout.root, "model.widths=[16,8]", "trainer.epochs=1", *more), [])
        for more in ([], ["ckpt=base"], ["ckpt=whole2"])
        if more != ["ckpt=whole2"] or run_job(quick_settings(layout.root, "model.widths=[16,8]", "run.name=whole2"), [])
    )
    keys = {read_record(job.folder).key for job in (plain, one, other)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        (["ckpt=base", "prune.from=base"], ConfigError, "ckpt=base and prune.from=base both name a network"),
        (["ckpt=nothing"], ModelError, "ckpt=nothing: no run or checkpoint file has that name; finished runs: "),
        (["prune.from=nothing"], ModelError, "prune.from=nothing: no run or checkpoint file has that name"),
        (["ckpt=champion"], ModelError, "ckpt=champion: the study sample has none yet; run first: water-gee promote"),
        (["ckpt=base", "features.names=[blue,nir]"], ConfigError, "set features.names to the former"),
        (["ckpt=base", "model=otsu", "~model.lr"], ConfigError, "ckpt=base is a network; leave out model=otsu"),
        (["prune.from=base", "prune.share=0.9999"], ModelError, "choose a smaller share"),
    ],
)
def test_what_cannot_be_started_from_is_one_line_with_the_fix(layout, base, overrides, error, words):
    given = [one for one in overrides if not one.startswith("~")]
    settings = quick_settings(layout.root, *given) if "model=otsu" not in given else _otsu(layout, given)
    with pytest.raises(error, match=r"^[^\n]*$") as told:
        run_job(settings, [])
    assert words in str(told.value)


def test_several_processes_prune_and_start_as_one_does(layout, base):
    alone, together = (
        run_job(quick_settings(layout.root, "prune.from=base", "prune.share=0.6", "trainer.epochs=1", *more), [])
        for more in ([], ["trainer.devices=2"])
    )
    one, two = (load_checkpoint(job.folder / "model.ckpt") for job in (alone, together))
    assert one.widths == two.widths != load_checkpoint(base.folder / "model.ckpt").widths
    assert np.allclose(weights(alone.folder), weights(together.folder), atol=1e-3)


def _otsu(layout, given):
    from water_gee.config.compose import compose
    from water_gee.config.settings import load

    return load(compose([f"paths.root={layout.root}", *given]))


def test_a_sweep_over_shares_or_over_networks_to_start_from_has_a_key_a_job(layout, base, small):
    shares = [quick_settings(layout.root, "prune.from=base", f"prune.share={share}") for share in (0.3, 0.6)]
    sources = [quick_settings(layout.root, f"ckpt={name}") for name in ("base", small.folder.name)]
    for jobs, told in ((shares, "prune.share=0.3,0.6"), (sources, f"ckpt=base,{small.folder.name}")):
        sweep = open_sweep([told], jobs)
        assert sweep.jobs == 2
        close_sweep(sweep, interrupted=True)
    origin = lineage(layout, training_records(layout), layout.root)
    by_name, by_id = (quick_settings(layout.root, f"ckpt={name}") for name in ("base", base.run_id))
    assert training_key(by_name, origin) == training_key(by_id, origin), "whatever name the network goes by"


def test_a_baseline_is_no_network_to_train_further(layout, base):
    run_job(_otsu(layout, ["model=logistic", "run.name=linear", "model.samples=1000"]), [])
    with pytest.raises(ConfigError, match="ckpt=linear is of model=logistic, which is no network"):
        start_of(quick_settings(layout.root, "ckpt=linear"))


def _without_test_area(settings, checkpoints):
    return {checkpoint: SimpleNamespace(tallies={}) for checkpoint in checkpoints}


def test_cost_prunes_the_selected_network_once_by_each_share(layout, base, monkeypatch):
    from water_gee.experiments import cost

    monkeypatch.setattr(cost, "count_checkpoints", _without_test_area)
    monkeypatch.setattr(cost, "draw", lambda *arguments: arguments[0].write_bytes(b""))
    run_select(quick_settings(layout.root, f"select.run={base.run_id}"))
    settings = quick_settings(layout.root, "cost.shares=[0.4,0.45]", "trainer.epochs=1", "study.references={}")
    for _ in range(2):
        run_cost(settings)
    names = [record.name for _, record in all_runs(layout)]
    assert names.count("mlp pruned=0.4") == names.count("mlp pruned=0.45") == 1


@pytest.mark.parametrize("key", ["prune.from", "distil.from"])
def test_under_dvc_the_champion_is_named_by_its_run(settings, monkeypatch, key):
    monkeypatch.setenv("DVC_STAGE", "train")
    with pytest.raises(ModelError, match=rf"{key}=champion may become another model without DVC's notice; write its"):
        (start_of if key == "prune.from" else teacher_of)(settings(f"{key}=champion"))
