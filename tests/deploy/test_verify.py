"""The network on the service is compared with PyTorch, and only what is equal may be deployed."""

import json

import pytest

import finished
from water_gee.deploy.account import Account
from water_gee.deploy.subject import subject
from water_gee.deploy.verified import read_verified
from water_gee.deploy.verify import run, sample
from water_gee.errors import ExportError
from water_gee.files import sha256
from water_gee.sealed import read_sealed, write_sealed
from water_gee.tiles import read_manifest
from water_gee.tiles.stage import run as download


def test_what_is_equal_is_kept_and_what_differs_is_refused(ready, deployed, settings, eelocal_url, capsys) -> None:
    choice = settings(
        "study.years=[2020]",
        f"earth.url={eelocal_url}",
        "tiles.areas=[test]",
        "tiles.size=128",
        "deploy.verify_pixels=1",
    )
    download(choice)
    run(choice)
    said = " ".join(capsys.readouterr().err.split())
    assert "against PyTorch: 12,768 pixels" in said and "0 classes differ, 0 masks differ" in said
    assert "EECU: not known here" in said
    account = Account.of(choice.earth)
    found = read_verified(ready, deployed, account)
    assert found is not None
    assert found["parity"]["equal"] and found["parity"]["pixels"] == 12_768 and found["eecu_seconds_per_pixel"] is None
    assert [name.split("/")[0] for name in found["tiles"]] == ["test"]
    assert read_verified(ready, deployed, Account("cloud", "mine", "")) is None

    path, report = ready.export / "expression.json", read_sealed(ready.export / "export.json", "")
    threshold = json.dumps(report["threshold"])
    text = path.read_text(encoding="utf-8")
    assert threshold in text
    path.write_text(text.replace(threshold, json.dumps(report["threshold"] * 0.9)), encoding="utf-8")
    write_sealed(ready.export / "export.json", {**report, "expression_sha256": sha256(path)})
    changed = subject(ready, finished.FEATURES)
    assert read_verified(ready, changed, account) is None
    with pytest.raises(ExportError, match=r"the network on eelocal at http.* is not the one that was trained \("):
        run(choice)
    assert read_verified(ready, changed, account) is None and read_verified(ready, deployed, account) is not None


def test_tiles_with_most_to_compare_come_first(tmp_path) -> None:
    records = read_manifest(finished.write_root(tmp_path, years=(2019, 2020)))
    picked = sample(records, 6_000)
    assert [one.clear_pixels for one in picked] == sorted((one.clear_pixels for one in records), reverse=True)[:2]
    with pytest.raises(ExportError, match="run first: water-gee tiles"):
        sample([], 1)
