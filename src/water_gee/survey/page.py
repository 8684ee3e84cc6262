"""The page on which points are labelled: one file that needs no network."""

import json
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from water_gee.files import write_text
from water_gee.survey.composites import Float
from water_gee.survey.points import Survey
from water_gee.survey.views import pictures, ranges

_MONTHS = "January February March April May June July August September October November December".split()


def write_page(
    path: Path, survey: Survey, composites: Sequence[Float], months: tuple[int, int], *, near: int, far: int
) -> None:
    """Write the page. What the map says of a point, and its stratum, are not in it.

    Args:
        path: of the page.
        survey: whose points are labelled, in their order.
        composites: reflectance [band, y, x] around each point, `far` pixels a side or one more.
        months: the first and the last month of the season.
        near: pixels a side of the close view.
        far: pixels a side of the wide view.
    """
    near, far = near // 2 * 2 + 1, far // 2 * 2 + 1
    spans = ranges(composites)
    points = [
        {"id": point.id, "longitude": point.longitude, "latitude": point.latitude, **pictures(view, near, spans)}
        for point, view in zip(survey.points, composites, strict=True)
    ]
    first, last = (_MONTHS[month - 1] for month in months)
    unit = "degrees" if survey.scale < 0.1 else "m"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    page = environment.get_template("label.html.j2").render(
        survey=survey,
        season=first if first == last else f"{first} to {last}",
        pixel=f"{survey.scale:g} {unit} a side",
        points=_script(points),
        head=_script({"mark": survey.mark, "near": near, "far": far}),
    )
    write_text(path, page)


def _script(content: object) -> Markup:
    """Return content as JSON that may stand within a script element."""
    return Markup(json.dumps(content, separators=(",", ":")).replace("</", "<\\/"))
