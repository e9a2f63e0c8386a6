"""Hugging Face Trainer: it writes trainer_state.json with each checkpoint, --metrics reads the newest.

hypevolve train --evolve 20 --epochs 3 --space space.yaml --fitness accuracy \
    --metrics 'json:checkpoint-*/trainer_state.json:accuracy=log_history.-1.eval_accuracy' \
    --trainer command -- python huggingface.py

In a training of DETR or RT-DETR with the metrics of COCO: `mAP50to95=log_history.-1.eval_map,
mAP50=log_history.-1.eval_map_50`, and no --fitness.
"""

import json
import os

import torch
from transformers import Trainer, TrainingArguments

hyp = json.loads(os.environ["HYPEVOLVE_HYP_JSON"])
out = os.environ["HYPEVOLVE_OUT"]
resume = os.environ["HYPEVOLVE_RESUME"]


class Spirals(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))

    def forward(self, points, labels):
        logits = self.net(points)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def spirals(count):
    turn = torch.rand(count, 1) * 6
    arm = torch.randint(0, 2, (count, 1))
    points = torch.cat([turn * torch.cos(turn + arm * 3.14), turn * torch.sin(turn + arm * 3.14)], 1) / 6
    return [{"points": point, "labels": label} for point, label in zip(points, arm.squeeze(1))]


torch.manual_seed(0)  # of the data; that of the training is below
settings = dict(
    output_dir=out,
    num_train_epochs=int(os.environ["HYPEVOLVE_EPOCHS"]),
    learning_rate=hyp["lr0"],
    weight_decay=hyp["weight_decay"],
    per_device_train_batch_size=32,
    save_strategy="epoch",  # after the evaluation: the last entry of log_history is that of this epoch
    save_total_limit=1,
    seed=int(os.environ["HYPEVOLVE_SEED"]),
    report_to="none",
    disable_tqdm=True,
)
try:
    arguments = TrainingArguments(eval_strategy="epoch", **settings)
except TypeError:  # before transformers 4.41
    arguments = TrainingArguments(evaluation_strategy="epoch", **settings)

trainer = Trainer(
    model=Spirals(),
    args=arguments,
    train_dataset=spirals(400),
    eval_dataset=spirals(200),
    compute_metrics=lambda results: {"accuracy": float((results.predictions.argmax(1) == results.label_ids).mean())},
)
trainer.train(resume_from_checkpoint=bool(resume) and any(name.startswith("checkpoint-") for name in os.listdir(out)))
