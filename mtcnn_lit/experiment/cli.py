"""Run commands by Hydra; user errors end in one clear line and exit status 1."""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import cv2
import hydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, ListConfig
from omegaconf.errors import (
    GrammarParseError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)
from tqdm.contrib.logging import logging_redirect_tqdm

from mtcnn_lit.errors import Diverged, Incomplete, UserError, is_disk_full, is_unwritable
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.arguments import is_independent_job, plain_values
from mtcnn_lit.experiment.check import nearest, takes
from mtcnn_lit.experiment.installation import configs
from mtcnn_lit.experiment.stop import end_stopped

_WRITE_ELSEWHERE = "name a folder that can be written by paths.output_dir=FOLDER or hydra.run.dir=FOLDER"
_IN_DEFAULTS = "_dummy_"  # Hydra's key for entries of a defaults list
_OF_INTERPOLATIONS = (GrammarParseError, InterpolationResolutionError, UnsupportedInterpolationType)
_NO_NAME = "; ${…} stands for the value of a key, no name may hold ${"
_LITTLE_MEMORY = "the GPU is out of memory: train with a smaller data.batch_size, detect with detector.device=cpu"
_MAKE_ROOM = "make room, then the same command again"

log = logging.getLogger(__name__)


def _quieten() -> None:
    """Silence messages of libraries that say nothing about the run."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # we report broken pictures
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # and broken videos
    warnings.filterwarnings("ignore", message=r".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message=r".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=r".*sync_dist=True.*")  # torchmetrics gathers across processes
    warnings.filterwarnings(
        "ignore", message=r"Checkpoint directory .* exists and is not empty.*"
    )  # when a run is resumed
    warnings.filterwarnings("ignore", message=r"Early stopping conditioned on.*")  # an error follows
    threading.excepthook = _thread_excepthook


def _thread_excepthook(error: threading.ExceptHookArgs) -> None:
    """Report exceptions of threads, except a full disk: TensorBoard's writer passes that on to the main thread."""
    if not is_disk_full(error.exc_value):
        threading.__excepthook__(error)


def run(task: Callable[[DictConfig], float | None], config_name: str, folder: Path | None = None) -> None:
    """Run ``task`` with the configuration that the command line describes.

    Args:
        folder: of the configurations, unless they are the project's.
    """
    folder = (folder or configs()).absolute()
    incomplete: list[Incomplete | Diverged] = []
    schema.register()
    _quieten()
    sys.argv[1:] = plain_values(sys.argv[1:])
    # Otherwise Hydra prints composition errors itself, over many lines, and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(folder), config_name=config_name)(_guarded(task, incomplete))()
    except (HydraException, OmegaConfBaseException) as error:
        _fail(_explain(error, folder))
    except ValueError as error:
        if message := _explain_null(error, sys.argv[1:], folder):
            _fail(message)
        raise
    except OSError as error:  # Hydra creates the run's folder
        _fail_if_unwritable(error)
        raise
    if incomplete:
        sys.exit(1)


def _guarded(
    task: Callable[[DictConfig], float | None], incomplete: list[Incomplete | Diverged]
) -> Callable[[DictConfig], float | None]:
    """``task``, exiting with one line on user errors, for which Hydra would print a traceback.

    Args:
        incomplete: collects jobs that finished but for unreadable pictures, and jobs of a sweep that diverged; a
            sweep's other jobs still run.
    """

    @functools.wraps(task)
    def guarded(config: DictConfig) -> float | None:
        _log_any_name()
        try:
            with logging_redirect_tqdm():  # logs appear above a progress bar, not in its line
                return task(config)
        except Incomplete as job:
            incomplete.append(job)
            return job.result
        except UserError as error:
            if not (isinstance(error, Diverged) and is_independent_job(sys.argv[1:])):
                _fail(str(error))
            log.error("%s", error)
            incomplete.append(error)
            return math.nan
        except OmegaConfBaseException as error:
            _fail(_explain(error))
        except OSError as error:
            _fail_if_unwritable(error)
            raise
        except RuntimeError as error:
            if type(error).__name__ == "OutOfMemoryError":  # torch's; not every command loads torch
                _fail(_LITTLE_MEMORY)
            raise
        except KeyboardInterrupt as stop:
            end_stopped(stop)

    return guarded


def _log_any_name() -> None:
    """Log bytes of file names that are not UTF-8 as escapes; each handler would print a traceback."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, io.TextIOWrapper):
            handler.stream.reconfigure(errors="backslashreplace")


def _explain(error: BaseException, folder: Path | None = None) -> str:
    """One line for a composition error, with the nearest valid name."""
    chain = [error]
    while (deeper := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(deeper)
    for each in chain:
        if isinstance(each, MissingConfigException) and each.missing_cfg_file:
            group, _, name = each.missing_cfg_file.rpartition("/")
            # Hydra lists none if a list of options was asked for.
            options = sorted(each.options or _options(group, folder or configs()))
            return (
                f"{group}={name}: no such configuration{nearest(name, options) or '.'} There are: {', '.join(options)}"
            )
        if isinstance(each, OmegaConfBaseException) and each.key is not None and each.full_key:
            if each.full_key == _IN_DEFAULTS and (choice := re.search(r"'(.+?)'", str(each.msg))):
                return f"{choice[1]}: takes the name of one configuration: {choice[1]}=NAME"
            siblings = list(each.parent_node) if isinstance(each.parent_node, DictConfig) else []
            reason = str(each.msg or each).splitlines()[0]
            if isinstance(each.parent_node, ListConfig) or str(each.key) in map(str, siblings):
                return f"{each.full_key}: {reason}{_NO_NAME if isinstance(each, _OF_INTERPOLATIONS) else ''}"
            if takes(each.parent_node, str(each.key)):
                return f"{each.full_key}: not set by the configuration; add it with +{each.full_key}=…"
            if each.full_key in {f"output.{name}" for name in _options("output", folder or configs())}:
                outputs = ",".join([*(name for name in map(str, siblings) if name != "path"), str(each.key)])
                return f"{each.full_key} is not among the outputs: take output={outputs}"
            return f"{each.full_key}: no such key{nearest(str(each.key), map(str, siblings))}"
    return _explain_group(str(error)) or str(error).splitlines()[0]


def _explain_group(message: str) -> str | None:
    """One line for Hydra's message about an unknown key or group; None for other messages."""
    if not (group := re.search(r"Could not override '(.+?)'", message)):
        return None
    meant = re.search(r"Did you mean to override (.+)\?", message)
    return f"{group[1]}: no such key or group of this command" + (f"; did you mean {meant[1]}?" if meant else "")


def _explain_null(error: ValueError, arguments: Sequence[str], folder: Path) -> str | None:
    """One line for Hydra's error about a group set to null, which does not name it; None for other errors."""
    if not str(error).startswith("Config group override must be"):
        return None
    groups = [text.removesuffix("=null").lstrip("+") for text in arguments if text.endswith("=null")]
    group = next((group for group in groups if (folder / group.partition("@")[0]).is_dir()), None)
    return group and f"{group}=null: no such configuration. There are: {', '.join(_options(group, folder))}"


def _options(group: str, folder: Path) -> list[str]:
    """The configurations of a group."""
    return sorted(path.stem for path in (folder / group.partition("@")[0]).glob("*.yaml"))


def _fail_if_unwritable(error: OSError) -> None:
    """Exit if the error is a full disk or a location that is not writable."""
    place = f"{error.filename}: " if error.filename else ""
    if is_disk_full(error):
        _fail(f"{place}{error.strerror}; {_MAKE_ROOM}")
    if is_unwritable(error):
        _fail(f"{place}{error.strerror}; {_WRITE_ELSEWHERE}")


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)
