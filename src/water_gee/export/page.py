"""The tables of `docs/exporter.md`, made from the registry: `python -m water_gee.export.page` writes them anew."""

from pathlib import Path

from water_gee.export import operations
from water_gee.export.registry import REFUSED, SUPPORTED

PAGE = Path(__file__).parents[3] / "docs" / "exporter.md"
_THEMES = {
    "convolution": "Layers that look at neighbours",
    "elementwise": "Functions of each value alone",
    "arithmetic": "Arithmetic",
    "comparison": "Comparisons, choices and masks",
    "channels": "Channels moved about",
    "reductions": "Over the channels",
    "products": "Products with fixed matrices",
    "normalisation": "Norms and softmax",
}
assert set(_THEMES) == set(operations.__all__)


def supported() -> str:
    """Return the layers that are carried over, by theme."""
    lines: list[str] = []
    for theme, title in _THEMES.items():
        rules: dict[str, list[str]] = {}
        for entry in SUPPORTED.values():
            if entry.handler.__module__.endswith(f".{theme}"):
                words = rules.setdefault(entry.rule, [])
                words += [entry.words] if entry.words not in words else []
        lines += [f"**{title}**", "", "| layers and operations | what must hold |", "| --- | --- |"]
        shown = sorted(rules.items(), key=lambda rule: (rule[0] != "", rule[0]))
        lines += [f"| {', '.join(_code(word) for word in words)} | {_cell(rule)} |" for rule, words in shown]
        lines.append("")
    return "\n".join(lines)


def refused() -> str:
    """Return what is refused by name, and what to write instead."""
    rows: dict[str, list[str]] = {}
    for words, instead in REFUSED.values():
        named = rows.setdefault(instead, [])
        named += [words] if words not in named else []
    lines = ["| what | why, and what to write instead |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {', '.join(map(_cell, words))} | {_cell(why)} |" for why, words in rows.items())])


def filled(text: str) -> str:
    """Return a page with both tables in their places."""
    for name, table in (("supported", supported()), ("refused", refused())):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table.strip()}\n{end}{after}"
    return text


def _code(word: str) -> str:
    return f"`{_cell(word)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    from water_gee.files import write_text

    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8")))
