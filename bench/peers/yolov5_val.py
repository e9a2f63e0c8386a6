"""Suppression, matching and mAP of the real YOLOv5 7.0.14 over recorded outputs of a network, on the CPU.

Called by bench/val.bench.ts with the Python that scripts/setup-peers.mjs made:

    .peers/venv/bin/python bench/peers/yolov5_val.py FOLDER --images 1000 --batch 32 --threads 1

FOLDER holds outputs.f32 [files, rows, columns], labels.f32 [n, 6] (file, class, x1, y1, x2, y2) and shape.json. The files
are taken in turn until there were so many images. Waits for a line on the standard input before each round, then prints
one JSON line: {"suppression": ms, "marking": ms, "figures": ms, "mAP50": ..., "mAP50to95": ...}.
"""
import argparse
import json
import pathlib
import sys
import time

import numpy as np
import torch
from yolov5.utils.general import non_max_suppression
from yolov5.utils.metrics import ConfusionMatrix, ap_per_class
from yolov5.val import process_batch

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--images", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()

torch.set_num_threads(options.threads)
files, rows, columns = json.loads((options.folder / "shape.json").read_text())
outputs = torch.from_numpy(np.fromfile(options.folder / "outputs.f32", np.float32).reshape(files, rows, columns))
all_labels = torch.from_numpy(np.fromfile(options.folder / "labels.f32", np.float32).reshape(-1, 6))
labels_of = [all_labels[all_labels[:, 0] == i, 1:] for i in range(files)]
iouv = torch.linspace(0.5, 0.95, 10)


def one_round():
    ms = {"suppression": 0.0, "marking": 0.0, "figures": 0.0}
    stats = []
    confusion = ConfusionMatrix(nc=columns - 5)
    for first in range(0, options.images, options.batch):
        chosen = [i % files for i in range(first, min(first + options.batch, options.images))]
        batch = outputs[chosen]  # a copy, which it writes to
        start = time.perf_counter()
        found = non_max_suppression(batch, 0.001, 0.6, multi_label=True, max_det=300)
        ms["suppression"] += time.perf_counter() - start
        start = time.perf_counter()
        for file, detections in zip(chosen, found):
            labels = labels_of[file]
            correct = torch.zeros(detections.shape[0], iouv.numel(), dtype=torch.bool)
            if len(labels) and len(detections):
                correct = process_batch(detections, labels, iouv)
                confusion.process_batch(detections, labels)
            stats.append((correct, detections[:, 4], detections[:, 5], labels[:, 0]))
        ms["marking"] += time.perf_counter() - start
    start = time.perf_counter()
    merged = [torch.cat(x, 0).numpy() for x in zip(*stats)]
    ap = ap_per_class(*merged, names={})[5]
    ms["figures"] += time.perf_counter() - start
    return {**{k: 1000 * v for k, v in ms.items()}, "mAP50": ap[:, 0].mean(), "mAP50to95": ap.mean()}


print(json.dumps({"torch": torch.__version__}), flush=True)
for _ in sys.stdin:
    print(json.dumps(one_round()), flush=True)
