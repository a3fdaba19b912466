"""The ledger of losses: which step of the cascade loses each true face, and what every step costs."""

from mtcnn_lit.ledger.balance import STEP_TITLES, Balance, FaceLoss
from mtcnn_lit.ledger.ledger import Ledger

__all__ = ["STEP_TITLES", "Balance", "FaceLoss", "Ledger"]
