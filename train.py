"""Train one stage of the cascade: ``python train.py net=pnet|rnet|onet``, or all with ``-m net=pnet,rnet,onet``."""

if __name__ == "__main__":
    # Worker processes import this file again, and need none of this.
    from pathlib import Path

    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.fit import fit

    run(fit, str(Path(__file__).parent / "configs"), "train")
