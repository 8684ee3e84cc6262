"""The feeds as Lightning takes them."""

from collections.abc import Iterator

import pytorch_lightning as lightning

from water_gee.training.feeds import WHOLE, Batch, CropFeed, Feed, Share


class Epoch:
    """One epoch of a feed, as a loader: this process' share of each batch is gathered whole, in this process.

    On few cores that beats worker processes, which would copy every batch once more.
    """

    def __init__(self, feed: Feed, number: int, share: Share) -> None:
        self.feed = feed
        self.number = number
        self.share = share

    def __len__(self) -> int:
        return len(self.feed)

    def __iter__(self) -> Iterator[Batch]:
        return self.feed.epoch(self.number, self.share)


class TileDataModule(lightning.LightningDataModule):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Training batches by one of the two feeds, validation batches as crops of every labelled pixel.

    The training loader is made anew each epoch and depends on nothing but the seed and the epoch's number, so
    a resumed run sees what an undisturbed one would have seen. Of several processes each gets its share.
    """

    def __init__(self, training: Feed, validation: CropFeed) -> None:
        super().__init__()
        self.training = training
        self.validation = validation

    def train_dataloader(self) -> Epoch:
        """Return the training batches of the trainer's present epoch."""
        return Epoch(self.training, self.trainer.current_epoch if self.trainer else 0, self._share)

    def val_dataloader(self) -> Epoch:
        """Return the validation batches, the same each time."""
        return Epoch(self.validation, 0, self._share)

    @property
    def _share(self) -> Share:
        return Share(self.trainer.global_rank, self.trainer.world_size) if self.trainer else WHOLE
