"""Drawing a person's head: what ``Synthetic`` annotates as a face, and what only looks like one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from mtcnn_lit.images import Image
from mtcnn_lit.sources.synthetic_shapes import Colour, Oval, Point, shade, vary

Style: TypeAlias = Literal["bald", "short", "long", "cap"]

_SKINS: tuple[Colour, ...] = (
    (255, 224, 196), (241, 194, 160), (224, 172, 128), (198, 134, 92), (150, 96, 62), (104, 66, 44), (72, 46, 34)
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (28, 22, 20), (54, 36, 26), (96, 62, 36), (150, 104, 56), (212, 176, 112), (150, 60, 30), (170, 170, 172)
)  # fmt: skip
_STYLES: tuple[Style, ...] = ("bald", "short", "short", "short", "long", "long", "cap")


@dataclass(frozen=True)
class Features:
    """Where eyes, nose and mouth are: points of the frame, with x in shares of the half width."""

    left_eye: Point = (-0.42, -0.12)
    right_eye: Point = (0.42, -0.12)
    nose: Point = (0.0, 0.2)
    mouth: Point = (0.0, 0.52)


FACE = Features()


@dataclass(frozen=True)
class Look:
    """What one person looks like."""

    skin: Colour
    hair: Colour
    light: Point
    style: Style
    turn: float  # of the head, -1 to 1
    eye: float  # half width of an eye
    smile: float  # -1 to 1
    mouth_open: float  # 0 to 1
    glasses: bool
    beard: bool

    @staticmethod
    def random(rng: Random) -> Look:
        """Somebody."""
        angle = rng.uniform(-math.pi, 0.2)
        return Look(
            skin=vary(rng.choice(_SKINS), rng),
            hair=vary(rng.choice(_HAIRS), rng, 10),
            light=(math.cos(angle), math.sin(angle)),
            style=rng.choice(_STYLES),
            turn=rng.uniform(-1, 1),
            eye=rng.uniform(0.13, 0.18),
            smile=rng.uniform(-0.5, 1),
            mouth_open=max(0.0, rng.uniform(-1.2, 1)),
            glasses=rng.random() < 0.2,
            beard=rng.random() < 0.15,
        )


def draw_body(image: Image, oval: Oval, look: Look, cloth: Colour) -> None:
    """Neck and shoulders: drawn for all people before any head, so that no body hides a face."""
    a = oval.aspect
    shoulders = [(-2.1 * a, 3.6), (-1.9 * a, 1.75), (-0.5 * a, 1.3), (0.5 * a, 1.3), (1.9 * a, 1.75), (2.1 * a, 3.6)]
    oval.polygon(image, shoulders, cloth)
    neck = [(-0.48 * a, 0.5), (0.48 * a, 0.5), (0.5 * a, 1.35), (0.0, 1.6), (-0.5 * a, 1.35)]
    oval.polygon(image, neck, shade(look.skin, 0.66))


def draw_head(image: Image, oval: Oval, look: Look, features: Features | None = FACE) -> None:
    """A head with hair and, unless None, the features; those of ``FACE`` make it a face."""
    a = oval.aspect
    if look.style == "long":
        oval.ellipse(image, (0, 0.1), (1.3 * a, 1.3), shade(look.hair, 0.8))
    elif look.style != "bald":
        oval.ellipse(image, (0, -0.2), (1.12 * a, 0.98), shade(look.hair, 0.9))
    for side in (-1, 1):
        oval.ellipse(image, (side * a, 0.02), (0.13, 0.2), shade(look.skin, 0.8))
    oval.ball(image, look.skin, look.light)
    if look.beard:
        jaw = [(x * 0.99 * a, y * 0.99) for x, y in _arc(0.12 * math.pi, 0.88 * math.pi)]
        oval.polygon(image, [*jaw, (-0.55 * a, 0.38), (0.55 * a, 0.38)], shade(look.hair, 1.1))
    if features is not None:
        _draw_features(image, oval, look, features)
    _draw_fringe(image, oval, look)


def _draw_fringe(image: Image, oval: Oval, look: Look) -> None:
    """The hair or cap over the forehead."""
    a = oval.aspect
    if look.style == "bald":
        return
    parting = 0.35 * look.turn * a
    crown = [(x * 1.06 * a, y * 1.06) for x, y in _arc(1.1 * math.pi, 1.9 * math.pi)]
    brow = -0.5 if look.style == "cap" else -0.6
    oval.polygon(image, [*crown, (0.6 * a, brow), (parting, brow - 0.06), (-0.6 * a, brow)], look.hair)
    if look.style == "cap":
        oval.line(image, [(-1.0 * a, brow), (1.0 * a, brow)], shade(look.hair, 0.6), 0.1)


def _draw_features(image: Image, oval: Oval, look: Look, features: Features) -> None:
    a, turn = oval.aspect, 0.16 * look.turn
    dark = shade(look.skin, 0.5)
    brow = shade(look.hair, 0.7)
    for eye in (features.left_eye, features.right_eye):
        x, y = (eye[0] + turn) * a, eye[1]
        oval.ellipse(image, (x, y - 0.02), (1.5 * look.eye * a / 0.8, 0.13), shade(look.skin, 0.76))
        oval.ellipse(image, (x, y), (look.eye, 0.075), (236, 232, 226))
        oval.ellipse(image, (x + 0.03 * look.turn, y), (0.07, 0.075), (38, 28, 24))
        oval.line(image, [(x - look.eye, y - 0.19), (x, y - 0.24), (x + look.eye, y - 0.19)], brow, 0.07)
        if look.glasses:
            oval.ellipse(image, (x, y), (0.25 * a / 0.8, 0.2), (30, 30, 34), 0.05)
    nose_x, nose_y = (features.nose[0] + 1.5 * turn) * a, features.nose[1]
    oval.line(image, [(nose_x, nose_y - 0.25), (nose_x + 0.07, nose_y), (nose_x - 0.07, nose_y + 0.03)], dark, 0.045)
    _draw_mouth(image, oval, look, ((features.mouth[0] + turn) * a, features.mouth[1]))


def _draw_mouth(image: Image, oval: Oval, look: Look, centre: Point) -> None:
    x, y = centre
    lip = (min(look.skin[0] * 0.8 + 20, 255), look.skin[1] * 0.5, look.skin[2] * 0.5)
    half, bend = 0.36 * oval.aspect, 0.1 * look.smile
    if look.mouth_open > 0.1:
        oval.ellipse(image, (x, y), (half * 0.8, 0.06 + 0.1 * look.mouth_open), lip)
        oval.ellipse(image, (x, y), (half * 0.65, 0.03 + 0.08 * look.mouth_open), (60, 20, 24))
    else:
        curve = [(x - half, y - bend), (x - half / 2, y + bend / 2), (x, y + bend), (x + half / 2, y + bend / 2)]
        oval.line(image, [*curve, (x + half, y - bend)], lip, 0.09)


def _arc(start: float, end: float, steps: int = 12) -> list[Point]:
    """Points on the unit circle between two angles; π/2 is the chin, 3π/2 the forehead."""
    angles = (start + (end - start) * step / steps for step in range(steps + 1))
    return [(math.cos(angle), math.sin(angle)) for angle in angles]
