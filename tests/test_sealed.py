"""A report is what was written, of the study that asks, and so are the files that it names."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from water_gee.claims import claim
from water_gee.errors import ConfigError, ModelError, WaterGeeError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed, sealed, unsealed, write_sealed

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text().filter(lambda key: key != "seal"), PLAIN, max_size=5))
def test_what_goes_through_json_comes_back(content) -> None:
    assert unsealed(json.loads(json.dumps(sealed(content)))) == content


def test_every_flipped_bit_of_a_report_is_found(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_sealed(path, {"study": "a", "files": {"x": "0" * 64}, "share": 0.25})
    whole = path.read_bytes()
    for place in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            content = read_sealed(path, "run it again")
        except WaterGeeError as error:
            assert "run it again" in str(error) and "\n" not in str(error)
        else:
            assert content == {"study": "a", "files": {"x": "0" * 64}, "share": 0.25}, "only white space was changed"


def test_the_errors_class_and_the_study_are_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(ModelError, match="does not exist; do this"):
        read_sealed(path, "do this", error=ModelError)
    write_sealed(path, {"study": "a"})
    assert read_sealed(path, "", study="a") == read_sealed(path, "") == {"study": "a"}
    with pytest.raises(ModelError, match=r"is of the study a and not of b; choose study=a, or paths\.root=DIR"):
        read_sealed(path, "", study="b", error=ModelError)


def test_a_file_is_read_if_it_is_the_one_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    assert read_checked(path, sha256(path), "") == b"content"
    for known in ("", None, "0" * 64):
        with pytest.raises(WaterGeeError, match="is not the file that its report names"):
            read_checked(path, known, "")
    with pytest.raises(WaterGeeError, match="does not exist; do this"):
        read_checked(tmp_path / "none", "", "do this")
    with pytest.raises(WaterGeeError, match="cannot be read; do this"):
        read_checked(tmp_path, "", "do this")


def test_a_folder_belongs_to_the_study_that_its_report_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = Layout(tmp_path, "a"), Layout(tmp_path, "b")
    report = mine.models / "model.json"
    claim(mine, report)
    write_sealed(report, {"study": "a"})
    claim(mine, report)
    with pytest.raises(ConfigError, match=r"models holds the study a; give b a root of its own by paths\.root=DIR"):
        claim(theirs, report)
    report.write_text("broken", encoding="utf-8")
    claim(theirs, report)
