"""Settings of storage: nonsense is refused at the start, secrets stay secret, a mounted file wins."""

from pathlib import Path

import pydantic
import pytest

from storage import settings

SECRET = "postgresql://app:hunter2@db/ultrathink"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shard", ""),
        ("shard", "Pod-1"),
        ("shard", "-s0"),
        ("shard", "s" * 32),
        ("shard", "s0.1"),
        ("writers", 0),
        ("writers", 9),
        ("group_bytes", 1_000),
        ("pool_min", 0),
        ("pool_max", 1),
        ("statement_seconds", 0),
        ("acquire_seconds", -1),
        ("object_max_bytes", 1),
        ("anchor_seconds", 0),
        ("house_seconds", 0),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name: str, value: object) -> None:
    """A service that could not work does not start, and says which setting is wrong."""
    with pytest.raises(pydantic.ValidationError, match=name):
        settings.Settings.model_validate({name: value})


def test_settings_are_frozen() -> None:
    """What a service began with is what it runs with."""
    made = settings.Settings.model_validate({"shard": "pod-7"})
    with pytest.raises(pydantic.ValidationError):
        made.shard = "s0"  # type: ignore[misc]  # refusing this is the point
    assert made.shard == "pod-7"


def test_a_password_shows_in_no_representation() -> None:
    """Settings may be logged or shown in a traceback; the password in an address may not."""
    made = settings.Settings.model_validate({"database_url": SECRET, "database_owner_url": SECRET})
    assert "hunter2" not in repr(made)
    assert "hunter2" not in str(made)
    assert "hunter2" not in made.model_dump_json()
    assert made.dsn() == SECRET


def test_a_mounted_file_wins_and_its_last_newline_does_not_count(tmp_path: Path) -> None:
    """Secrets mounted by a cluster end with a newline and stand above the environment."""
    mounted = tmp_path / "url"
    mounted.write_text("postgresql://file/db\n")
    made = settings.Settings.model_validate({"database_url": SECRET, "database_url_file": mounted})
    assert made.dsn() == "postgresql://file/db"


def test_migrations_log_in_as_the_service_unless_told_otherwise(tmp_path: Path) -> None:
    """One address is enough for a start; an owner's, by value or by file, is used for migrations alone."""
    assert settings.Settings.model_validate({"database_url": SECRET}).owner_dsn() == SECRET
    owner = {"database_url": SECRET, "database_owner_url": "postgresql://owner/db"}
    assert settings.Settings.model_validate(owner).owner_dsn() == "postgresql://owner/db"
    mounted = tmp_path / "owner"
    mounted.write_text(" postgresql://mounted/db ")
    found = settings.Settings.model_validate(owner | {"database_owner_url_file": mounted})
    assert found.owner_dsn() == "postgresql://mounted/db"
    assert found.dsn() == SECRET


def test_the_environments_usual_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that other tools use work without the house's prefix."""
    monkeypatch.setenv("DATABASE_URL", SECRET)
    monkeypatch.setenv("OBJECT_STORE_URL", "s3://bucket/prefix")
    made = settings.Settings()
    assert (made.dsn(), made.object_store_url) == (SECRET, "s3://bucket/prefix")
