"""Every configuration composes, has no argument that its target does not take, and says how it is run."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from mtcnn_lit.errors import UserError
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.build import build
from mtcnn_lit.experiment.build_experiment import build_experiment
from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.nets import PNet, RNet, WeightsError, load_net, weights_digest
from mtcnn_lit.nets.weights import save_net

CONFIGS = Path(__file__).parents[1] / "configs"
NEEDED = {
    "source": {name: ["source.root=somewhere"] for name in ("widerface", "coco", "yolo")},
    "input": {name: ["input.path=somewhere"] for name in ("image", "folder", "video")},
    "peer": {"facenet_pytorch": ["peer.python=somewhere"]},
}
ENTRIES = {
    "train": [
        "net",
        "net/classification_loss",
        "net/box_loss",
        "data",
        "source",
        "augment",
        "callbacks",
        "logger",
        "trainer",
        "experiment",
        "debug",
    ],
    "detect": ["input", "output", "detector", "detector/weights"],
    "evaluate": ["net", "data", "source", "detector", "detector/weights"],
    "benchmark": ["net", "data", "source", "augment", "trainer", "detector", "detector/weights", "peer"],
    "compare": ["paths"],
    "export": ["paths", "detector/weights"],
}
# An experiment is composed with what its own command line sets besides.
NEEDED["experiment"] = {
    path.stem: [
        word
        for line in path.read_text().splitlines()
        if line.startswith("#") and "python train.py" in line
        for word in line.split()
        if word.startswith("source")
    ]
    for path in (CONFIGS / "experiment").glob("*.yaml")
}
SCHEDULES = "torch.optim.lr_scheduler"
ALWAYS = {"detect": ["input.path=somewhere"]}


def composed(entry: str, overrides: list[str]) -> DictConfig:
    schema.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        always = ALWAYS.get(entry, []) if "input=webcam" not in overrides else []  # it has no path
        overrides = ["paths.run_dir=somewhere", *always, *overrides]
        config = compose(entry, overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return config


@pytest.fixture(scope="module")
def composed_once() -> DictConfig:
    return composed("train", [])


@pytest.fixture
def training(composed_once: DictConfig) -> DictConfig:
    """The default configuration of a training, to be changed: composing takes ten times as long as a copy."""
    return copy.deepcopy(composed_once)


def options() -> list[tuple[str, str, str]]:
    return [
        (entry, group, path.stem)
        for entry, groups in ENTRIES.items()
        for group in groups
        for path in sorted((CONFIGS / group).glob("*.yaml"))
    ]


@pytest.mark.parametrize(("entry", "group", "name"), options())
def test_every_option_composes_and_fits_its_targets(entry: str, group: str, name: str) -> None:
    config = composed(entry, [f"{group}={name}", *NEEDED.get(group, {}).get(name, [])])
    check_config(config)
    OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize("entry", ["detect", "evaluate", "benchmark", "export"])
def test_one_word_takes_the_released_weights(entry: str) -> None:
    config = composed(entry, ["detector/weights=pretrained", "detector.weights.pnet=run"])
    assert config.detector.weights == {"pnet": "run", "rnet": "pretrained", "onet": "pretrained"}
    assert composed(entry, []).detector.weights == {"pnet": None, "rnet": None, "onet": None}


@pytest.mark.parametrize("net", ["pnet", "rnet", "onet"])
def test_net_switches_network_miner_and_sizes_together(net: str) -> None:
    config = composed("train", [f"net={net}"])
    assert config.stage == net
    assert config.net["_target_"] == f"mtcnn_lit.stages.{net[0].upper()}NetStage"
    assert config.data.miner.size == {"pnet": 12, "rnet": 24, "onet": 48}[net]
    assert config.trainer.max_epochs == config.epochs[net]


def test_a_sweep_with_net_last_trains_one_cascade_after_the_other() -> None:
    overrides = OverridesParser.create().parse_overrides(["seed=1,2", "net=pnet,rnet,onet"])
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    assert [" ".join(job) for job in jobs] == [
        "seed=1 net=pnet",
        "seed=1 net=rnet",
        "seed=1 net=onet",
        "seed=2 net=pnet",
        "seed=2 net=rnet",
        "seed=2 net=onet",
    ]


@pytest.mark.parametrize(("net", "size"), [("pnet", 12), ("rnet", 24), ("onet", 48)])
def test_an_evaluation_of_one_network_mines_for_it(net: str, size: int) -> None:
    config = composed("evaluate", [f"net={net}", "data.miner.seed=3"])
    assert config.stage == net
    assert (config.data.miner.size, config.data.miner.seed) == (size, 3)


def test_an_evaluation_is_of_the_whole_cascade_by_default() -> None:
    config = composed("evaluate", [])
    assert (config.stage, config.net, config.data) == (None, None, None)


@pytest.mark.parametrize(
    ("overrides", "outputs"),
    [
        (["input=video"], {"video"}),
        (["input=webcam"], {"window"}),
        (["input=webcam", "output=stream"], {"stream"}),
        (["output=[window,json]", "input=webcam"], {"window", "json"}),
    ],
)
def test_an_input_of_frames_has_an_output_of_its_own_unless_another_is_chosen(
    overrides: list[str], outputs: set[str]
) -> None:
    assert set(composed("detect", overrides).output) - {"path"} == outputs


@pytest.mark.parametrize(
    ("has_bfloat16", "trainer", "expected"),
    [(False, "cpu", "32-true"), (True, "cpu", "bf16-mixed"), (False, "gpu", "bf16-mixed")],
)
@pytest.mark.parametrize("experiment", ["release", "release_last"])
@pytest.mark.parametrize("net", ["rnet", "onet"])
def test_a_release_trains_in_the_precision_that_is_fast_here(
    monkeypatch: pytest.MonkeyPatch, net: str, experiment: str, has_bfloat16: bool, trainer: str, expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": has_bfloat16}, raising=False)
    chosen = [f"net={net}", f"trainer={trainer}", f"experiment={experiment}"]
    config = composed("train", [*chosen, "source=widerface", "source.root=somewhere"])
    assert config.trainer.precision == expected


@pytest.mark.parametrize("path", sorted((CONFIGS / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiments_open_with_their_command_and_figure(path: Path) -> None:
    head = [line for line in path.read_text().splitlines()[:8] if line.startswith("#")]
    assert any(f"experiment={path.stem}" in line and "python train.py" in line for line in head)
    assert any(line.startswith("# Reached: ") for line in head)


@pytest.mark.parametrize("experiment", ["quick", "synthetic", "release", "release_first", "release_last"])
def test_a_debug_run_of_an_experiment_validates_its_one_epoch(experiment: str) -> None:
    config = composed("train", ["debug=default", f"experiment={experiment}"])
    assert (config.trainer.max_epochs, config.trainer.check_val_every_n_epoch) == (1, 1)


def test_a_wrong_argument_below_the_top_is_named_with_the_nearest_right_one() -> None:
    config = composed("train", [])
    with open_dict(config):
        config.callbacks.checkpoint.save_lats = True
    with pytest.raises(ConfigError, match=r"^callbacks\.checkpoint\.save_lats: .* did you mean save_last\?$"):
        check_config(config)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["net.batch_norm=no"], "net.batch_norm: must be true or false, not no"),
        (["net=rnet", "data.miner.squared_faces=off"], "data.miner.squared_faces: must be true or false, not off"),
        (["+net.optimizer.amsgrad=1"], "net.optimizer.amsgrad: must be true or false, not 1"),
        (["net.optimizer.lr=abc"], "net.optimizer.lr: must be a number, not abc"),
        (["net.box_loss_weight=abc"], "net.box_loss_weight: must be a number, not abc"),
        (["trainer.max_epochs=abc"], "trainer.max_epochs: must be a whole number, not abc"),
        (
            ["callbacks.early_stopping.patience=abc"],
            "callbacks.early_stopping.patience: must be a whole number, not abc",
        ),
    ],
)
def test_a_word_is_neither_a_truth_value_nor_a_number(overrides: list[str], message: str) -> None:
    """To Hydra `no` and `off` are words, and to Python these are true."""
    with pytest.raises(ConfigError) as error:
        check_config(composed("train", overrides))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["net=rnet", "data.miner.recall=0.9"], "data.miner.recall: must be a list, such as [0.9], not 0.9"),
        (["net=rnet", "data.miner.recall=[a]"], "data.miner.recall[0]: must be a number, not a"),
        (["data.ratio=1"], "data.ratio: must be a list, such as [1], not 1"),
        (["data.ratio=[1,null,3]"], "data.ratio[1]: must have a value"),
        (["+net.optimizer.betas=0.9"], "net.optimizer.betas: must be a list, such as [0.9], not 0.9"),
        (["source.image_size=big"], "source.image_size: must be a list, such as [big], not big"),
    ],
)
def test_a_list_is_no_single_value(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_config(composed("train", overrides))
    assert str(error.value) == message


@pytest.mark.parametrize(
    "key",
    [
        "data.thresholds",
        "data.thresholds.part",
        "data.miner",
        "data.batch_size",
        "net.optimizer",
        "net.optimizer.lr",
        "net.batch_norm",
        "source.num_images",
        "callbacks.early_stopping.monitor",
        "augment.transforms",
    ],
)
def test_null_is_no_value_where_one_is_needed(training: DictConfig, key: str) -> None:
    OmegaConf.update(training, key, None)
    with pytest.raises(ConfigError) as error:
        check_config(training)
    assert str(error.value) == f"{key}: must have a value"


@pytest.mark.parametrize(
    "key",
    [
        "net.scheduler",
        "data.workers",
        "callbacks.early_stopping",
        "trainer.max_time",
        "logger.name",
        "logger.version",
        "trainer.plugins",
        "trainer.check_val_every_n_epoch",
        "net.optimizer.foreach",
        "data.augment",
    ],
)
def test_null_is_a_value_where_it_means_something(training: DictConfig, key: str) -> None:
    OmegaConf.update(training, key, None, force_add=True)
    check_config(training)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+source.num_images.trian=50"], "source.num_images.trian: no such key; did you mean train?"),
        (
            ["source=coco", "source.root=any", "+source.images.validation=any"],
            "source.images.validation: no such key; there are train, val, test",
        ),
        (
            ["source=coco", "source.root=any", "+source.annotations.tset=any"],
            "source.annotations.tset: no such key; did you mean test?",
        ),
    ],
)
def test_a_split_that_there_is_not_is_named_with_the_nearest_right_one(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_config(composed("train", overrides))
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["2", "auto", "[0, 1]"])
def test_a_parameter_that_takes_a_word_or_a_number_takes_both(value: str) -> None:
    check_config(composed("train", [f"trainer.devices={value}", "+net.optimizer.foreach=null"]))


def test_a_target_that_does_not_exist_is_named() -> None:
    config = composed("train", ["net._target_=mtcnn_lit.stages.QNetStage"])
    with pytest.raises(ConfigError, match=r"^net\._target_: no such class or function: mtcnn_lit\.stages\.QNetStage$"):
        check_config(config)


def test_a_missing_value_is_named() -> None:
    config = composed("train", ["source=widerface"])
    with pytest.raises(ConfigError, match=r"^source\.root has no value: set it with source\.root=…$"):
        check_config(config)


@pytest.mark.parametrize("name", ["default", "none"])
def test_augmentations_build(name: str) -> None:
    made = build(composed("train", [f"augment={name}"]).augment, "augment")
    pixels, offsets = np.full((2, 12, 12, 3), 9, np.uint8), np.zeros((2, 4), np.float32)
    assert made(pixels, offsets, np.random.SeedSequence(0))[0].shape == (2, 12, 12, 3)


@pytest.mark.parametrize("net", ["pnet", "rnet", "onet"])
def test_stages_callbacks_and_trainer_build(net: str, tmp_path: Path) -> None:
    config = composed(
        "train", [f"net={net}", f"paths.output_dir={tmp_path}", "source.num_images={train: 2, val: 2, test: 2}"]
    )
    OmegaConf.update(config, "paths.run_dir", str(tmp_path))
    for name, stage in {"pnet": PNet, "rnet": RNet}.items():
        checkpoint = {"state_dict": {f"net.{key}": value for key, value in stage().state_dict().items()}}
        torch.save({**checkpoint, "hyper_parameters": {"net": name}}, tmp_path / f"{name}.ckpt")
        OmegaConf.update(config, f"upstream.{name}", str(tmp_path / f"{name}.ckpt"))
    experiment = build_experiment(config)
    assert experiment.stage.name == net
    assert experiment.data.miner.size == {"pnet": 12, "rnet": 24, "onet": 48}[net]
    assert list(experiment.upstream) == {"pnet": [], "rnet": ["pnet"], "onet": ["pnet", "rnet"]}[net]
    assert experiment.trainer.max_epochs == 16
    kinds = {type(callback).__name__ for callback in experiment.trainer.callbacks}
    assert {
        "CascadeAP",
        "RenderDetections",
        "ScoreHistogram",
        "PatchSheet",
        "ModelCheckpoint",
        "EarlyStopping",
    } <= kinds


def test_a_callback_that_is_null_is_left_out(tmp_path: Path) -> None:
    few = ["source.num_images={train: 2, val: 2, test: 2}", f"paths.output_dir={tmp_path}"]
    experiment = build_experiment(composed("train", [*few, "callbacks.early_stopping=null"]))
    assert "EarlyStopping" not in {type(callback).__name__ for callback in experiment.trainer.callbacks}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["net.optimizer.lr=-1"], r"net\.optimizer: Invalid learning rate: -1"),
        (["net.optimizer.weight_decay=-1"], r"net\.optimizer: Invalid weight_decay value: -1"),
        (["net.optimizer.fused=true", "+net.optimizer.foreach=true"], r"net\.optimizer: .*fused.*foreach"),
        (["net.scheduler.pct_start=2"], r"net\.scheduler: .*pct_start"),
        (["net.classification_loss.keep=2"], r"net\.classification_loss\.keep: must be from 0 to 1, not 2$"),
        (["net.box_loss_weight=-1"], r"net\.box_loss_weight: must be 0 or more, not -1$"),
        (["net.box_loss_weight=nan"], r"net\.box_loss_weight: must be 0 or more, not nan$"),
        (["net.box_loss.beta=-1"], r"net\.box_loss\.beta: must be 0 or more, not -1$"),
        (["net.optimizer._target_=torch.optim.Adagrad"], r"net\.scheduler: .*momentum"),
        (
            ["~net.scheduler.max_lr", "~net.scheduler.pct_start", f"net.scheduler._target_={SCHEDULES}.StepLR"],
            r"net\.scheduler: .*step_size",
        ),
        (
            [
                "~net.scheduler.max_lr",
                "~net.scheduler.pct_start",
                f"net.scheduler._target_={SCHEDULES}.ReduceLROnPlateau",
            ],
            r"net\.scheduler: ReduceLROnPlateau waits for a metric, and none is given; take another one$",
        ),
    ],
)
def test_what_optimiser_schedule_and_losses_refuse_is_told_before_mining(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    few = ["source.num_images={train: 2, val: 2, test: 2}", f"paths.output_dir={tmp_path}"]
    config = composed("train", [*few, *overrides])
    check_config(config)
    with pytest.raises(UserError, match=f"^{message}"):
        build_experiment(config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.logger=false", "trainer.logger: is set by the run itself; leave it out, or take logger=NAME"),
        ("+trainer.callbacks=[]", "trainer.callbacks: is set by the run itself; leave it out, or set callbacks.NAME"),
        ("+data.augment=null", "data.augment: is set by the run itself; leave it out, or take augment=none"),
        ("+data.train=null", "data.train: is set by the run itself; leave it out"),
        ("+source.split=test", "source.split: is set by the run itself; leave it out"),
        ("+net.start=pretrained", "net.start: is set by the run itself; leave it out, or take init_from=RUN"),
        ("+callbacks.cascade_ap.source=x", "callbacks.cascade_ap.source: is set by the run itself; leave it out"),
        (
            "+net.scheduler.total_steps=9",
            "net.scheduler.total_steps: is set by the run itself; leave it out, or change epochs",
        ),
        (
            "+callbacks.early_stoping={patience: 3}",
            "callbacks.early_stoping: no such callback; did you mean early_stopping?",
        ),
        ("+callbacks.qwertz=3", "callbacks.qwertz: no such callback; give it a _target_"),
        (
            "+trainer.max_time=10",
            "trainer.max_time: must be days:hours:minutes:seconds, such as 00:00:10:00 for ten minutes, not 10",
        ),
    ],
)
def test_what_a_run_sets_itself_and_what_would_be_a_traceback_later_are_refused(
    override: str, message: str, tmp_path: Path
) -> None:
    few = ["source.num_images={train: 2, val: 2, test: 2}", f"paths.output_dir={tmp_path}"]
    with pytest.raises(UserError) as error:
        build_experiment(composed("train", [*few, override]))
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["00:00:10:00", "{minutes: 10}"])
def test_a_time_limit_is_taken(value: str, tmp_path: Path) -> None:
    few = ["source.num_images={train: 2, val: 2, test: 2}", f"paths.output_dir={tmp_path}"]
    build_experiment(composed("train", [*few, f"+trainer.max_time={value}"]))


def test_training_behind_networks_that_were_not_trained_together_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, net, told in (("pnet", PNet(), {}), ("rnet", RNet(), {"upstream": {"pnet": "of another one"}})):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        state = {f"net.{key}": value for key, value in net.state_dict().items()}
        torch.save({"state_dict": state, "hyper_parameters": {"net": name}}, tmp_path / name / "checkpoints/best.ckpt")
        summary = {"stage": name, "finished": 1, "weights": weights_digest(net), **told}
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
    runs = [f"upstream.{name}={tmp_path / name}" for name in ("pnet", "rnet")]
    few = ["source.num_images={train: 2, val: 2, test: 2}", f"paths.output_dir={tmp_path}"]
    build_experiment(composed("train", ["net=onet", *few, *runs]))
    expected = "rnet was trained on patches mined by a different pnet: retrain it or choose matching runs"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [expected]


def test_a_network_starts_from_given_weights(tmp_path: Path) -> None:
    places = [
        f"paths.output_dir={tmp_path}",
        "upstream.pnet=pretrained",
        "source.num_images={train: 2, val: 2, test: 2}",
    ]
    released = weights_digest(load_net("pretrained", "rnet"))
    fresh = build_experiment(composed("train", ["net=rnet", *places]))
    again = build_experiment(composed("train", ["net=rnet", *places, "init_from=pretrained"]))
    assert weights_digest(fresh.stage.net) != released
    assert weights_digest(again.stage.net) == released
    assert again.stage.net.training


def test_a_network_does_not_start_from_another_ones_weights(tmp_path: Path) -> None:
    save_net(PNet(), "pnet", tmp_path / "pnet.safetensors", {})
    config = composed("train", ["net=rnet", "upstream.pnet=pretrained", f"init_from={tmp_path}/pnet.safetensors"])
    with pytest.raises(WeightsError, match="holds weights of pnet, but rnet is asked for"):
        build_experiment(config)
