"""No module of eelocal needs itself, by whatever way, and no import hides within a function to make that work."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import eelocal

ROOT = Path(eelocal.__file__).parent
FILES = {
    ".".join(["eelocal", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names} & FILES.keys()
            names |= within or {node.module}
    return names & FILES.keys()


def test_modules_stand_in_an_order():
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    list(TopologicalSorter({name: imported(tree) for name, tree in trees.items()}).static_order())
    for name, tree in trees.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
        assert not any(imported(function) for function in functions), name
