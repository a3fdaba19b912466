"""Detects with facenet-pytorch in another Python; requests and answers are lines of JSON.

The first line sets threads, device, min_face_size, scale_factor and thresholds; each further one names a picture
written by `numpy.save`. Imports nothing of this package, which the other Python need not have.
"""

import json
import sys
import time


def _say(**answer: object) -> None:
    print(json.dumps(answer), flush=True)


def _serve() -> None:
    settings = json.loads(sys.stdin.readline())
    try:
        import numpy as np
        import torch
        from facenet_pytorch import MTCNN  # type: ignore[import-not-found]
    except ImportError as error:
        _say(error=str(error))
        return
    torch.set_num_threads(settings["threads"])
    detector = MTCNN(
        keep_all=True,
        device=settings["device"],
        min_face_size=settings["min_face_size"],
        factor=settings["scale_factor"],
        thresholds=settings["thresholds"],
    )
    _say(torch=torch.__version__)
    for line in sys.stdin:
        image = np.load(json.loads(line)["picture"])
        start = time.perf_counter()
        boxes, _ = detector.detect(image)
        _say(seconds=time.perf_counter() - start, faces=0 if boxes is None else len(boxes))


if __name__ == "__main__":
    _serve()
