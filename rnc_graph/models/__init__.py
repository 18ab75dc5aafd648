"""Trained models: an ensemble of members, its intervals and domain, and how it is kept."""

from rnc_graph.models.attribution import Explanation, explain_smiles
from rnc_graph.models.comparison import Comparison, common_targets, compare_models
from rnc_graph.models.evaluation import LEVEL, Evaluation, evaluate_predictions
from rnc_graph.models.inference import (
    BLOCK,
    embed_smiles,
    predict_smiles,
    prediction_frame,
    stream_features,
)
from rnc_graph.models.model import MoleculeModel, Predictions
from rnc_graph.models.nearest import TrainingMolecules
from rnc_graph.models.saving import load_model, save_model
from rnc_graph.models.settings import ModelSettings, make_settings
from rnc_graph.models.train import train_model
from rnc_graph.models.user_warnings import (
    BadMoleculeWarning,
    FewValuesWarning,
    IntervalWarning,
    NoNetworkWarning,
)

__all__ = [
    "BLOCK",
    "LEVEL",
    "BadMoleculeWarning",
    "Comparison",
    "Evaluation",
    "Explanation",
    "FewValuesWarning",
    "IntervalWarning",
    "ModelSettings",
    "MoleculeModel",
    "NoNetworkWarning",
    "Predictions",
    "TrainingMolecules",
    "common_targets",
    "compare_models",
    "embed_smiles",
    "evaluate_predictions",
    "explain_smiles",
    "load_model",
    "make_settings",
    "predict_smiles",
    "prediction_frame",
    "save_model",
    "stream_features",
    "train_model",
]
