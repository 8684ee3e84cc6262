"""What is printed can be read and copied, however wide the terminal is."""

import shutil

import pytest

import finished
from water_gee.bootstrap import Interval
from water_gee.evaluation import Compared
from water_gee.experiments import comparison
from water_gee.files import read_json
from water_gee.progress import say
from water_gee.report.stage import run
from water_gee.report.summary import run as summarise
from water_gee.report.tables import show, write
from water_gee.runs import Contender

WIDTHS = pytest.mark.parametrize("width", ["40", "80", "200", None])
ODD = "/data/[red]lake[/red]/[/x]/:droplet:/" + "long" * 50 + "/a b/index.html"
ROWS = [["method", "test IoU", "95 % interval"], ["[bold]mlp[/bold]", "0.8512 ± 0.0011", "0.8400 - 0.8600"]]


@pytest.fixture
def terminal(monkeypatch):
    """A function that sets the width, or none."""

    def resized(width) -> None:
        if width is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", width)

    return resized


@WIDTHS
def test_a_path_is_printed_whole_and_as_it_is(terminal, capsys, width) -> None:
    terminal(width)
    write(f"  the page  {ODD}")
    say(f"the figure is {ODD}; look")
    said = capsys.readouterr()
    assert said.out == f"  the page  {ODD}\n"
    assert f"the figure is {ODD}; look" in said.err.splitlines()  # its console knew the width when it was made


@WIDTHS
def test_no_value_of_a_table_is_cut_folded_or_read_as_markup(terminal, capsys, width) -> None:
    terminal(width)
    show("against “[truth]”", ROWS)
    said = capsys.readouterr().out
    for part in ("against “[truth]”", *ROWS[0][1:], *ROWS[1]):
        assert part in said
    assert not width or max(map(len, said.splitlines())) <= int(width)


@pytest.mark.parametrize("width", ["40", "80", None])
def test_the_comparison_fits_the_terminal(terminal, capsys, width) -> None:
    terminal(width)
    interval = Interval(-0.0123, 0.0456, 0.9)
    compared = [Compared(name, 0.8512, 0.0011, interval, -0.0123, interval) for name in ("pixelcnn_small", "qa_water")]
    comparison._print("truth", [Contender("pixelcnn_small", (), (0, 1), (0.81, 0.83))], compared)
    said = capsys.readouterr().out
    for part in ("pixelcnn_small", "0.8200 ± 0.0141", "0.8512 ± 0.0011", "-0.0123 to +0.0456", "Quality band"):
        assert part in said
    assert not width or max(map(len, said.splitlines())) <= int(width)


def test_the_summary_holds_its_paths_and_numbers_at_any_width(tmp_path, settings, terminal, capsys) -> None:
    finished.write_root(tmp_path)
    chosen = (
        f"study.references={{truth: '{tmp_path}/reference/water_{{year}}_*.tif'}}",
        "study.years=[2020]",
        "evaluate.resamples=100",
    )
    run(settings(*chosen))
    metrics = read_json(tmp_path / "reports" / "metrics.json")["truth"]
    root = tmp_path / "[red]a[/red]" / ("long" * 30)
    for name in ("reports", "models"):
        shutil.copytree(tmp_path / name, root / name)
    capsys.readouterr()
    for width in ("40", "80", "200", None):
        terminal(width)
        summarise(settings(*chosen, f"paths.root='{root}'"))
        said = capsys.readouterr().out
        assert str(root / "reports" / "index.html") in said
        for measures in metrics.values():
            assert f"{measures['iou']:.3f}" in said and f"{measures['pixels']:,}" in said
