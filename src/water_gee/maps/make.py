"""From an engine to finished parts: pieces in parallel, kept as they come."""

from collections.abc import Callable

from water_gee.earth import in_parallel
from water_gee.errors import EarthError, WaterGeeError
from water_gee.maps.engines import Engine
from water_gee.maps.parts import Part, PartStore, Piece
from water_gee.maps.plan import Plan
from water_gee.progress import say, track

_GIVE_UP = 8  # failed pieces after which the rest is not tried


def predict_pieces(
    plan: Plan,
    engine: Engine,
    store: PartStore,
    *,
    workers: int,
    on_failure: Callable[[], None] = lambda: None,
    elsewhere: Callable[[list[Piece]], list[Piece]] = lambda pieces: pieces,
) -> None:
    """Predict every piece that is not finished yet.

    Args:
        plan: what is mapped.
        engine: what predicts here.
        store: of the finished parts.
        workers: how many pieces are in hand at once.
        on_failure: called when a piece fails.
        elsewhere: has pieces predicted and kept by others, and returns those that are left to be done here.

    Raises:
        EarthError: a piece failed; the finished ones are kept, and the same command takes them up.
    """
    todo = [piece for piece in plan.pieces if not store.has(piece)]
    if len(todo) < len(plan.pieces):
        say(f"{len(plan.pieces) - len(todo)} of {len(plan.pieces)} pieces were finished before and are kept")
    todo = elsewhere(todo)

    def work(piece: Piece) -> tuple[Piece, str]:
        try:
            probability, water, looks = engine(piece)
        except EarthError as error:
            return piece, str(error)
        store.write(piece, Part.of(probability, water, looks, plan.inside(piece.window)))
        return piece, ""

    failed: dict[str, str] = {}
    try:
        for piece, reason in track(in_parallel(work, todo, workers), "predicting", len(todo)):
            if reason:
                failed[piece.name] = reason
                on_failure()
            if len(failed) >= _GIVE_UP:
                break
    except OSError as error:
        raise WaterGeeError(f"{store.folder} cannot be written ({error}); see to the disk, run again") from error
    if failed:
        name = min(failed)
        raise EarthError(
            f"{len(failed)} of {len(plan.pieces)} pieces of the map failed, first {name}: {failed[name].rstrip('.')}; "
            "no map was written, run the same command again to go on"
        )
