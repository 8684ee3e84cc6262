"""Lightning's own checkpoints, from which a cut-off run goes on: written whole, and looked at before they are used."""

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from water_gee.errors import ModelError
from water_gee.files import write_bytes
from water_gee.training.module import WaterModule

_LISTS, _MAPPINGS = ("optimizer_states", "lr_schedulers"), ("state_dict", "loops", "callbacks")
_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class WholeFiles(TorchCheckpointIO):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Writes a checkpoint beside the earlier one and then in its place: a full disk leaves that one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; `storage_options` is of remote storage, and not used."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getbuffer())


class Keep(ModelCheckpoint):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Keeps one checkpoint in a folder: the best by `monitor`, or without it the last.

    It writes after the epoch's other callbacks, so that a resumed run knows all that happened before; and it goes on
    in its own folder, though the folder may have had another place when the run was cut off.
    """

    def __init__(self, folder: Path, name: str, *, monitor: str | None) -> None:
        super().__init__(
            folder, name, monitor=monitor, mode="max", save_on_train_epoch_end=True,
            auto_insert_metric_name=False, enable_version_counter=False,
        )  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what the resumed run kept, where it lies now."""
        here = Path(self.dirpath)
        state = {**state_dict, "dirpath": self.dirpath}
        for name in _PATHS:
            state[name] = str(here / Path(state[name]).name) if state.get(name) else ""
        known = state.get("best_k_models", {})
        state["best_k_models"] = {str(here / Path(path).name): score for path, score in known.items()}
        super().load_state_dict(state)


def check_resumable(path: Path, module: WaterModule) -> None:
    """Check that a checkpoint is whole and of a network like the module's.

    Raises:
        ModelError: it is not.
    """
    try:
        content = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        for kind, names in ((list, _LISTS), (dict, _MAPPINGS), (int, ("epoch", "global_step"))):
            if any(not isinstance(content[name], kind) for name in names):
                raise TypeError(names)
        shapes = {name: value.shape for name, value in content["state_dict"].items()}
        if shapes != {name: value.shape for name, value in module.state_dict().items()}:
            raise ValueError("another network")
        trial = module.configure_optimizers()
        trial["optimizer"].load_state_dict(content["optimizer_states"][0])
        trial["lr_scheduler"]["scheduler"].load_state_dict(content["lr_schedulers"][0])
    except Exception as error:  # torch raises its own, pickle's, zipfile's and many more for a broken file
        raise ModelError(
            f"{path} is broken, so the run cannot go on from it; delete it, and the same command trains from the start"
        ) from error
