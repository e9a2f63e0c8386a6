"""A plain PyTorch loop: metrics as JSON lines, goes on after an interruption.

hypevolve train --evolve 20 --epochs 5 --space space.yaml --fitness accuracy --trainer command -- \
    python plain.py --hyp {hyp} --epochs {epochs} --out {out} --seed {seed} --device {device} --resume {resume}
"""

import argparse
import json
import os
import signal
import sys

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--hyp", required=True, help="file with a line `key: value` for each hyperparameter")
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--out", required=True, help="folder for what this training writes")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--device", default="", help="cpu, or the number of a GPU")
parser.add_argument("--resume", default="", help="folder of an earlier attempt")
args = parser.parse_args()

with open(args.hyp) as file:
    hyp = {key: float(value) for key, value in (line.split(": ") for line in file)}

torch.manual_seed(args.seed)
device = torch.device(f"cuda:{args.device}" if args.device.isdigit() else "cpu")

# Which of two spirals a point lies on; in your program the images.
turn = torch.rand(600, 1) * 6
arm = torch.randint(0, 2, (600, 1))
points = torch.cat([turn * torch.cos(turn + arm * 3.14), turn * torch.sin(turn + arm * 3.14)], 1) / 6
points = (points + 0.02 * torch.randn_like(points)).to(device)
labels = arm.squeeze(1).to(device)
train, val = slice(0, 400), slice(400, 600)

model = torch.nn.Sequential(
    torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
).to(device)
optimizer = torch.optim.SGD(
    model.parameters(), lr=hyp["lr0"], momentum=hyp["momentum"], weight_decay=hyp["weight_decay"]
)

checkpoint = os.path.join(args.out, "last.pt")
begin = 0
if args.resume and os.path.exists(checkpoint):
    saved = torch.load(checkpoint, map_location=device)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    begin = saved["epochs"]

# Sent on Ctrl-C and `hypevolve stop`: what was saved after the last epoch is enough to go on.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

accuracy = 0.0
for epoch in range(begin + 1, args.epochs + 1):
    model.train()
    order = torch.randperm(400, device=device)
    for batch in order.split(32):
        loss = torch.nn.functional.cross_entropy(model(points[train][batch]), labels[train][batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(points[val]).argmax(1) == labels[val]).float().mean().item()

    # Written under another name first, so that a kill leaves no half file.
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epoch, "accuracy": accuracy},
        checkpoint + ".new",
    )
    os.replace(checkpoint + ".new", checkpoint)
    print(json.dumps({"epoch": epoch, "epochs": args.epochs, "loss": loss.item(), "accuracy": accuracy}), flush=True)

if begin >= args.epochs:  # the last attempt ended between its last epoch and its own end
    print(json.dumps({"epoch": begin, "epochs": args.epochs, "accuracy": saved["accuracy"]}), flush=True)
