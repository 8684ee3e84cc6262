"""What a run says of itself to people: a description with the way to make it again, and the words to find it by."""

import re
import shlex
from collections.abc import Mapping, Sequence

from water_gee.advice import complete
from water_gee.runs import STAGE_RUN, RunRecord

TRAIN, REPRO = "train.py", "dvc repro"
_NO_LETTER = re.compile(r"[^\w.-]+")  # what MLflow does not take in a tag's name


def source(folder: str) -> str:
    """Return which command made the run of a folder."""
    return REPRO if folder == STAGE_RUN else TRAIN


def note(record: RunRecord, folder: str, params: Mapping[str, str], tiles: int) -> str:
    """Return a run's description in Markdown: study and tiles, what differs, and the command that makes it again."""
    commit = str(record.lineage.get("git_commit", ""))
    code = f" of commit `{commit[:12]}`" if commit else ""
    changed = " and changes that are not committed" if record.lineage.get("git_dirty") == "yes" else ""
    again = REPRO if folder == STAGE_RUN else complete(f"python train.py {shlex.join(record.overrides)}".rstrip())
    lines = [
        f"Study **{record.study}**, {tiles} training tiles, labels by `{params['denoise']}`, a `{params['model']}`.",
        f"What differs: `{record.name}`.",
        f"Made with the code{code}{changed}, by:\n\n```\n{again}\n```",
        f"Kept in `runs/{folder}/`.",
    ]
    return "\n\n".join(lines)


def word_tags(words: Sequence[str]) -> dict[str, str]:
    """Return the tags of a user's words: `tags` with all of them, and `tag.<word>`, "true", of each, to search by."""
    own = {f"tag.{_NO_LETTER.sub('-', word)}": "true" for word in words}
    return {"tags": " ".join(words), **own} if words else {}
