"""What a run says when it is finished: where everything lies, and the command that comes next."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.experiment.checkpoint import EVALUATION, run_folders
from mtcnn_lit.experiment.installation import command
from mtcnn_lit.nets import NETS
from mtcnn_lit.nets.weights import PRETRAINED


def closing_words(config: DictConfig, best: float, run: Path) -> str:
    """What became of a run, where its results lie, and what to call next."""
    following = list(NETS)[list(NETS).index(config.stage) + 1 :]
    words = [*command("train").split(), *(f"net={name}" for name in following[:1]), *_shared_overrides(config.stage)]
    detect = f"{command('detect')} input=folder input.path=PICTURES output=images output.path=FOUND".split()
    if run.resolve() not in [folder.resolve() for folder in run_folders(Path(config.paths.output_dir))]:
        words.append(f"upstream.{config.stage}={run}")  # elsewhere nobody looks for the newest run
        detect.append(f"detector.weights.{config.stage}={run}")
    return f"""
{config.stage} is trained: best {config.monitor.metric} {best:.3f}
  checkpoint  {run / "checkpoints" / "best.ckpt"}
  weights     {run / f"{config.stage}.safetensors"}
  pictures    {run / "pictures"}
  evaluation  {run / EVALUATION / "report.html"}
  curves      {shlex.join(["tensorboard", "--logdir", config.paths.output_dir])}
  next        {shlex.join(words if following else detect)}"""


def _shared_overrides(stage: str) -> list[str]:
    """Overrides of this command that the next stage takes too."""
    own, for_each = {"net", "data", "ckpt_path", "init_from"}, f"init_from={PRETRAINED}"
    upstream = ("upstream.earlier=", f"upstream.{stage}=")
    words = [text for text in HydraConfig.get().overrides.task if not text.lstrip("+").startswith(upstream)]
    return [text for text in words if text == for_each or _group(text) not in own]


def _group(override: str) -> str:
    """The first word of what an override sets: `data` for ``data=rnet``, ``+data.miner.seed=1``, ``~data.workers``."""
    return re.split(r"[=./@]", override.lstrip("+~"), maxsplit=1)[0]
