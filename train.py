"""Train one stage of the cascade: ``python train.py net=pnet|rnet|onet``, or all with ``-m net=pnet,rnet,onet``."""

if __name__ == "__main__":
    # Worker processes import this file again, and need none of this.
    from mtcnn_lit.experiment.commands import train

    train()
