"""Arguments as users write them are what Hydra reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mtcnn_lit.experiment.arguments import plain_list, plain_paths, plain_values, setting


@pytest.mark.parametrize(
    ("value", "folders"),
    [
        ("a", ["a"]),
        ("a,b/2026-01-01_00-00-00", ["a", "b/2026-01-01_00-00-00"]),
        ("lr=3,a b,", ["lr=3", "a b"]),
        ("it's,{x},é(1)", ["it's", "{x}", "é(1)"]),
        ("end\\,mid\\dle,\\'", ["end\\", "mid\\dle", "\\'"]),
        ("[a,b]", ["a", "b"]),
        ("'a,b',\"c\"", ["a,b", "c"]),
        ("${paths.output_dir}/train", ["${paths.output_dir}/train"]),
        ("", []),
    ],
)
def test_a_plain_list_is_what_hydra_reads(value: str, folders: list[str]) -> None:
    (override,) = plain_list([f"runs={value}"], "runs")
    assert [str(folder) for folder in OverridesParser.create().parse_override(override).value()] == folders  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path",
    [
        *("it's (1).jpg", "~nobody (2).jpg", "Grüße/a,b=c.jpg", "DIR/[ab]*.jpg", "end\\", "0", "-", "{a}#b"),
        *("'q'.jpg", "'q' and 'r'", '"q" (1).jpg', "'", "'q", "'q\\'", "$b.jpg", "${b}/a (1).jpg"),
    ],
)
def test_any_path_is_what_hydra_reads(path: str) -> None:
    for text in plain_paths([f"input.path={path}", f"output.json.path={path}", f"input.device={path}"]):
        assert OverridesParser.create().parse_override(text).value() == path
    assert plain_paths(["input.path=~/a.jpg"]) == [f"input.path='{Path.home() / 'a.jpg'}'"]
    kept = ["a.path=null", "a.path=", "a.path='b'", "a.path='b\\'s','c'", 'a.path="b"', "paths.output_dir=a"]
    assert plain_paths(kept) == kept


@pytest.mark.parametrize("path", ["Fotos größer/日本", "out/p=q", "my models (1)", "it's", "~no one/x", "a;b&c!"])
def test_a_value_that_hydra_can_not_read_is_taken_as_it_stands(path: str) -> None:
    for key in ("source.root", "+a", "++a.b", "hydra.run.dir"):
        (text,) = plain_values([f"{key}={path}"])
        assert OverridesParser.create().parse_override(text).value() == path
    assert plain_values(["source.root=~/x"]) == [f"source.root='{Path.home() / 'x'}'"]


def test_a_value_that_hydra_reads_stays_as_it_is() -> None:
    read = ["-m", "--cfg", "job", "net=pnet,rnet", "a=b c", "~callbacks.early_stopping", "hydra.run.dir=o/${now:%Y}"]
    broken = ["data.ratio=[1,1", "a={b", "a='b", "=b"]  # Hydra tells of these
    slips = ["net.optimizer.lr=0.01)", "net.optimizer.lr=1e-3,", "data.ratio=(1, 1, 3)", "a.patience=5)", "a/b=1,2,"]
    assert plain_values([*read, *broken, *slips]) == [*read, *broken, *slips]


@pytest.mark.parametrize("path", ["pretrained", "sw/lr=0.1,net=pnet", "it's, mine", "my models (1)"])
def test_a_proposed_setting_is_what_hydra_reads(path: str) -> None:
    """As a user pastes it; `hydra.sweep.subdir=${hydra.job.override_dirname}` makes folders with commas."""
    (text,) = plain_values([setting("upstream.pnet", Path(path))])
    assert OverridesParser.create().parse_override(text).value() == path


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("source.root", name) for name in ("2024_01_05", "2024", "1_000", "2024.10", "1e5")),
        *((key, "2024_01_05") for key in ("export.path", "paths.output_dir", "hydra.run.dir", "+init_from", "images")),
        ("hydra.run.dir", "2024.10"),
    ],
)
def test_a_name_of_digits_is_no_number(key: str, name: str) -> None:
    (text,) = plain_values([f"{key}={name}"])
    assert OverridesParser.create().parse_override(text).value() == name


def test_a_name_of_digits_is_no_number_in_a_sweep() -> None:
    texts = ["-m", "source.root=2024,2025", "init_from=2024_01_05,null", "seed=1,2"]
    assert plain_values(texts) == ["-m", "source.root='2024','2025'", "init_from='2024_01_05',null", "seed=1,2"]


def test_a_number_stays_one() -> None:
    numbers = ["epochs.pnet=20", "data.batch_size=1_000", "seed=12_345_678", "net.optimizer.lr=1e-3", "recall=[.9,1]"]
    assert plain_values(numbers) == numbers


def test_in_a_sweep_commas_part_values() -> None:
    texts = plain_values(["-m", "source.root=~/x,~/y (1)", "init_from=runs/a=1.ckpt,newest"])
    assert texts == [
        "-m",
        f"source.root='{Path.home() / 'x'}','{Path.home() / 'y (1)'}'",
        "init_from='runs/a=1.ckpt','newest'",
    ]
    assert plain_values(["source.root=a=b,c"]) == ["source.root='a=b,c'"]


def test_other_arguments_stay_as_they_are() -> None:
    assert plain_list(["-m", "paths.output_dir=a,b", "+runs=a"], "runs") == ["-m", "paths.output_dir=a,b", "+runs=a"]
