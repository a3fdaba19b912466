"""What set-up promises: exact pins, no bad releases, and an OpenCV that opens windows."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import cv2
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


def read_pins() -> dict[str, Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, filter(None, lines))}


PINS = read_pins()


def applies(marker: Marker | None, extras: set[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def with_indirect(direct: list[Requirement]) -> set[str]:
    """The names of these requirements and of all that they bring, as installed here."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(direct)
    while waiting:
        parent = waiting.pop()
        key = (canonicalize_name(parent.name), frozenset(parent.extras))
        if key not in seen:
            seen.add(key)
            children = [Requirement(line) for line in requires(parent.name) or []]
            waiting += [child for child in children if applies(child.marker, parent.extras)]
    return {name for name, _ in seen}


@pytest.mark.parametrize("name", sorted(PINS))
def test_a_pin_is_exact(name):
    assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(PINS[name].specifier))


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_each_direct_dependency_is_pinned_within_its_range(requirement):
    pin = PINS[canonicalize_name(requirement.name)]
    (version,) = (specifier.version for specifier in pin.specifier)
    assert requirement.specifier.contains(version)


def test_each_indirect_dependency_is_pinned():
    assert with_indirect(DIRECT) - PINS.keys() == set()


def test_torchvision_is_not_required():
    assert "torchvision" not in PINS
    assert "torchvision" not in with_indirect(DIRECT)


@pytest.mark.parametrize("version", ["2.6.2", "2.6.3"])
def test_the_malicious_releases_of_lightning_are_excluded(version):
    (lightning,) = (requirement for requirement in DIRECT if requirement.name == "lightning")
    assert not lightning.specifier.contains(version)


def test_opencv_can_open_windows():
    """opencv-python-headless, which albumentations brings, must not have overwritten opencv-python."""
    gui = re.search(r"GUI:\s*(\S+)", cv2.getBuildInformation())
    assert gui is not None
    assert gui[1] != "NONE", "opencv-python-headless won: delete .venv and run `make setup`"
