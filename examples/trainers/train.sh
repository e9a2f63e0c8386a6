#!/usr/bin/env bash
# Several programs in a row: a failure of one is the failure of the training, and the last one says the result.
#
# hypevolve train --evolve 20 --epochs 5 --space space.yaml --fitness accuracy \
#     --metrics 'regex:accuracy after epoch (?<epoch>\d+): (?<accuracy>[\d.]+)' --trainer command -- bash train.sh
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}

echo "trial $HYPEVOLVE_TRIAL on ${HYPEVOLVE_DEVICE:-no device}, hyperparameters:"
cat "$HYPEVOLVE_HYP"

"$python" plain.py --hyp "$HYPEVOLVE_HYP" --epochs "$HYPEVOLVE_EPOCHS" --out "$HYPEVOLVE_OUT" \
  --seed "$HYPEVOLVE_SEED" --device "$HYPEVOLVE_DEVICE" --resume "$HYPEVOLVE_RESUME" |
  sed -u -n 's/.*"epoch": \([0-9]*\),.*"accuracy": \([0-9.]*\).*/accuracy after epoch \1: \2/p'
