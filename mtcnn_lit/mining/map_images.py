"""Run a function over the images of a source, in worker processes, with a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.sources.base import Annotation, Source
from mtcnn_lit.worker_processes import start_worker, worker_context

log = logging.getLogger(__name__)

Result = TypeVar("Result")
ImageFunction = Callable[[Image, Annotation, int], Result]


@dataclass(frozen=True)
class _Mapped(Dataset["tuple[Result | ImageError, int]"], Generic[Result]):
    """The source's images with the function applied when an item is fetched, in a worker.

    An item is what the function returned, and how many faces were left out.
    """

    source: Source
    function: ImageFunction[Result]

    def __getitem__(self, index: int) -> tuple[Result | ImageError, int]:
        try:
            image = self.source.read(index)
        except ImageError as error:
            return error, 0
        annotated = self.source.annotations[index]
        annotation = annotated.within(*image.shape[:2])
        return self.function(image, annotation, index), len(annotated.faces) - len(annotation.faces)


def map_images(
    source: Source,
    function: ImageFunction[Result],
    *,
    workers: int,
    title: str,
    indices: Sequence[int] | None = None,
) -> Iterator[Result]:
    """Results of ``function(image, annotation, index)`` in the order of the indices, whatever the number of workers.

    Images that can't be read are left out, each with a warning that names it. So are faces wholly outside their image,
    whose crops would be black. Results are sent between processes, so they should be small or NumPy arrays; the
    function uses one thread a worker.

    Args:
        workers: processes; 0 works in this one (needed where the function uses a GPU).
        title: of the progress bar.
        indices: the images; all by default.
    """
    indices = range(len(source)) if indices is None else indices
    workers = min(workers, len(indices))
    loader = DataLoader(
        _Mapped(source, function),
        batch_size=None,
        sampler=indices,
        num_workers=workers,
        multiprocessing_context=worker_context() if workers else None,
        collate_fn=_unchanged,
        worker_init_fn=start_worker,
    )
    progress = tqdm(loader, desc=title, unit="image", dynamic_ncols=True)
    for (result, outside), index in zip(progress, indices, strict=True):
        if outside:
            log.warning("left out: %d faces outside the picture %s", outside, source.annotations[index].name)
        if isinstance(result, ImageError):
            log.warning("left out: %s", result)
        else:
            yield result


def _unchanged(item: Result) -> Result:
    return item


def read_only(image: Image, annotation: Annotation, index: int) -> None:
    """A function for images of which nothing is asked but that they can be read."""
