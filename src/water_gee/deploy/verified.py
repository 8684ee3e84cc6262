"""`deploy/verified.json`: which exported network was found equal to PyTorch on which account."""

from collections.abc import Mapping
from typing import Any

from water_gee.deploy.account import Account
from water_gee.deploy.subject import Subject
from water_gee.errors import ExportError
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

_NAME = "verified.json"
_ADVICE = "delete it and run again: water-gee verify"


def read_verified(layout: Layout, subject: Subject, account: Account) -> dict[str, Any] | None:
    """Return what `verify` found for an export on an account, or None where it has not passed there.

    Raises:
        ExportError: the file was changed, or is of another study.
    """
    found = _all(layout).get(_key(subject, account))
    return found if found and found["parity"]["equal"] else None


def write_verified(layout: Layout, subject: Subject, account: Account, found: Mapping[str, Any]) -> None:
    """Keep what was found, beside what is known of other accounts and exports."""
    known = {**_all(layout), _key(subject, account): {**found, **_names(subject, account)}}
    write_sealed(layout.deploy / _NAME, {"study": layout.study, "verified": known})


def _all(layout: Layout) -> dict[str, dict[str, Any]]:
    path = layout.deploy / _NAME
    if not is_there(path):
        return {}
    return dict(read_sealed(path, _ADVICE, study=layout.study, error=ExportError)["verified"])


def _key(subject: Subject, account: Account) -> str:
    return f"{subject.expression_sha256[:16]} {subject.checkpoint.sha256[:16]} {account.key}"


def _names(subject: Subject, account: Account) -> dict[str, str]:
    return {
        "expression_sha256": subject.expression_sha256,
        "checkpoint_sha256": subject.checkpoint.sha256,
        "kind": account.kind,
        "project": account.project,
        "place": account.place,
    }
