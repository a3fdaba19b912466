"""``input=video``: every frame of a video, in order."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator

from mtcnn_lit.images import ImageError
from mtcnn_lit.live.video import Video, local_files
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage
from mtcnn_lit.prefetch import prefetch

log = logging.getLogger(__name__)

_REMEDY = "set input.path to a video file or its address"
_SHORT = 0.99  # of the announced number of frames: fewer get a warning; many files announce a few too many


class VideoInput:
    """The frames of a video file or address, read ahead of detection.

    Attributes:
        files: the video, where it is a file.

    Raises:
        ImageError: when it can't be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.files = local_files(path)
        self._video: Video | None = Video(path, _REMEDY)
        self._count = self._video.count

    def __len__(self) -> int:
        if self._count is None:
            raise TypeError(f"{self._path} doesn't say how many frames it has")
        return self._count

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]:
        video, self._video = self._video or Video(self._path, _REMEDY), None
        number = -1
        try:
            # In one thread, so in order.
            for number, frame in enumerate(prefetch(lambda _: video.read(), itertools.count())):
                if frame is None:
                    break
                yield Frame(video.name, frame[0], number, frame[1], video.rate, sound=self._path)
        finally:
            video.close()
        if number == 0:
            raise ImageError(f"can't read {self._path}: no frame of it can be decoded")
        if self._count and number < _SHORT * self._count:
            log.warning("%s ended after %d of the %d frames that it announces", video.name, number, self._count)
