"""Trains with the real YOLOv5 7.0.14 (PyTorch, CPU), as a person would run its train.py, and reports what happened.

Called by bench/epoch.bench.ts, bench/accuracy.bench.ts and bench/evolve.bench.ts with the Python that scripts/setup-peers.mjs made:

    .peers/venv/bin/python bench/peers/yolov5_train.py --data data.yaml --imgsz 160 --batch-size 16 --epochs 4 --seed 0

The data set is copied to a scratch folder first, because YOLOv5 writes its label cache beside the labels and takes a
relative `path:` from its own installation folder. Prints one JSON line per event:
  {"event": "start", "torch": ..., "threads": ...}
  {"event": "epoch", "epoch": 0, "at": seconds since training began, "metrics": {results.csv title: number}}
  {"event": "trial", "trial_seconds": ...} after every training of --evolve, which has no epochs here
  {"event": "end", "seconds": ..., "peak_rss_mb": ..., "final": {precision, recall, mAP50, mAP50to95 of best.pt}}
"""
import argparse
import inspect
import json
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("WANDB_MODE", "disabled")

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--cfg", default="yolov5n.yaml")
parser.add_argument("--weights", default="")
parser.add_argument("--hyp", default="hyp.scratch-low.yaml")
parser.add_argument("--imgsz", type=int, default=160)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--threads", type=int, default=0, help="torch threads, 0 leaves what YOLOv5 sets")
parser.add_argument("--cache", default="", help="ram or disk")
parser.add_argument("--plots", action="store_true")
parser.add_argument("--evolve", type=int, default=0, help="trainings of an evolution instead of one training")
options = parser.parse_args()

scratch = pathlib.Path(tempfile.mkdtemp(prefix="yolov5-peer-"))
# YOLOv5 downloads a font for its pictures if it finds none; matplotlib's own serves.
import matplotlib  # noqa: E402

for variable in ("YOLO_CONFIG_DIR", "YOLOv5_CONFIG_DIR", "YOLOV5_CONFIG_DIR"):
    os.environ[variable] = str(scratch / "config")
(scratch / "config").mkdir()
for name in ("Arial.ttf", "Arial.Unicode.ttf"):
    shutil.copy(pathlib.Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", scratch / "config" / name)

import torch  # noqa: E402
import yaml  # noqa: E402

import yolov5  # noqa: E402
from yolov5 import train as trainer  # noqa: E402
from yolov5.utils.callbacks import Callbacks  # noqa: E402

# Importing YOLOv5 leaves torch with one thread fewer than the machine has cores (one of two).
if options.threads:
    torch.set_num_threads(options.threads)

package = pathlib.Path(yolov5.__file__).parent


def emit(**event):
    print(json.dumps(event), file=sys.__stdout__, flush=True)


def packaged(name, folder):
    return name if os.path.exists(name) else str(package / folder / name)


def copied_data_set():
    source = pathlib.Path(options.data).resolve()
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    root = (source.parent / data.get("path", ".")).resolve()
    copy = scratch / "data"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("*.cache"))
    for folder, _, _ in os.walk(copy):
        os.chmod(folder, 0o755)
    data["path"] = str(copy)
    target = scratch / "data.yaml"
    target.write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(target)


try:
    data = copied_data_set()
    keys = [
        "train/box_loss", "train/obj_loss", "train/cls_loss", "metrics/precision", "metrics/recall",
        "metrics/mAP_0.5", "metrics/mAP_0.5:0.95", "val/box_loss", "val/obj_loss", "val/cls_loss",
    ]
    callbacks = Callbacks()
    clock = {"start": None, "last": None}

    def on_train_start(*_):
        clock["start"] = time.perf_counter()

    # The values are training losses, P, R, mAP50, mAP50-95 and validation losses, then learning rates; the same list
    # that YOLOv5's own logger writes to results.csv.
    def on_fit_epoch_end(values, epoch, best_fitness, fi):
        now = time.perf_counter()
        emit(event="epoch", epoch=int(epoch), at=now - clock["start"], metrics=dict(zip(keys, map(float, values))))

    final = {}

    def on_train_end(last, best, epoch, results):
        final.update(zip(["precision", "recall", "mAP50", "mAP50to95"], map(float, results[:4])))

    callbacks.register_action("on_train_start", callback=on_train_start)
    callbacks.register_action("on_fit_epoch_end", callback=on_fit_epoch_end)
    callbacks.register_action("on_train_end", callback=on_train_end)

    sys.argv = [sys.argv[0]]
    opt = trainer.parse_opt(True)
    opt.data, opt.cfg = data, packaged(options.cfg, "models")
    opt.weights, opt.hyp = options.weights, packaged(options.hyp, "data/hyps")
    opt.imgsz, opt.batch_size, opt.epochs = options.imgsz, options.batch_size, options.epochs
    opt.seed, opt.workers, opt.device = options.seed, options.workers, "cpu"
    opt.cache, opt.noplots = options.cache or None, not options.plots
    opt.project, opt.name, opt.exist_ok = str(scratch / "runs"), "exp", True

    if options.evolve:
        opt.evolve = options.evolve
        # The package's train() reads map50s after every epoch but sets it in validated ones only, and an evolution validates
        # the last one alone: as released it stops after the first epoch. It gets the value that maps starts from.
        source = inspect.getsource(trainer.train)
        fixed = source.replace("maps = np.zeros(nc)", "maps = map50s = np.zeros(nc)", 1)
        if "map50s" in source and fixed == source:
            sys.exit("this YOLOv5 cannot be patched for --evolve: there is no line that sets maps")
        exec(compile(fixed, trainer.__file__, "exec"), vars(trainer))
        train_once = trainer.train

        def train_and_tell(*arguments):
            start = time.perf_counter()
            result = train_once(*arguments)
            emit(event="trial", trial_seconds=time.perf_counter() - start)
            return result

        trainer.train = train_and_tell
        callbacks = Callbacks()  # an evolution keeps them for its first training only

    sys.stdout = sys.stderr
    emit(event="start", torch=torch.__version__, threads=torch.get_num_threads())
    began = time.perf_counter()
    trainer.main(opt, callbacks)
    emit(
        event="end",
        seconds=time.perf_counter() - began,
        training_seconds=time.perf_counter() - (clock["start"] or began),
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        final=final,
    )
finally:
    shutil.rmtree(scratch, ignore_errors=True)
