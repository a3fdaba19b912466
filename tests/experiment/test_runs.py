"""Which runs are finished, and which one a command goes on with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from hydra.core.hydra_config import HydraConfig

from mtcnn_lit.experiment.runs import (
    has_finished_run,
    is_discoverable,
    last_run,
    latest_run,
    mismatched_upstream,
    trained_net,
    upstream_paths,
    warn_of_mismatched_upstream,
)
from mtcnn_lit.nets import PNet, WeightsError, weights_digest
from tests.test_configs import composed


def begin_run(folder: Path, overrides: list[str]) -> Path:
    """A run's folder as Hydra makes it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
    return folder


def make_run(
    folder: Path, overrides: list[str], *, stage: str | None = None, finished: float = 0, age: float = 0
) -> Path:
    """The folder of a run that has trained; finished when it is given a stage."""
    begin_run(folder, overrides)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").touch()
    if stage:
        (folder / "summary.json").write_text(json.dumps({"stage": stage, "finished": finished}))
    os.utime(folder / ".hydra", (1e9 - age, 1e9 - age))
    return folder


def test_the_run_that_finished_last_is_taken_from_runs_and_sweeps(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "pnet" / "a", [], stage="pnet", finished=1)
    swept = make_run(tmp_path / "sweeps" / "s" / "0", [], stage="pnet", finished=3, age=50)
    make_run(tmp_path / "train" / "rnet" / "b", [], stage="rnet", finished=4)
    make_run(tmp_path / "train" / "pnet" / "stopped", [])
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == swept


@pytest.mark.parametrize("place", ["sweeps/s/lr/0.003/pnet", "sweeps/s", "train/mine", "train/pnet/mine/again"])
def test_runs_are_found_at_any_depth(place: str, tmp_path: Path) -> None:
    """As deep as `hydra.sweep.subdir` and `hydra.run.dir` put them."""
    make_run(tmp_path / "train" / "pnet" / "older", [], stage="pnet", finished=1)
    run = make_run(tmp_path / place, [], stage="pnet", finished=3)
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == run


def test_a_run_that_a_link_leads_to_is_found(tmp_path: Path) -> None:
    make_run(tmp_path / "elsewhere", [], stage="pnet", finished=1)
    link = tmp_path / "train" / "pnet" / "linked"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere")
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == link


@pytest.mark.parametrize("subdir", ["0", "lr/0.003/pnet"])
def test_a_multirun_finds_its_own_runs_wherever_they_are(
    subdir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = make_run(tmp_path / "sweeps" / "s" / "0", ["seed=1"], stage="pnet", finished=1)
    mine = make_run(tmp_path / "elsewhere" / subdir, ["seed=1"], stage="pnet", finished=3, age=50)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # put back as it was at the end
    places = [f"paths.output_dir={tmp_path}", f"hydra.sweep.dir={tmp_path}/elsewhere"]
    composed("train", [*places, "hydra.mode=RUN"])
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == older
    composed("train", [*places, "hydra.mode=MULTIRUN"])
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == mine


def test_whether_a_later_command_finds_a_run(tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    assert is_discoverable(make_run(output / "sweeps" / "s" / "lr" / "0", []), output)
    assert not is_discoverable(make_run(output / "mine", []), output)
    (output / "train" / "no_record").mkdir(parents=True)  # as `hydra.output_subdir=null` leaves it
    assert not is_discoverable(output / "train" / "no_record", output)


def test_without_a_finished_run_the_error_says_what_makes_one(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "rnet" / "stopped", [])
    with pytest.raises(WeightsError, match=r"no finished rnet run .*'python train.py net=rnet'.*upstream\.rnet=PATH"):
        latest_run(tmp_path, "rnet", "upstream.rnet")


@pytest.mark.parametrize(
    "text", ['{"stage": "pn', "[1]", '{"finished": 2}', '{"stage": "pnet"}', '{"stage": "pnet", "finished": "today"}']
)
def test_a_half_written_summary_is_not_a_finished_run(tmp_path: Path, text: str) -> None:
    run = make_run(tmp_path / "train" / "pnet" / "a", [])
    (run / "summary.json").write_text(text)
    with pytest.raises(WeightsError):
        latest_run(tmp_path, "pnet", "upstream.pnet")
    assert not has_finished_run(tmp_path, ["pnet"])
    whole = make_run(tmp_path / "train" / "pnet" / "b", [], stage="pnet", finished=1)
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == whole


def test_a_file_of_another_program_that_is_called_summary_is_passed_over(tmp_path: Path) -> None:
    run = make_run(tmp_path / "train" / "pnet" / "a", [])
    (run / "summary.json").write_text('{"total": 3}')
    finished = make_run(tmp_path / "train" / "pnet" / "b", [], stage="pnet", finished=1)
    assert latest_run(tmp_path, "pnet", "upstream.pnet") == finished


def test_a_command_goes_on_with_its_own_newest_run(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "pnet" / "older", ["net=pnet", "seed=1"], age=20)
    mine = make_run(tmp_path / "train" / "pnet" / "newer", ["seed=1", "net=pnet", "ckpt_path=last"], age=10)
    make_run(tmp_path / "train" / "pnet" / "other", ["net=pnet", "seed=2"], age=5)
    current = begin_run(tmp_path / "train" / "pnet" / "current", ["net=pnet", "ckpt_path=last", "seed=1"])
    assert last_run(tmp_path, current) == mine


def test_a_run_that_was_stopped_before_its_first_checkpoint_is_passed_over(tmp_path: Path) -> None:
    mine = make_run(tmp_path / "train" / "pnet" / "mine", ["net=pnet"], age=10)
    begin_run(tmp_path / "train" / "pnet" / "newer", ["net=pnet"])
    current = begin_run(tmp_path / "train" / "pnet" / "current", ["net=pnet", "ckpt_path=last"])
    assert last_run(tmp_path, current) == mine


def test_what_is_said_to_hydra_makes_no_other_command(tmp_path: Path) -> None:
    mine = make_run(tmp_path / "train" / "pnet" / "mine", ["net=pnet", "hydra.verbose=true"])
    to_hydra = ["hydra/job_logging=disabled", "hydra.job.name=again"]
    current = begin_run(tmp_path / "train" / "pnet" / "current", [*to_hydra, "net=pnet", "ckpt_path=last"])
    assert last_run(tmp_path, current) == mine


def test_a_command_goes_on_in_the_folder_that_it_names(tmp_path: Path) -> None:
    """`hydra.run.dir=FOLDER ckpt_path=last` began anew there, over the checkpoint."""
    make_run(tmp_path / "train" / "pnet" / "elsewhere", ["net=pnet"], age=5)
    current = make_run(tmp_path / "mine", ["net=pnet", "ckpt_path=last"])
    assert last_run(tmp_path, current) == current


def test_a_command_that_never_ran_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "pnet" / "other", ["net=pnet", "seed=2"])
    current = begin_run(tmp_path / "train" / "pnet" / "current", ["net=pnet", "ckpt_path=last"])
    assert last_run(tmp_path, current) is None


def test_runs_whose_overrides_refer_to_other_settings_are_compared_as_they_were_written(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "pnet" / "other", ["net=pnet", "data.seed=${oc.env:NOWHERE_SET}"], age=5)
    mine = make_run(tmp_path / "train" / "pnet" / "mine", ["net=pnet", "data.seed=${seed}"], age=10)
    current = begin_run(tmp_path / "train" / "pnet" / "current", ["net=pnet", "data.seed=${seed}", "ckpt_path=last"])
    assert last_run(tmp_path, current) == mine


@pytest.mark.parametrize("content", [b"", b"- net=pnet\n- [", b"\xff\xfe\x00", b"net: pnet", b"- ${"])
def test_a_run_whose_record_is_broken_is_passed_over(content: bytes, tmp_path: Path) -> None:
    """Not even a command without overrides goes on with it."""
    broken = make_run(tmp_path / "train" / "pnet" / "broken", [], age=5)
    (broken / ".hydra" / "overrides.yaml").write_bytes(content)
    os.utime(broken / ".hydra", (1e9, 1e9))
    mine = make_run(tmp_path / "train" / "pnet" / "mine", [], age=10)
    current = begin_run(tmp_path / "train" / "pnet" / "current", ["ckpt_path=last"])
    assert last_run(tmp_path, current) == mine


def test_whether_any_of_the_stages_was_trained(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "rnet" / "a", [], stage="rnet", finished=1)
    make_run(tmp_path / "train" / "pnet" / "stopped", [])
    assert has_finished_run(tmp_path, ["pnet", "rnet", "onet"])
    assert not has_finished_run(tmp_path, ["pnet"])


def test_the_networks_before_a_stage_are_those_chosen_and_else_the_newest(tmp_path: Path) -> None:
    make_run(tmp_path / "train" / "pnet" / "a", [], stage="pnet", finished=1)
    rnet = make_run(tmp_path / "train" / "rnet" / "a", [], stage="rnet", finished=1)
    chosen = {"pnet": "mine.ckpt", "rnet": None}
    assert upstream_paths("onet", chosen, tmp_path) == {"pnet": "mine.ckpt", "rnet": rnet}
    assert upstream_paths("rnet", chosen, tmp_path) == {"pnet": "mine.ckpt"}
    assert upstream_paths("pnet", {}, tmp_path) == {}


def test_an_earlier_network_of_the_stage_is_the_one_chosen_or_the_newest(tmp_path: Path) -> None:
    digests = []
    for finished, name in enumerate(("older", "newer")):
        run = make_run(tmp_path / "train" / "pnet" / name, [], stage="pnet", finished=finished)
        net = PNet()
        weights = {f"net.{key}": value for key, value in net.state_dict().items()}
        torch.save({"state_dict": weights, "hyper_parameters": {"net": "pnet"}}, run / "checkpoints/best.ckpt")
        digests.append(weights_digest(net))
    older, newer = digests
    by_name = {
        chosen: trained_net("pnet", chosen, tmp_path, "upstream.earlier")
        for chosen in (None, "newest", str(tmp_path / "train" / "pnet" / "older"))
    }
    assert [net and weights_digest(net) for net in by_name.values()] == [None, newer, older]


def test_networks_that_were_not_trained_together_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def run(name: str, weights: str, **upstream: str) -> Path:
        folder = make_run(tmp_path / "train" / name[:4] / name, [])
        summary = {"stage": name[:4], "finished": 1, "weights": weights, "upstream": upstream}
        (folder / "summary.json").write_text(json.dumps(summary))
        return folder

    old, new = run("pnet_1", "a"), run("pnet_2", "b")
    rnet, onet = run("rnet_1", "c", pnet="a"), run("onet_1", "d", pnet="a", rnet="c")
    assert mismatched_upstream({"pnet": old, "rnet": rnet, "onet": onet}) == {}
    assert mismatched_upstream({"pnet": new, "rnet": rnet, "onet": onet}) == {"rnet": "pnet", "onet": "pnet"}
    assert mismatched_upstream({"pnet": "pretrained", "rnet": rnet, "onet": onet}) == {}
    warn_of_mismatched_upstream({"pnet": new, "rnet": rnet})
    expected = "rnet was trained on patches mined by a different pnet: retrain it or choose matching runs"
    assert caplog.messages == [expected]
