"""A network that learns from another one: a run like any other, and another run than one without a teacher."""

from dataclasses import replace

import pytest
import torch

from labelled import quick_settings, weights, write_labelled_tiles
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, ModelError
from water_gee.experiments.job import run_job
from water_gee.experiments.networks import trained_networks
from water_gee.experiments.start import training_key
from water_gee.files import sha256
from water_gee.models import load_checkpoint, save_checkpoint
from water_gee.paths import Layout
from water_gee.runs import contenders, lineage, read_record
from water_gee.tracking import connect

pytestmark = pytest.mark.usefixtures("quick_runs")

STUDENT = ("model.widths=[4]", "distil.from=base", "trainer.epochs=2")


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return write_labelled_tiles(tmp_path_factory.mktemp("distil"))


@pytest.fixture(scope="module")
def base(layout):
    return run_job(quick_settings(layout.root, "model.widths=[16,8]", "run.name=base"), [])


@pytest.fixture(scope="module")
def student(layout, base):
    return run_job(quick_settings(layout.root, *STUDENT, "run.name=student"), ["distil.from=base"])


def test_a_distilled_network_is_a_run_that_names_its_teacher(layout, base, student):
    known = sha256(base.folder / "model.ckpt")
    model, record = load_checkpoint(student.folder / "model.ckpt"), read_record(student.folder)
    assert (model.kind, model.widths) == ("mlp", (4,)), "its own network, and not the teacher's"
    assert (model.metadata["taught_by"], model.metadata["distil"]) == (known, 0.5)
    assert (record.taught_by, record.started_from, student.name) == (known, "", "mlp distil=0.5")
    params = connect(layout).get_run(student.run_id).data.params
    assert (params["taught_by"], params["distil"]) == ("base", "0.5")
    assert not (student.folder / "checkpoints").exists()
    assert {one.distilled for one in trained_networks(layout) if one.name == "mlp 4, distilled"} == {True}


def test_seeds_of_one_teacher_are_one_configuration(layout, base, student):
    run_job(quick_settings(layout.root, *STUDENT, "seed=1"), ["seed=1"])
    own = next(one for one in contenders(Layout(layout.root, "sample")) if "distil" in one.name)
    assert own.seeds == (0, 1)


def test_a_distillation_that_was_cut_off_goes_on_to_the_result_of_an_undisturbed_one(layout, base, student):
    settings = quick_settings(layout.root, *STUDENT, "ckpt=last", "run.name=cut")

    def interrupt(epoch, metrics):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_job(settings, [], on_epoch=interrupt)
    resumed = run_job(settings, [])
    assert resumed.folder.name == "cut" and torch.equal(weights(resumed.folder), weights(student.folder))


def test_teacher_and_weight_make_another_job_whatever_name_the_teacher_goes_by(layout, base, student):
    origin = lineage(layout, training_records(layout), layout.root)

    def key(*overrides):
        return training_key(quick_settings(layout.root, *overrides), origin)

    by_name = key("distil.from=base")
    others = [key(), key("distil.from=base", "distil.weight=0.3"), key("distil.from=student"), key("ckpt=base")]
    assert len({by_name, *others}) == 5
    assert by_name == key(f"distil.from={base.run_id}") == key(f"distil.from={base.folder / 'model.ckpt'}")
    assert key() == key("distil.weight=0.3"), "without a teacher the weight decides nothing"
    assert key("ckpt=base", "distil.from=base") != key("ckpt=base")


def test_with_all_the_weight_the_teacher_is_followed_against_every_label(layout, base):
    model = load_checkpoint(base.folder / "model.ckpt")
    with torch.no_grad():  # it now calls everything water
        model.network.body.layers[-1].weight.zero_()
        model.network.body.layers[-1].bias.copy_(torch.tensor([-2.0, 2.0]))
    save_checkpoint(layout.root / "water.ckpt", replace(model, metadata={}))
    wanted = f"distil.from={layout.root / 'water.ckpt'}"
    believer = run_job(quick_settings(layout.root, wanted, "distil.weight=1", "run.name=believer"), [])
    with torch.inference_mode():
        land = torch.full((1, 8, 1, 1), 0.3)
        of_each = [load_checkpoint(job.folder / "model.ckpt").network(land) for job in (base, believer)]
    margins = [float(logits[0, 1, 0, 0] - logits[0, 0, 0, 0]) for logits in of_each]
    assert margins[0] < 0 < margins[1]


def test_a_pruned_network_may_have_a_teacher_too_and_a_baseline_may_be_one(layout, base):
    job = run_job(quick_settings(layout.root, "prune.from=base", "distil.from=base", "trainer.epochs=1"), [])
    told = load_checkpoint(job.folder / "model.ckpt").metadata
    assert told["pruned"] == 0.75 and told["started_from"] == told["taught_by"]
    assert job.name == "mlp pruned=0.75 distil=0.5"
    run_job(_composed(layout, "model=logistic", "model.samples=1000", "run.name=linear"), [])
    run_job(quick_settings(layout.root, "distil.from=linear", "trainer.epochs=1"), [])


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        (["distil.from=nothing"], ModelError, "distil.from=nothing: no run or checkpoint file has that name"),
        (["distil.from=champion"], ModelError, "distil.from=champion: the study sample has none yet"),
        (["distil.from=base", "features.names=[blue,nir]"], ConfigError, "set features.names to the former"),
        (["distil.from=base", "data.validation=0.5"], ConfigError, "which validates here; train the teacher on"),
    ],
)
def test_a_teacher_that_does_not_fit_is_one_line_with_the_fix(layout, base, overrides, error, words):
    with pytest.raises(error, match=r"^[^\n]*$") as told:
        run_job(quick_settings(layout.root, *overrides), [])
    assert words in str(told.value)


def test_a_baseline_has_no_teacher(layout, base):
    with pytest.raises(ConfigError, match=r"distil\.from=base teaches a network; leave out model=otsu"):
        run_job(_composed(layout, "model=otsu", "distil.from=base"), [])
    with pytest.raises(ConfigError, match=r"distil\.weight"):
        quick_settings(layout.root, "distil.weight=0")


def _composed(layout, *overrides):
    return load(compose([f"paths.root={layout.root}", *overrides]))
