"""`labels`: the raw label's rule, and what is stored beside it for denoising."""

from typing import Literal

from pydantic import field_validator

from water_gee.config.base import Group

LABEL_BANDS = ("water_share", "clear_looks")  # of a tile's labels, before the evidence
SHARE = "share_"  # begins the name of the band that holds a source's share of the clear looks


class LabelsSettings(Group):
    """The raw label's rule, the label sources stored as evidence, and the bands a denoising method may read."""

    bit: Literal["quality", "cfmask"]  # the quality band's water bit, or CFMask's rule in its place
    sources: list[str]
    beside: list[str]

    @field_validator("sources", "beside")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("a name is listed twice; list each once")
        return names
