"""Build objects from the configuration; their errors become one line that names the key.

Nodes marked ``_partial_`` also take live objects (sources, trained networks), which are passed here. The rest of a
training run is built in `build_experiment.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast, get_args

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.errors import UserError
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.mining.mine import Miner
from mtcnn_lit.nets import NETS, Net
from mtcnn_lit.sources.base import Source, Split

_BUILT_BEFORE = "data.miner"  # from its own node
# How to set what a run passes itself.
_INSTEAD = {
    "data.augment": ", or take augment=none",
    "data.store_root": ", or take paths.patch_dir=FOLDER",
    "net.start": ", or take init_from=RUN",
    "trainer.callbacks": ", or set callbacks.NAME",
    "trainer.logger": ", or take logger=NAME",
}


def build_source(config: DictConfig, split: Split) -> Source:
    """One split of the configured source."""
    return cast("Source", build(config.source, "source", split=split))


def chosen_split(config: DictConfig) -> Split:
    """The split to measure on: `test`, unless another one is named.

    Raises:
        ConfigError: when there is none of that name.
    """
    split, splits = "test" if config.split is None else config.split, get_args(Split)
    if split not in splits:
        raise ConfigError(f"split: must be one of {', '.join(splits)}, not {split}")
    return cast("Split", split)


def build_cascade(config: DictConfig, key: str, upstream: list[Net], net: Net | None = None) -> Cascade:
    """A cascade of the upstream networks, followed by ``net`` if given.

    Args:
        key: key of the face size, scale factor and thresholds: "cascade" or "detector".
    """
    nets = [*upstream, net] if net is not None else upstream
    device = next(nets[-1].parameters()).device
    settings = config[key]
    with errors_named(key):
        return Cascade(
            **{name: each.to(device) for name, each in zip(NETS, nets, strict=False)},  # type: ignore[arg-type]
            min_face_size=settings.min_face_size,
            scale_factor=settings.scale_factor,
            thresholds=tuple(settings.thresholds),
        )


def mines_with_networks(config: DictConfig) -> bool:
    """Whether the miner crops detections of networks."""
    return "cascade" in inspect.signature(build(config.data.miner, "data.miner")).parameters


def build_miner(config: DictConfig, recall_source: Source, before: Cascade | None) -> Miner:
    """The miner of a stage.

    Args:
        recall_source: images on which the mining thresholds of the networks before the stage are measured.
        before: these networks, or for P-Net one of an earlier run; None without any.

    Raises:
        ConfigError: when the miner does not fit the stage or these networks.
    """
    needed = NETS[config.stage].input_size
    if (size := config.data.miner.get("size", needed)) != needed:
        raise ConfigError(
            f"data.miner.size: {config.stage} takes patches of {needed} px, not {size}; choose data={config.stage}"
        )
    if mines_with_networks(config) and before is None:
        raise ConfigError("upstream.earlier: this miner needs a trained network; set it to newest or to a run")
    if before and not mines_with_networks(config):
        raise ConfigError("upstream.earlier: this miner takes no network; choose data=pnet_again")
    if before is None:
        with errors_named("data.miner"):
            return cast("Miner", build(config.data.miner, "data.miner")())
    context = NETS[config.stage].context  # of the crops that the network sees
    live = {"cascade": before, "recall_source": recall_source, "context": context}
    return cast("Miner", build(config.data.miner, "data.miner", **live))


def build(node: DictConfig, key: str, **live: Any) -> Any:
    """Instantiate one node; ``live`` objects are passed to the target as they are.

    Raises:
        ConfigError: when the target rejects its arguments, or the node sets one of the live ones.
    """
    for name in live:
        if name in node and f"{key}.{name}" != _BUILT_BEFORE:
            raise ConfigError(
                f"{key}.{name}: is set by the run itself; leave it out{_INSTEAD.get(f'{key}.{name}', '')}"
            )
    with errors_named(key):
        made = instantiate(node, _convert_="all", _partial_=True if live else node.get("_partial_", False))
        return made(**live) if live else made


@contextmanager
def errors_named(key: str) -> Iterator[None]:
    """Turn errors of a target, bare or wrapped by Hydra, into a ConfigError of one line that names the key."""
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, UserError):
            raise cause from None
        raise ConfigError(f"{key}: {str(cause).splitlines()[0]}") from error
    except UserError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{key}: {error}") from error
