"""What pyproject.toml can't say: the wheel carries ``configs/`` as ``mtcnn_lit/configs``; the rest is there."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["mtcnn_lit*"]), "mtcnn_lit.configs"],
    package_dir={"mtcnn_lit.configs": "configs"},
)
