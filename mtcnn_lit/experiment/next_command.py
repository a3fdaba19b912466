"""The final message of a run: where its results are, and the next command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.experiment.arguments import setting
from mtcnn_lit.experiment.installation import command
from mtcnn_lit.experiment.runs import BEST, EVALUATION, is_discoverable
from mtcnn_lit.nets import NETS
from mtcnn_lit.nets.weights import PRETRAINED


def closing_words(config: DictConfig, best: float, run: Path, upstream: Mapping[str, str | Path]) -> str:
    """The result of a run, where its files are, and the next command.

    Args:
        upstream: where each network before the stage was loaded from, by name.
    """
    return f"""
{config.stage} is trained: best {config.monitor.metric} {best:.3f}
  checkpoint  {run / BEST}
  weights     {run / f"{config.stage}.safetensors"}
  pictures    {run / "pictures"}
  evaluation  {run / EVALUATION / "report.html"}
  curves      {shlex.join(["tensorboard", "--logdir", config.paths.output_dir])}
  next        {shlex.join(_next_command(config, run, upstream))}"""


def same_output_dir(config: DictConfig) -> list[str]:
    """The argument for another command to use this output folder; empty for the default one."""
    is_set = any(text.lstrip("+").startswith("paths.output_dir=") for text in HydraConfig.get().overrides.task)
    return [setting("paths.output_dir", config.paths.output_dir)] if is_set else []


def _next_command(config: DictConfig, run: Path, upstream: Mapping[str, str | Path]) -> list[str]:
    """The command that trains the next stage, or detects, with the networks of this run and before it."""
    runs, output_dir = {**upstream, config.stage: run}, Path(config.paths.output_dir)
    chosen = [name for name in upstream if config.upstream[name]]
    elsewhere = [
        name for name, path in runs.items() if name not in chosen and not is_discoverable(Path(path), output_dir)
    ]
    following = list(NETS)[len(runs) :]
    if following:
        unnamed = [setting(f"upstream.{name}", runs[name]) for name in elsewhere]
        return [*command("train").split(), f"net={following[0]}", *_shared_overrides(config.stage), *unnamed]
    weights = runs if chosen or elsewhere else {}  # all of them: next to a named one, the newest may not match
    return [
        *f"{command('detect')} input=folder input.path=PICTURES output=images output.path=FOUND".split(),
        *(setting(f"detector.weights.{name}", path) for name, path in weights.items()),
        *same_output_dir(config),
    ]


def _shared_overrides(stage: str) -> list[str]:
    """Overrides of this command that the next stage takes too."""
    own, for_each = {"net", "data", "ckpt_path", "init_from"}, f"init_from={PRETRAINED}"
    upstream = ("upstream.earlier=", f"upstream.{stage}=")
    words = [text for text in HydraConfig.get().overrides.task if not text.lstrip("+").startswith(upstream)]
    return [text for text in words if text == for_each or _group(text) not in own]


def _group(override: str) -> str:
    """The top-level key of an override: `data` for ``data=rnet``, ``+data.miner.seed=1``, ``~data.workers``."""
    return re.split(r"[=./@]", override.lstrip("+~"), maxsplit=1)[0]
