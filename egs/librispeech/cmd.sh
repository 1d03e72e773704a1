# shellcheck shell=bash disable=SC2034,SC2154
# How a training run is started: once for each GPU of this machine, or as one process.
gpus=$( (nvidia-smi --list-gpus 2>/dev/null || true) | wc -l)
if [ "$gpus" -gt 1 ]; then
  train_cmd=("$python" -m torch.distributed.run --nproc-per-node "$gpus")
else
  train_cmd=("$python")
fi
