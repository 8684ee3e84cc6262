"""Joins: images of one collection with those of another that match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator.filters import Filter
from eelocal.evaluator.functions_collection import in_order
from eelocal.evaluator.image import Collection, Image
from eelocal.evaluator.registry import implements


@dataclass(frozen=True)
class Join:
    """What becomes of an image and its matches: an image with them in a property, or None where it is left out."""

    make: Callable[[Image, list[Image]], Image | None]


def _unmeasured(measure: str | None) -> None:
    if measure is not None:
        raise bad_request("eelocal does not implement measures of joins.")


def _saving(key: str, outer: bool, kept: Callable[[list[Image]], Any]) -> Join:
    def make(image: Image, matches: list[Image]) -> Image | None:
        if not matches:
            return image if outer else None
        return replace(image, properties={**image.properties, key: kept(matches)})

    return Join(make)


@implements("Join.saveAll", note="no measures")
def save_all(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    """All matches in a property, as a list in the order of one of theirs."""
    _unmeasured(measure)
    return _saving(key, outer, lambda found: found if ordering is None else in_order(found, ordering, ascending))


@implements("Join.saveFirst", note="no measures")
def save_first(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    """The first match in a property, in the order of one of theirs."""
    _unmeasured(measure)
    return _saving(key, outer, lambda found: found[0] if ordering is None else in_order(found, ordering, ascending)[0])


@implements("Join.apply")
def apply(join: Any, primary: Collection, secondary: Collection, condition: Any) -> Collection:
    """The images of the first collection that have a match in the second."""
    if not isinstance(join, Join):
        raise bad_request("The value is not an ee.Join that eelocal implements.")
    if not isinstance(condition, Filter) or condition.pairs is None:
        raise bad_request("eelocal joins by comparisons of properties alone.")
    pairs = condition.pairs
    made = (join.make(one, [other for other in secondary.elements if pairs(one, other)]) for one in primary.elements)
    return primary.with_elements(image for image in made if image is not None)
