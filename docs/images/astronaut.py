"""Draws docs/images/astronaut.jpg: ``python docs/images/astronaut.py``, with scikit-image (public domain: NASA)."""

from pathlib import Path

from skimage.data import astronaut

from mtcnn_lit import MTCNN
from mtcnn_lit.draw import draw
from mtcnn_lit.images import write_image

found = MTCNN.from_pretrained(device="cpu").detect(astronaut())
write_image(Path(__file__).with_suffix(".jpg"), draw(astronaut(), found)[:320])
