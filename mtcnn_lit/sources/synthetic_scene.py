"""Drawing a whole synthetic picture: background, clutter, distractors, people, and what a camera does to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import cv2
import numpy as np

from mtcnn_lit.images import Image
from mtcnn_lit.sources.synthetic_heads import Features, Look, draw_body, draw_head
from mtcnn_lit.sources.synthetic_shapes import Colour, Oval, shade, vary

# Arrangements that no face has.
_SCRAMBLED = (
    Features(left_eye=(-0.35, 0.5), right_eye=(0.35, 0.5), nose=(0.0, 0.15), mouth=(0.0, -0.35)),
    Features(left_eye=(0.0, -0.3), right_eye=(0.0, 0.6), nose=(-0.5, 0.15), mouth=(0.35, 0.15)),
    Features(left_eye=(-0.5, 0.3), right_eye=(0.45, -0.35), nose=(0.4, 0.45), mouth=(-0.2, -0.2)),
)


def render(faces: Sequence[Oval], image_size: tuple[int, int], face_height: tuple[float, float], rng: Random) -> Image:
    """Draw a picture with these faces, the last in front.

    Args:
        faces: the ovals of the faces.
        image_size: height and width in pixels.
        face_height: the least and the most in pixels; distractors have sizes like faces.
        rng: what decides on all but the places of the faces.

    Returns:
        uint8 RGB (H, W, 3).
    """
    image = _background(image_size, rng)
    for _ in range(rng.randint(4, 12)):
        rng.choice((_rectangle, _lines, _text, _disc))(image, rng)
    for _ in range(rng.randint(2, 6)):
        # Very small ones could not be told from a face by any means.
        height = math.exp(rng.uniform(math.log(1.4 * face_height[0]), math.log(1.2 * face_height[1])))
        shape = Oval.of_height(height, aspect=rng.uniform(0.7, 0.95), tilt=rng.uniform(-20, 20))
        place = shape.moved(rng.uniform(0, image_size[1]), rng.uniform(0, image_size[0]))
        rng.choice((_plain_head, _scrambled_head, _upside_down_head, _clock, _ball, _hand, _socket))(image, place, rng)
    people = [(oval, Look.random(rng)) for oval in faces]
    for oval, look in people:
        if rng.random() < 0.7:
            draw_body(image, oval, look, _colour(rng))
    for oval, look in people:
        draw_head(image, oval, look)
    return _photograph(image, rng)


def _colour(rng: Random) -> Colour:
    return rng.uniform(10, 245), rng.uniform(10, 245), rng.uniform(10, 245)


def _noise(shape: tuple[int, ...], rng: Random) -> Image:
    """Uniform noise of bytes."""
    return np.random.default_rng(rng.getrandbits(64)).integers(0, 256, size=shape, dtype=np.uint8)


def _background(image_size: tuple[int, int], rng: Random) -> Image:
    """A colour with soft patches of some size, from a plain gradient to a fine texture."""
    height, width = image_size
    cell = rng.choice((240, 120, 60, 24, 8))
    contrast = rng.uniform(0.1, 0.7)
    coarse = _noise((max(2, height // cell), max(2, width // cell), 3), rng) * contrast
    coarse += np.array(_colour(rng)) * (1 - contrast)
    return _enlarged(coarse.astype(np.uint8), image_size)


def _enlarged(coarse: Image, image_size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(coarse, image_size[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _point(image: Image, rng: Random) -> tuple[int, int]:
    return rng.randrange(image.shape[1]), rng.randrange(image.shape[0])


def _rectangle(image: Image, rng: Random) -> None:
    (x, y), size = _point(image, rng), max(8, max(image.shape) // 4)
    corner = (x + rng.randint(8, size), y + rng.randint(8, size))
    cv2.rectangle(image, (x, y), corner, _colour(rng), rng.choice((cv2.FILLED, cv2.FILLED, 2, 5)))


def _lines(image: Image, rng: Random) -> None:
    """A bundle of parallel lines, like a fence, a shelf or blinds."""
    (x, y), (dx, dy), colour = _point(image, rng), (rng.randint(-90, 90), rng.randint(-90, 90)), _colour(rng)
    step_x, step_y, thickness = rng.randint(-14, 14), rng.randint(4, 14), rng.randint(1, 4)
    for number in range(rng.randint(1, 9)):
        start = (x + number * step_x, y + number * step_y)
        cv2.line(image, start, (start[0] + dx, start[1] + dy), colour, thickness, cv2.LINE_AA)


def _text(image: Image, rng: Random) -> None:
    text = "".join(rng.choice("ABEHKMOQRSX02468%&8oe") for _ in range(rng.randint(2, 9)))
    scale = rng.uniform(0.5, 2.5)
    cv2.putText(image, text, _point(image, rng), cv2.FONT_HERSHEY_SIMPLEX, scale, _colour(rng), rng.randint(1, 4))


def _disc(image: Image, rng: Random) -> None:
    radius = rng.randint(5, 60)
    cv2.circle(image, _point(image, rng), radius, _colour(rng), rng.choice((cv2.FILLED, 2, 4)), cv2.LINE_AA)


def _plain_head(image: Image, oval: Oval, rng: Random) -> None:
    draw_head(image, oval, Look.random(rng), features=None)


def _scrambled_head(image: Image, oval: Oval, rng: Random) -> None:
    draw_head(image, oval, Look.random(rng), features=rng.choice(_SCRAMBLED))


def _upside_down_head(image: Image, oval: Oval, rng: Random) -> None:
    draw_head(image, Oval(oval.x, oval.y, oval.half, oval.aspect, oval.tilt + 180), Look.random(rng))


def _clock(image: Image, oval: Oval, rng: Random) -> None:
    disc = Oval(oval.x, oval.y, oval.half, 1.0, 0.0)
    plate, ink = vary((225, 222, 210), rng, 25), vary((40, 40, 40), rng, 30)
    disc.ellipse(image, (0, 0), (1, 1), ink)
    disc.ellipse(image, (0, 0), (0.9, 0.9), plate)
    for hour in range(12):
        x, y = math.cos(hour * math.pi / 6), math.sin(hour * math.pi / 6)
        disc.line(image, [(0.7 * x, 0.7 * y), (0.82 * x, 0.82 * y)], ink, 0.06)
    for length, thickness in ((0.45, 0.09), (0.7, 0.05)):
        angle = rng.uniform(0, 2 * math.pi)
        disc.line(image, [(0, 0), (length * math.cos(angle), length * math.sin(angle))], ink, thickness)


def _ball(image: Image, oval: Oval, rng: Random) -> None:
    disc, colour = Oval(oval.x, oval.y, oval.half, 1.0, rng.uniform(0, 180)), _colour(rng)
    disc.ball(image, colour, (-0.6, -0.8))
    for _ in range(rng.randint(0, 5)):
        spot = (rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6))
        disc.ellipse(image, spot, (rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.2)), shade(colour, 0.4))


def _hand(image: Image, oval: Oval, rng: Random) -> None:
    skin, a = Look.random(rng).skin, oval.aspect
    for finger in range(-2, 3):
        tip = (0.5 * a * finger, -0.9 + 0.1 * abs(finger))
        oval.line(image, [(0.3 * a * finger, 0.4), tip], shade(skin, 0.9 + 0.03 * finger), 0.24)
    oval.ellipse(image, (0, 0.4), (0.75 * a, 0.55), skin)


def _socket(image: Image, oval: Oval, rng: Random) -> None:
    """A wall socket: a plate with two dark holes."""
    plate, a = vary((215, 212, 205), rng, 35), oval.aspect
    oval.polygon(image, [(-a, -1), (a, -1), (a, 1), (-a, 1)], shade(plate, 0.7))
    oval.polygon(image, [(-0.9 * a, -0.9), (0.9 * a, -0.9), (0.9 * a, 0.9), (-0.9 * a, 0.9)], plate)
    oval.ellipse(image, (0, 0), (0.62 * a, 0.62 * a), shade(plate, 0.85))
    for side in (-0.3, 0.3):
        oval.ellipse(image, (side * a, 0), (0.1, 0.1), (35, 35, 35))


def _photograph(image: Image, rng: Random) -> Image:
    """Uneven light, brightness, contrast, colour cast, blur and sensor noise; some pictures are grey."""
    size = (image.shape[0], image.shape[1])
    light = _enlarged(_noise((2, 3, 3), rng) // 8 + 112, size)
    result = cv2.multiply(image, light, scale=rng.uniform(0.6, 1.1) / 128)
    if rng.random() < 0.1:
        result = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.6:
        result = cv2.GaussianBlur(result, (5, 5), rng.uniform(0.3, 1.3))
    grain = cv2.cvtColor(_noise(size, rng), cv2.COLOR_GRAY2RGB)
    strength, brightness = rng.uniform(0, 0.15), rng.uniform(-20, 20)
    return np.asarray(cv2.addWeighted(result, 1.0, grain, strength, brightness - 128 * strength), dtype=np.uint8)
