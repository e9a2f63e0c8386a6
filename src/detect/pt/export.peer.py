"""What the real YOLOv5 7.0.14 makes of checkpoints that `exportPt` wrote. Called by export.test.ts with the Python that
scripts/setup-peers.mjs made. Reads one JSON object from standard input, prints one:

  {"models": [{"path", "image": float32 file [1, 3, height, width], "height", "width"}], "val": {"path", "data", "px"}?}
  -> {"models": [{"class", "names", "stride", "heads": [file per level], "differences": [text]}],
      "val": {"precision", "recall", "mAP50", "mAP50to95"}?}
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

request = json.load(sys.stdin)
os.environ.setdefault("MPLBACKEND", "Agg")
scratch = pathlib.Path(tempfile.mkdtemp(prefix="yolov5-peer-"))
# YOLOv5 downloads a font for its pictures if it finds none; matplotlib's own serves.
import matplotlib  # noqa: E402

for variable in ("YOLO_CONFIG_DIR", "YOLOv5_CONFIG_DIR", "YOLOV5_CONFIG_DIR"):
    os.environ[variable] = str(scratch / "config")
(scratch / "config").mkdir()
for name in ("Arial.ttf", "Arial.Unicode.ttf"):
    shutil.copy(pathlib.Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", scratch / "config" / name)

import numpy  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
import yolov5  # noqa: E402
from yolov5 import val as validator  # noqa: E402
from models.experimental import attempt_load  # noqa: E402
from models.yolo import Model  # noqa: E402

output = sys.stdout
sys.stdout = sys.stderr


def kind_of(module):
    # The package has its modules twice: as `models.…`, which checkpoints name, and as `yolov5.models.…`.
    return f"{type(module).__module__}.{type(module).__name__}".removeprefix("yolov5.")


def settings(module):
    """Every plain setting of a layer."""
    plain = (bool, int, float, str, tuple, list, type(None))
    return {
        key: value.removeprefix("yolov5.") if key == "type" else value
        for key, value in vars(module).items()
        # What a checkpoint of a trained model has, a new one gets when it first sees an image.
        if isinstance(value, plain) and key not in ("training", "grid", "anchor_grid", "_is_full_backward_hook")
    }


def differences(found, made):
    """How a loaded model differs from one that YOLOv5 makes itself from the same yaml."""
    result = []
    a, b = dict(found.named_modules()), dict(made.named_modules())
    for name in sorted(set(a) | set(b)):
        if name not in a or name not in b:
            result.append(f"{name}: only in {'the file' if name in a else 'YOLOv5'}")
        elif kind_of(a[name]) != kind_of(b[name]):
            result.append(f"{name}: {kind_of(a[name])} is {kind_of(b[name])} in YOLOv5")
        elif name and settings(a[name]) != settings(b[name]):
            result.append(f"{name}: {settings(a[name])} is {settings(b[name])} in YOLOv5")
    if set(found.state_dict()) != set(made.state_dict()):
        result.append(f"state_dict: {sorted(set(found.state_dict()) ^ set(made.state_dict()))}")
    for key in ("save", "yaml"):
        if getattr(found, key) != getattr(made, key):
            result.append(f"{key}: {getattr(found, key)} is {getattr(made, key)} in YOLOv5")
    return result


def look(entry):
    path, height, width = entry["path"], entry["height"], entry["width"]
    checkpoint = torch.load(path, map_location="cpu")
    found = checkpoint["model"].float()
    made = Model(found.yaml, ch=3, nc=found.nc)
    made.load_state_dict(found.state_dict(), strict=True)
    text = differences(found, made)
    model = attempt_load(path)
    image = torch.from_numpy(numpy.fromfile(entry["image"], dtype="<f4").reshape(1, 3, height, width))
    with torch.no_grad():
        heads = model(image)[1]
        for head, other in zip(heads, made.fuse().eval()(image)[1]):
            # For its two kinds of Conv, the package folds only one's batch norms: rounding differs.
            if not torch.allclose(head, other, rtol=1e-5, atol=1e-5):
                text.append(f"outputs differ by {float((head - other).abs().max())}")
    files = []
    for level, head in enumerate(heads):
        files.append(f"{path}.head{level}.f32")
        head.contiguous().numpy().astype("<f4").tofile(files[-1])
    names = [model.names[i] for i in range(len(model.names))]
    return {"class": kind_of(model), "names": names, "stride": model.stride.tolist(), "heads": files, "differences": text}


def validate(entry):
    # YOLOv5 writes its label cache beside the labels.
    source = pathlib.Path(entry["data"])
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    root = (source.parent / data.get("path", ".")).resolve()
    shutil.copytree(root, scratch / "data", ignore=shutil.ignore_patterns("*.cache"))
    data["path"] = str(scratch / "data")
    (scratch / "data.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    results, *_ = validator.run(
        str(scratch / "data.yaml"), weights=entry["path"], imgsz=entry["px"], batch_size=16, device="cpu", workers=0,
        plots=False, project=str(scratch / "runs"),
    )
    return dict(zip(["precision", "recall", "mAP50", "mAP50to95"], map(float, results[:4])))


try:
    answer = {"models": [look(entry) for entry in request["models"]]}
    if request.get("val"):
        answer["val"] = validate(request["val"])
    print(json.dumps(answer), file=output, flush=True)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
