"""Shapes with anti-aliased, sub-pixel edges, drawn in the tilted frame of an oval: what ``Synthetic`` paints with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from mtcnn_lit.images import Image

Colour: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

_SHIFT = 4  # OpenCV takes coordinates in 1/16 pixel
_PIXEL_CENTRE = 0.5  # OpenCV's (0, 0) is the centre of a pixel, ours is its corner
_SOFT_EDGE = 0.65  # how many pixels a filled, anti-aliased ellipse of OpenCV reaches beyond its axes


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    return (min(colour[0] * factor, 255.0), min(colour[1] * factor, 255.0), min(colour[2] * factor, 255.0))


def vary(colour: Colour, rng: Random, amount: float = 14) -> Colour:
    """The colour with each channel changed by up to ``amount``."""
    r, g, b = (min(max(value + rng.uniform(-amount, amount), 0.0), 255.0) for value in colour)
    return r, g, b


@dataclass(frozen=True)
class Oval:
    """An upright ellipse, tilted by some degrees, and the frame of all that is drawn on it.

    Points of the frame are in half heights from the centre: (0, -1) is the forehead's top, (0, 1) the chin,
    (±aspect, 0) the sides.
    """

    x: float
    y: float
    half: float
    aspect: float
    tilt: float

    @staticmethod
    def of_height(height: float, *, aspect: float, tilt: float) -> Oval:
        """The oval around (0, 0) whose box has this height in pixels."""
        sine, cosine = math.sin(math.radians(tilt)), math.cos(math.radians(tilt))
        return Oval(0.0, 0.0, height / 2 / math.hypot(cosine, aspect * sine), aspect, tilt)

    def moved(self, x: float, y: float) -> Oval:
        """The same oval around another centre."""
        return replace(self, x=x, y=y)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The tight box ``x1 y1 x2 y2`` in pixels."""
        sine, cosine = math.sin(math.radians(self.tilt)), math.cos(math.radians(self.tilt))
        width = self.half * math.hypot(self.aspect * cosine, sine)
        height = self.half * math.hypot(cosine, self.aspect * sine)
        return self.x - width, self.y - height, self.x + width, self.y + height

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        """Points of the frame as points of the picture, the way OpenCV counts them."""
        sine, cosine = math.sin(math.radians(self.tilt)) * self.half, math.cos(math.radians(self.tilt)) * self.half
        left, top = self.x - _PIXEL_CENTRE, self.y - _PIXEL_CENTRE
        return [(left + x * cosine - y * sine, top + x * sine + y * cosine) for x, y in points]

    def ellipse(self, image: Image, centre: Point, axes: Point, colour: Colour, thickness: float = 0) -> None:
        """Draw an ellipse of the frame: filled, or as a line of some thickness."""
        ((x, y),) = self._pixels([centre])
        edge = 0 if thickness else _SOFT_EDGE
        size = (_fixed(max(axes[0] * self.half - edge, 0)), _fixed(max(axes[1] * self.half - edge, 0)))
        line = self._line(thickness) if thickness else cv2.FILLED
        cv2.ellipse(image, (_fixed(x), _fixed(y)), size, self.tilt, 0, 360, colour, line, cv2.LINE_AA, _SHIFT)

    def polygon(self, image: Image, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon of the frame."""
        cv2.fillPoly(image, [_fixed_points(self._pixels(points))], colour, cv2.LINE_AA, _SHIFT)

    def line(self, image: Image, points: Sequence[Point], colour: Colour, thickness: float) -> None:
        """Draw a line through points of the frame."""
        fixed = _fixed_points(self._pixels(points))
        cv2.polylines(image, [fixed], False, colour, self._line(thickness), cv2.LINE_AA, _SHIFT)

    def ball(self, image: Image, colour: Colour, light: Point) -> None:
        """Fill the oval itself, dark at the rim and bright towards the light (a point of the unit circle)."""
        for rim, factor in ((1.0, 0.72), (0.94, 0.84), (0.84, 0.95), (0.68, 1.03), (0.45, 1.08)):
            # The smaller ellipse stays within the larger one.
            centre = (light[0] * (1 - rim) * self.aspect * 0.8, light[1] * (1 - rim) * 0.8)
            self.ellipse(image, centre, (rim * self.aspect, rim), shade(colour, factor))

    def _line(self, thickness: float) -> int:
        return max(1, round(thickness * self.half))


def _fixed(value: float) -> int:
    return round(value * (1 << _SHIFT))


def _fixed_points(points: Sequence[Point]) -> npt.NDArray[np.int32]:
    return np.rint(np.array(points, dtype=np.float64) * (1 << _SHIFT)).astype(np.int32)
