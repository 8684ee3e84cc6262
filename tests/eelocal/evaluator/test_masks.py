"""Masks follow numpy.ma's, operation by operation."""

import ee
import numpy as np

from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels

RANDOM = np.random.default_rng(2)
SIZE = (19, 27)
P, Q, T = (RANDOM.normal(size=SIZE).round(1) for _ in range(3))
T = np.where(RANDOM.random(SIZE) < 0.5, 0.0, T)
MP, MQ, MT = (RANDOM.random(SIZE) < 0.7 for _ in range(3))
CATALOG = MemoryCatalog(
    MemoryImage("p", {"v": P}, {"v": MP}), MemoryImage("q", {"v": Q}, {"v": MQ}), MemoryImage("t", {"v": T}, {"v": MT})
)
p_, q_, t_ = (np.ma.array(v, mask=~m) for v, m in ((P, MP), (Q, MQ), (T, MT)))


def check(image, expected):
    out = pixels(CATALOG, image, grid(SIZE[1], SIZE[0])).bands[0]
    np.testing.assert_array_equal(out.mask, ~np.ma.getmaskarray(expected))
    np.testing.assert_allclose(out.values, expected.filled(0))


def images():
    return ee.Image("p"), ee.Image("q"), ee.Image("t")


def test_operations_are_masked_where_an_operand_is():
    p, q, t = images()
    check(p.add(q), p_ + q_)
    check(p.add(q).multiply(t), (p_ + q_) * t_)


def test_update_mask():
    p, _, t = images()
    check(p.updateMask(t), np.ma.array(P, mask=~(MP & MT & (T != 0))))
    check(t.selfMask(), np.ma.array(T, mask=~(MT & (T != 0))))


def test_mask_reads_and_replaces():
    p, _, t = images()
    check(p.mask(), np.ma.array(MP.astype(float)))
    check(p.mask(t), np.ma.array(np.where(MP, P, 0), mask=~(MT & (T != 0))))


def test_unmask():
    p, q, _ = images()
    check(p.unmask(), np.ma.array(np.where(MP, P, 0)))
    check(p.unmask(-9), np.ma.array(np.where(MP, P, -9)))
    check(p.unmask(q), np.ma.array(np.where(MP, P, Q), mask=~(MP | MQ)))


def test_unmask_stays_within_the_footprint():
    p, _, _ = images()
    wide = pixels(CATALOG, p.unmask(5), grid(SIZE[1] + 4, SIZE[0], left=-2)).bands[0]
    np.testing.assert_array_equal(wide.mask.sum(axis=0) > 0, [False] * 2 + [True] * SIZE[1] + [False] * 2)
    assert pixels(CATALOG, p.unmask(5, False), grid(SIZE[1] + 4, SIZE[0], left=-2)).bands[0].mask.all()


def test_where_replaces_only_where_test_and_value_are_valid():
    p, q, t = images()
    holds = MT & (T != 0) & MQ
    check(p.where(t, q), np.ma.array(np.where(holds, Q, P), mask=~MP))
    check(p.where(t, 3), np.ma.array(np.where(MT & (T != 0), 3, P), mask=~MP))
    check(p.where(1, 3), np.ma.array(np.full(SIZE, 3.0), mask=~MP))
    check(p.where(0, 3), p_)


def test_blend_and_mosaic():
    p, q, _ = images()
    check(p.blend(q), np.ma.array(np.where(MQ, Q, P), mask=~(MP | MQ)))
    check(ee.ImageCollection([p, q]).mosaic(), np.ma.array(np.where(MQ, Q, P), mask=~(MP | MQ)))


def test_outside_of_the_image_is_masked():
    out = pixels(CATALOG, ee.Image("p"), grid(5, 5, left=-5)).bands[0]
    assert not out.mask.any()
    edge = pixels(CATALOG, ee.Image("p").add(1), grid(6, 4, left=-3, top=-1)).bands[0]
    np.testing.assert_array_equal(edge.mask[1:, 3:], MP[:3, :3])
    assert edge.mask.sum() == MP[:3, :3].sum()


def test_constants_are_valid_everywhere():
    assert pixels(CATALOG, ee.Image(3), grid(4, 4, left=-1000)).bands[0].mask.all()
    assert not pixels(CATALOG, ee.Image(3).updateMask(0), grid(4, 4)).bands[0].mask.any()
    assert not pixels(CATALOG, ee.Image("p").updateMask(0), grid(4, 4)).bands[0].mask.any()


def test_remap_masks_what_is_not_listed():
    image = ee.Image("t").signum().toInt8()
    sign = np.sign(T)
    check(image.remap([-1, 1], [7, 9]), np.ma.array(np.where(sign < 0, 7, 9), mask=~(MT & (sign != 0))))
    check(image.remap([-1], [7], 2), np.ma.array(np.where(sign < 0, 7, 2), mask=~MT))
