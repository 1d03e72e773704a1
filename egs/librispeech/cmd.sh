# shellcheck shell=bash disable=SC2034,SC2154
# How a training run is started: one process for each GPU of this machine, or one process.
gpus=$( (nvidia-smi --list-gpus 2>/dev/null || true) | wc -l)
if [ "$gpus" -gt 1 ]; then
  train=("$python" -m torch.distributed.run --nproc-per-node "$gpus" -m recipes.steps.train_ctc)
else
  train=("$python" -m recipes.steps.train_ctc)
fi
