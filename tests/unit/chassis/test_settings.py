"""Settings say what they mean, come from the environment and cannot change afterwards."""

from pathlib import Path

import pydantic
import pytest

from chassis import settings


def test_every_field_explains_itself() -> None:
    """Each setting has a sentence on its meaning, default and reason."""
    for name, field in settings.ServiceSettings.model_fields.items():
        assert field.description, name
        assert "Default" in field.description, name


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """ULTRATHINK_ and the name in capitals; an empty variable is as good as none."""
    monkeypatch.setenv("ULTRATHINK_GRPC_BIND", "0.0.0.0:50051")
    monkeypatch.setenv("ULTRATHINK_SERVICE_KEY_FILE", "/run/secrets/key.pem")
    monkeypatch.setenv("ULTRATHINK_DRAIN_SECONDS", "")
    read = settings.ServiceSettings()
    assert read.grpc_bind == "0.0.0.0:50051"
    assert read.service_key_file == Path("/run/secrets/key.pem")
    assert read.drain_seconds == 10


def test_they_are_frozen() -> None:
    """Nobody changes a setting of a running process."""
    with pytest.raises(pydantic.ValidationError):
        settings.ServiceSettings().grpc_bind = "elsewhere"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [("drain_seconds", -1), ("drain_seconds", 301), ("trace_ratio", 1.1), ("log_level", "loud"),
     ("max_concurrent_calls", 0)],
)  # fmt: skip
def test_nonsense_is_refused(name: str, value: object) -> None:
    """A setting outside its range stops the start, not the service later."""
    with pytest.raises(pydantic.ValidationError):
        settings.ServiceSettings.model_validate({name: value})


def test_a_service_extends_them() -> None:
    """A service's own settings are read the same way."""

    class OwnSettings(settings.ServiceSettings):
        own_target: str = "127.0.0.1:1"
        """Default loopback."""

    assert OwnSettings().own_target == "127.0.0.1:1"
    assert OwnSettings.model_fields["own_target"].description
