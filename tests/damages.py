"""What may happen to a file, by what kind of file it is, and the check that its reader says so in one line."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from water_gee.commands import commands
from water_gee.config.configure import narrowed
from water_gee.config.settings import Settings
from water_gee.sealed import SEAL, unsealed, write_sealed
from water_gee.surroundings import in_one_line

LONGEST = 600  # characters of a line

Damage = Callable[[Path, bytes], None]


def becomes(content: bytes) -> Damage:
    return lambda path, whole: path.write_bytes(content)


def folder(path: Path, whole: bytes) -> None:
    path.mkdir(parents=True)


def link(path: Path, whole: bytes) -> None:
    path.symlink_to("nowhere")


def ring(path: Path, whole: bytes) -> None:
    path.symlink_to(path.name)


ANY = {
    "empty": becomes(b""),
    "of bytes": becomes(bytes(range(256)) * 8),
    "a folder": folder,
    "a link to nothing": link,
    "a link to itself": ring,
}
YAML = {
    **ANY,
    "of comments": becomes(b"# nothing\n"),
    "a list": becomes(b"- one\n- two\n"),
    "a word": becomes(b"hello\n"),
    "a number": becomes(b"42\n"),
    "nothing": becomes(b"null\n"),
    "with a tab": becomes(b"name: mine\n\tcrs: EPSG:4326\n"),
    "with a key twice": lambda path, whole: path.write_bytes(whole + whole),
    "not UTF-8": becomes("name: café\n".encode("latin-1")),
    "UTF-16": lambda path, whole: path.write_bytes(whole.decode().encode("utf-16")),
    "with a zero byte": becomes(b"name: a\0b\n"),
    "cut inside a bracket": becomes(b"years: [2020, 2021\n"),
    "with an alias of nothing": becomes(b"name: *nothing\n"),
    "with a tag": becomes(b"name: !!python/object/apply:os.getcwd []\n"),
    "with itself inside": becomes(b"name: &a [*a]\n"),
    "nested without end": becomes(b"name: " + b"[" * 600 + b"]" * 600 + b"\n"),
    "with a number without end": becomes(b"scale: " + b"9" * 5000 + b"\n"),
}
JSON = {
    **ANY,
    "cut": lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
    "a list": becomes(b"[1, 2]"),
    "a word": becomes(b'"hello"'),
    "nothing": becomes(b"null"),
    "of another shape": becomes(b'{"validation": 3, "a": {"tp": 1}}'),
    "of other types": becomes(b'{"validation": {"iou": "high"}, "a": {"tp": "1", "fp": 2, "fn": 3, "tn": 4}}'),
    "with numbers that cannot be": becomes(
        b'{"validation": {"iou": NaN}, "a": {"tp": -1, "fp": 2e400, "fn": 3, "tn": 4}}'
    ),
    "nested without end": becomes(b"[" * 100_000),
    "not UTF-8": becomes('"café"'.encode("latin-1")),
}


def flipped(path: Path, whole: bytes) -> None:
    """Flip one bit in the middle, of a letter or a number where there is one: a text stays a text."""
    half = len(whole) // 2
    middle = next((place for place in range(half, len(whole)) if chr(whole[place]).isalnum()), half)
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def absent(path: Path, whole: bytes) -> None:
    """Leave nothing."""


def resealed(path: Path, whole: bytes) -> None:
    content = unsealed(json.loads(whole))
    assert content is not None
    write_sealed(path, {**content, "study": "other"})


def with_old_seal(path: Path, whole: bytes) -> None:
    path.write_text(json.dumps({**json.loads(whole), "more": 1}), encoding="utf-8")


# Of a file whose hash a report knows: whatever it is, it is not that file any more.
NAMED = {
    **{name: one for name, one in ANY.items() if one is not ring},
    "cut": JSON["cut"],
    "a bit flipped": flipped,
    "absent": absent,
}
SEALED = {
    **NAMED,
    "a link to itself": ring,
    "a list": JSON["a list"],
    "a number": becomes(b"42"),
    "nothing": JSON["nothing"],
    "not UTF-8": JSON["not UTF-8"],
    "nested without end": JSON["nested without end"],
    "with no number under a seal": becomes(b'{"seal": "x", "study": NaN}'),
    "of another content with the old seal": with_old_seal,
    "with the seal of another": lambda path, whole: path.write_text(
        json.dumps({**json.loads(whole), SEAL: "0" * 64}), encoding="utf-8"
    ),
    "of another study": resealed,
}


@dataclass(frozen=True)
class Reader:
    """A file below the world's folder, and what reads it."""

    file: str
    read: Callable[[Path], None]  # given the world's folder
    damages: dict[str, Damage]
    others: dict[str, Damage] = field(default_factory=dict)  # of this file alone

    def rows(self) -> Iterator[object]:
        for name, damage in {**self.damages, **self.others}.items():
            yield pytest.param(self, damage, id=f"{self.file} {name}")


def rows(readers: list[Reader]) -> list[object]:
    return [row for reader in readers for row in reader.rows()]


@contextmanager
def damaged(path: Path, damage: Damage) -> Iterator[None]:
    """Damage a file for the time of the block; it is then as it was."""
    whole, aside = path.read_bytes(), path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        damage(path, whole)
        yield
    finally:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        aside.replace(path)


def run_stage(name: str, settings: Settings) -> None:
    """Run a stage as its command does, less the reading of the configuration, which takes longer than most."""
    with in_one_line("water-gee", ""):
        commands()[name].run(narrowed(settings, name))


def assert_one_line(world: Path, reader: Reader, damage: Damage) -> None:
    """Check that the reader of a damaged file ends in one line that names the file; it is then as it was."""
    path = world / reader.file
    with damaged(path, damage), pytest.raises(SystemExit) as ended:
        reader.read(world)
    line = ended.value.code
    assert isinstance(line, str) and "\n" not in line and len(line) <= LONGEST
    assert path.name in line or f"{path.parent.name}/{path.stem}" in line, line
