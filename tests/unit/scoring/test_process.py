"""The serving process stays lean: no training library, no claim model, and its settings are frozen."""

import subprocess
import sys

import pydantic
import pytest

from scoring import settings

FORBIDDEN = (
    "sklearn",
    "pandas",
    "xgboost",
    "lightgbm",
    "scipy",
    "onnx",
    "shap",
    "formats",
    "training",
    "pickle5",
)


def test_serving_imports_no_training_library():
    """Everything compose needs, imported in a fresh process, brings none of the heavy packages."""
    script = (
        "import sys; from scoring import __main__, compose;"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_settings_are_frozen_and_bounded():
    """A setting cannot be changed after it was read, nor be nonsense."""
    read = settings.ScoringSettings()
    with pytest.raises(pydantic.ValidationError):
        read.scoring_threads = 2  # type: ignore[misc]  # what may not be done
    with pytest.raises(pydantic.ValidationError):
        settings.ScoringSettings(scoring_threads=0)


def test_the_default_bundle_is_the_repositorys():
    """Without settings the demo's bundle is served."""
    assert settings.ScoringSettings().bundle_dir.as_posix() == "packs/models/denial-demo"
