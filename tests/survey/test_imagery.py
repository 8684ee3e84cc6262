"""Pictures of points show what today's choices and scenes make, and no stored tile of others."""

from dataclasses import replace

from water_gee.earth import composite_spec, connect, label_spec, resolve_areas
from water_gee.paths import Layout
from water_gee.survey.imagery import imagery
from water_gee.tiles import TileRecord
from water_gee.tiles.plan import plan


def test_tiles_of_other_choices_are_passed_over_with_a_line(settings, eelocal_url, capsys) -> None:
    choice = settings(f"earth.url={eelocal_url}", "study.years=[2020]", "tiles.areas=[test]", "tiles.size=256")
    layout, spec = Layout.of(choice), composite_spec(choice)
    with connect(choice.earth, layout) as session:
        jobs = plan(session, choice, spec, label_spec(choice), resolve_areas(session, choice, ["test"]))
    records = [TileRecord.of(job.tile, spec.grid, "ok", fingerprint=job.fingerprint) for job in jobs]
    assert records
    others = [replace(records[0], area="gone"), replace(records[0], fingerprint="of July alone")]
    with imagery(choice, layout, 2020) as asked:
        assert asked.current(records) == records and not capsys.readouterr().err
        assert asked.current([*others, *records]) == records
        said = capsys.readouterr().err
    assert f"2 of {len(records) + 2} stored tiles of 2020 are of other choices, outlines or scenes" in said
