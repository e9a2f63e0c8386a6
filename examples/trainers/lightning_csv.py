"""Lightning: its CSVLogger writes the metrics, --metrics reads them.

hypevolve train --evolve 20 --epochs 5 --space space.yaml --fitness accuracy \
    --metrics 'csv:version_*/metrics.csv:accuracy=val_accuracy' --trainer command -- python lightning_csv.py

Arguments are not needed: the same facts are in the environment.
"""

import json
import os

import torch
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning.pytorch as pl
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger
except ImportError:
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loggers import CSVLogger

hyp = json.loads(os.environ["HYPEVOLVE_HYP_JSON"])
epochs = int(os.environ["HYPEVOLVE_EPOCHS"])
out = os.environ["HYPEVOLVE_OUT"]
resume = os.environ["HYPEVOLVE_RESUME"]  # '' unless an earlier attempt left something in out
pl.seed_everything(int(os.environ["HYPEVOLVE_SEED"]))


class Spirals(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))

    def training_step(self, batch, _):
        points, labels = batch
        loss = torch.nn.functional.cross_entropy(self.net(points), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        points, labels = batch
        self.log("val_accuracy", (self.net(points).argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(
            self.parameters(), lr=hyp["lr0"], momentum=hyp["momentum"], weight_decay=hyp["weight_decay"]
        )


def spirals(count):
    turn = torch.rand(count, 1) * 6
    arm = torch.randint(0, 2, (count, 1))
    points = torch.cat([turn * torch.cos(turn + arm * 3.14), turn * torch.sin(turn + arm * 3.14)], 1) / 6
    return TensorDataset(points, arm.squeeze(1))


last = os.path.join(out, "last.ckpt")
trainer = pl.Trainer(
    max_epochs=epochs,
    # Without {device} in the command only the GPUs of this trial are to be seen.
    accelerator="cpu" if os.environ["HYPEVOLVE_DEVICE"] in ("", "cpu") else "gpu",
    devices=1,
    # The file is written at the end of each epoch, so that pruning sees it in time.
    logger=CSVLogger(out, name="", flush_logs_every_n_steps=1),
    callbacks=[ModelCheckpoint(dirpath=out, save_last=True, save_top_k=0)],
    enable_progress_bar=False,
)
trainer.fit(
    Spirals(),
    DataLoader(spirals(400), batch_size=32, shuffle=True),
    DataLoader(spirals(200), batch_size=200),
    ckpt_path=last if resume and os.path.exists(last) else None,
)
