"""Which label bands are stored, and which choices of `labels` are refused."""

import pytest

from water_gee.earth import label_spec
from water_gee.errors import ConfigError


def test_what_is_stored_is_what_is_asked_for_and_no_feature(settings) -> None:
    spec = label_spec(settings("labels.sources=[qa,dswe,jrc]", "features.names=[nir,slope]"))
    assert spec.shares == ("share_dswe", "share_dswe_partial", "share_jrc")
    assert spec.beside == ("blue", "green", "red", "swir1", "swir2", "elevation", "illumination", "snow")
    lacking = label_spec(settings("labels.sources=[ndwi]", "~sensor.bands.swir2", "sensor.snow_bit=null"))
    assert not {"swir2", "snow"} & set(lacking.beside) and "slope" in lacking.beside
    assert label_spec(settings("labels.sources=[qa]", "labels.beside=[]")).bands == ("water_share", "clear_looks")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["labels.sources=[mdnwi]"], r"labels.sources: there is no source 'mdnwi'; did you mean mndwi\? \(known: qa, "),
        (["labels.beside=[slop]"], r"labels.beside: there is no band 'slop'; did you mean slope\?"),
        (
            ["labels.sources=[ndwi,awei]", "~sensor.bands.swir2"],
            "labels.sources: awei needs the band swir2, which sensor.bands of landsat8 lacks; add it there or leave",
        ),
        (["labels.bit=cfmask", "labels.sources=[]", "~sensor.bands.nir"], "labels.bit: cfmask needs the band nir"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_in_one_line(settings, overrides, said) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        label_spec(settings(*overrides))
    assert "\n" not in str(refused.value)
