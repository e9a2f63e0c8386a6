"""YOLOv5's training step on PyTorch, as its train.py runs it, on given images: one side of bench/engine.bench.ts.

Reads one JSON object per line: {"steps": n} runs n iterations and answers {"ms": [...], "cpu_ms": [...], "rss_mb": peak}.
Forward, ComputeLoss with target assignment, backward; where the accumulated batch reaches 64: clipping to norm 10, SGD with
Nesterov in three groups, EMA.
"""
import argparse
import json
import os
import resource
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True, help="folder with images.bin (uint8) and targets.json")
parser.add_argument("--size", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--cfg", default="yolov5n.yaml")
parser.add_argument("--yolov5", help="folder of the yolov5 package, for a Python without it")
parser.add_argument("--channels-last", action="store_true")
parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
parser.add_argument("--amp", action="store_true", help="mixed precision, as YOLOv5 trains on a GPU")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ.setdefault("YOLO_CONFIG_DIR", options.data)
os.environ.setdefault("YOLOv5_CONFIG_DIR", options.data)
os.environ.setdefault("YOLOV5_CONFIG_DIR", options.data)
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402
import torch  # noqa: E402

output = sys.stdout
sys.stdout = sys.stderr
if options.yolov5:
    # A Python that has PyTorch only: YOLOv5 itself is pure Python, and what it imports beside PyTorch (OpenCV, pandas, ...)
    # is not used by a training step, so that empty modules serve.
    import importlib.abc
    import importlib.machinery
    import importlib.util
    import re
    import types
    from unittest import mock

    unused = {"cv2", "pandas", "matplotlib", "torchvision", "PIL", "requests", "thop", "ultralytics", "IPython", "seaborn",
              "scipy", "tqdm", "git", "fire", "cpuinfo", "huggingface_hub", "sahi"}

    class Empty(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, name, path, target=None):
            if name.split(".")[0] not in unused:
                return None
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

        def create_module(self, spec):
            module = mock.MagicMock(name=spec.name)
            module.__spec__, module.__path__, module.__version__, module.__name__ = spec, [], "9.9.9", spec.name
            return module

        def exec_module(self, module):
            pass

    sys.path.append(options.yolov5)
    for name in ("yaml", "psutil"):  # pure Python from Debian
        spec = importlib.machinery.PathFinder.find_spec(name, ["/usr/lib/python3/dist-packages"])
        if spec:
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
    versions = types.ModuleType("pkg_resources")  # no longer part of setuptools
    versions.parse_version = lambda text: [int(part) for part in re.findall(r"\d+", text)[:3]]
    sys.modules["pkg_resources"] = versions
    sys.meta_path.append(Empty())
import yolov5  # noqa: E402
from yolov5.models.yolo import Model  # noqa: E402
from yolov5.utils.loss import ComputeLoss  # noqa: E402
from yolov5.utils.torch_utils import ModelEMA, smart_optimizer  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
hyp = dict(box=0.05, cls=0.5 * 3 / 80, cls_pw=1.0, obj=1.0 * (options.size / 640) ** 2, obj_pw=1.0, iou_t=0.2,
           anchor_t=4.0, fl_gamma=0.0, label_smoothing=0.0)
cfg = os.path.join(os.path.dirname(yolov5.__file__), "models", options.cfg)
if not os.path.exists(cfg):
    cfg = os.path.join(os.path.dirname(yolov5.__file__), "models", "hub", options.cfg)
device = torch.device(options.device)
model = Model(cfg, ch=3, nc=3).train().to(device)
model.hyp = hyp
if options.channels_last:
    model = model.to(memory_format=torch.channels_last)
ema = ModelEMA(model)
optimizer = smart_optimizer(model, "SGD", 0.01, 0.937, 5e-4)
loss_of = ComputeLoss(model)
scaler = torch.cuda.amp.GradScaler(enabled=options.amp)
images = torch.from_numpy(np.fromfile(os.path.join(options.data, "images.bin"), dtype=np.uint8)).view(
    -1, options.batch, 3, options.size, options.size)
targets = [torch.tensor(rows, dtype=torch.float32).view(-1, 6) for rows in json.load(open(os.path.join(options.data, "targets.json")))]
accumulate = max(round(64 / options.batch), 1)
iteration = 0


def step():
    global iteration
    image = images[iteration % len(images)].to(device, non_blocking=True).float() / 255
    if options.channels_last:
        image = image.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, enabled=options.amp):
        loss, _ = loss_of(model(image), targets[iteration % len(targets)].to(device))
    scaler.scale(loss).backward()
    iteration += 1
    if iteration % accumulate == 0:
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=10.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        ema.update(model)
    return float(loss)


print(json.dumps({"torch": torch.__version__, "parameters": sum(p.numel() for p in model.parameters())}), file=output, flush=True)
for line in sys.stdin:
    steps = json.loads(line)["steps"]
    times, cpu = [], []
    for _ in range(steps):
        start, busy = time.perf_counter(), time.process_time()
        loss = step()
        times.append((time.perf_counter() - start) * 1000)
        cpu.append((time.process_time() - busy) * 1000)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": times, "cpu_ms": cpu, "rss_mb": rss, "loss": loss}), file=output, flush=True)
