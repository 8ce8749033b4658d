"""Each room's environment holds what it needs and nothing of the others'."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis import errors, identity
from ultrathink_cli.compose import keys, rooms
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.outbound import folders

ROOMS = ("gateway", "claims", "scoring", "storage")
DOORS = addresses.Addresses(8080, 50051, scoring=50052, storage=50053, streams=(50054, 50055, 50056))
SECRETS = {
    "DATABASE_URL": "postgresql://app:s3cret@db/claims",
    "DATABASE_OWNER_URL_FILE": "owner-url",
    "OBJECT_STORE_URL": "s3://claims",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Layout:
    """A prepared data directory; the person's environment holds no data credentials yet."""
    for name in (*rooms.DATA_CREDENTIALS, rooms.KEPT):
        monkeypatch.delenv(name, raising=False)
    files = layout.Layout(tmp_path / "data")
    keys.prepare(files, "dev")
    return files


def _environments(files: layout.Layout, auth: str = "dev") -> dict[str, dict[str, str]]:
    return rooms.environments(files, identity.create_keys(files.keys, layout.IDENTITIES), DOORS, auth)


def test_only_storage_gets_credentials_for_data(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room that is broken into cannot reach the record behind storage's back."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    environments = _environments(files)
    assert environments["storage"].items() >= SECRETS.items()
    for room in ("gateway", "claims", "scoring"):
        assert not SECRETS.keys() & environments[room].keys()
        assert not set(SECRETS.values()) & set(environments[room].values())


def test_each_room_gets_its_own_private_key_and_everybodys_public_keys(files: layout.Layout) -> None:
    """No room can sign as another."""
    environments = _environments(files)
    keys = {room: Path(environments[room]["ULTRATHINK_SERVICE_KEY_FILE"]) for room in ROOMS}
    assert {room: key.stem for room, key in keys.items()} == {room: room for room in ROOMS}
    for room in ROOMS:
        others = {str(key) for other, key in keys.items() if other != room}
        assert not others & set(environments[room].values())
    assert len({environments[room]["ULTRATHINK_SERVICE_KEYS_FILE"] for room in ROOMS}) == 1


def test_only_claims_gets_the_key_of_patients(files: layout.Layout) -> None:
    """What turns identities into keys lies with the one room that needs it."""
    holders = [room for room, own in _environments(files).items() if str(files.patient_key) in own.values()]
    assert holders == ["claims"]


def test_decisions_about_arms_are_kept_in_the_data_directory(files: layout.Layout) -> None:
    """A model promoted on a platform is still promoted when it is started again; no other room looks."""
    environments = _environments(files)
    assert environments["scoring"]["ULTRATHINK_ARMS_STATE_DIR"] == str(files.data / "arms")
    assert [room for room in ROOMS if "ULTRATHINK_ARMS_STATE_DIR" in environments[room]] == ["scoring"]


def test_targets_go_to_those_who_call_and_each_room_binds_its_own(files: layout.Layout) -> None:
    """Gateway and claims know the doors; storage and scoring call nobody."""
    environments = _environments(files)
    for room in ("gateway", "claims"):
        assert environments[room]["ULTRATHINK_STORAGE_TARGET"] == "127.0.0.1:50053"
        assert environments[room]["ULTRATHINK_SCORING_TARGET"] == "127.0.0.1:50052"
    for room in ("storage", "scoring"):
        assert not [name for name in environments[room] if name.endswith("_TARGET")]
    assert environments["storage"]["ULTRATHINK_GRPC_BIND"] == "127.0.0.1:50053"
    assert environments["scoring"]["ULTRATHINK_GRPC_BIND"] == "127.0.0.1:50052"
    assert environments["claims"]["ULTRATHINK_GRPC_BIND"] == "127.0.0.1:50051"
    assert environments["gateway"]["ULTRATHINK_HTTP_BIND"] == "127.0.0.1:8080"


def test_our_own_and_tracing_variables_pass_to_every_room(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting made in the shell reaches the room it is meant for."""
    monkeypatch.setenv("ULTRATHINK_LOG_LEVEL", "debug")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    for own in _environments(files).values():
        assert own["ULTRATHINK_LOG_LEVEL"] == "debug"
        assert own["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4317"


def test_a_persons_token_and_foreign_variables_stay_with_the_person(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no room needs, no room has."""
    monkeypatch.setenv("ULTRATHINK_TOKEN", "bearer")
    monkeypatch.setenv("GITHUB_TOKEN", "foreign")
    for own in _environments(files).values():
        assert "ULTRATHINK_TOKEN" not in own
        assert "GITHUB_TOKEN" not in own


def test_the_development_issuer_is_trusted_only_when_asked_for(files: layout.Layout) -> None:
    """With a real issuer a token of the data directory opens nothing."""
    name = "ULTRATHINK_DEVELOPMENT_KEYS_FILE"
    trusting = [room for room, own in _environments(files).items() if name in own]
    assert trusting == ["gateway", "claims"]
    assert not [own for own in _environments(files, "oidc").values() if name in own]


def test_without_a_named_store_objects_lie_in_the_data_directory(files: layout.Layout) -> None:
    """A person who names nothing loses nothing."""
    assert _environments(files)["storage"]["OBJECT_STORE_URL"] == files.objects.as_uri()


def test_one_process_waits_for_the_database(files: layout.Layout) -> None:
    """`--single` composes every room's settings in one process, which cannot begin without data."""
    settings = _environments(files)
    assert rooms.rooms_without_data(files, settings, single=True) == []
    (whole,) = rooms.rooms_with_data(files, None, settings, single=True)
    assert whole.name == "platform"


def test_rooms_that_hold_no_data_need_not_wait_for_it(files: layout.Layout) -> None:
    """Only storage is started after the database; the order is that of dependence."""
    settings = _environments(files)
    early = rooms.rooms_without_data(files, settings, single=False)
    late = rooms.rooms_with_data(files, None, settings, single=False)
    assert [child.name for child in (*late, *early)] == ["storage", "scoring", "claims", "gateway"]
    assert [child.name for child in late] == ["storage"]


def test_secrets_are_for_their_owner_alone(files: layout.Layout) -> None:
    """Neither keys nor claims can be read by another user of the machine."""
    for folder in (files.keys, files.objects, files.logs, files.spool):
        assert folder.stat().st_mode & 0o777 == 0o700
    private = [
        files.patient_key,
        files.issuer_key,
        *(files.keys / f"{name}.pem" for name in layout.IDENTITIES),
    ]
    for file in private:
        assert file.stat().st_mode & 0o777 == 0o600


def test_preparing_again_keeps_every_key(files: layout.Layout) -> None:
    """A restart neither logs anybody out nor forgets who a patient is."""
    before = {path.name: path.read_bytes() for path in files.keys.iterdir()}
    keys.prepare(files, "dev")
    assert {path.name: path.read_bytes() for path in files.keys.iterdir()} == before
    assert len(bytes.fromhex(files.patient_key.read_text())) == keys.PATIENT_KEY_BYTES


def test_with_a_real_issuer_no_development_issuer_is_made(tmp_path: Path) -> None:
    """Nobody can issue tokens from a folder that should not be able to."""
    files = layout.Layout(tmp_path / "data")
    keys.prepare(files, "oidc")
    assert not files.issuer_key.exists()


def test_a_token_without_an_issuer_says_what_to_do(tmp_path: Path) -> None:
    """The person learns which folder was looked into and how to get an issuer."""
    with pytest.raises(errors.NotFound, match=r"issuer\.not_found") as refused:
        keys.token(layout.Layout(tmp_path), tenant="demo", roles=("biller",), subject="s")
    assert str(tmp_path) in refused.value.message


@pytest.mark.parametrize(
    ("variable", "find", "what"),
    [
        ("ULTRATHINK_PACKS_DIR", folders.packs, "rule packs"),
        ("ULTRATHINK_BUNDLE_DIR", folders.bundle, "model bundle"),
        ("ULTRATHINK_ANOMALY_BUNDLE_DIR", folders.anomaly_bundle, "anomaly bundle"),
    ],
)
def test_a_missing_folder_is_named_with_its_variable(
    variable: str, find: Callable[[], Path], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing, where it was looked for, and what to set."""
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(errors.NotFound, match=r"folder\.not_found") as refused:
        find()
    for word in (what, variable, "nowhere"):
        assert word in refused.value.message


def test_a_named_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own packs and an own model need no change of the product."""
    monkeypatch.setenv("ULTRATHINK_PACKS_DIR", str(tmp_path))
    for name in ("denial-demo", "anomaly-demo"):
        (tmp_path / "models" / name).mkdir(parents=True)
    monkeypatch.delenv("ULTRATHINK_BUNDLE_DIR", raising=False)
    monkeypatch.delenv("ULTRATHINK_ANOMALY_BUNDLE_DIR", raising=False)
    assert folders.packs() == tmp_path
    assert folders.bundle() == tmp_path / "models" / "denial-demo"
    assert folders.anomaly_bundle() == tmp_path / "models" / "anomaly-demo"


def test_a_named_database_starts_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever brings a database gets no second one."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/claims")
    with rooms.embedded_database(layout.Layout(tmp_path)) as server:
        assert server is None
    assert not list(tmp_path.iterdir())


def test_every_room_lets_the_waiting_thread_poll(files: layout.Layout) -> None:
    """How gRPC is set travels with its environment: each room's messages cost a third less."""
    for own in _environments(files).values():
        assert own["GRPC_EXPERIMENTS"] == os.environ["GRPC_EXPERIMENTS"]


def test_every_room_computes_on_one_thread_unless_a_person_says_otherwise(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes are what scales; threads of a library would only wait beside them."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert {own["OPENBLAS_NUM_THREADS"] for own in _environments(files).values()} == {"1"}
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert {own["OPENBLAS_NUM_THREADS"] for own in _environments(files).values()} == {"2"}


def test_a_target_that_a_person_names_is_where_others_call_and_not_where_the_room_listens(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy or a mesh may stand between rooms; one process that holds all rooms calls nobody."""
    monkeypatch.setenv("ULTRATHINK_STORAGE_TARGET", "127.0.0.1:7000")
    made = _environments(files)
    assert made["claims"]["ULTRATHINK_STORAGE_TARGET"] == "127.0.0.1:7000"
    assert made["claims"]["ULTRATHINK_SCORING_TARGET"] == "127.0.0.1:50052"
    assert made["storage"]["ULTRATHINK_GRPC_BIND"] == "127.0.0.1:50053"


def test_batch_streams_have_doors_of_their_own_unless_a_person_named_a_target(
    files: layout.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts a proxy in front of a room and names no second one gets everything through it."""
    monkeypatch.setenv("ULTRATHINK_STORAGE_TARGET", "127.0.0.1:7000")
    made = _environments(files)
    assert made["claims"]["ULTRATHINK_SCORING_STREAMS"] == made["scoring"]["ULTRATHINK_STREAMS_BIND"]
    assert made["gateway"]["ULTRATHINK_CLAIMS_STREAMS"] == made["claims"]["ULTRATHINK_STREAMS_BIND"]
    assert made["claims"]["ULTRATHINK_STORAGE_STREAMS"] == ""
    assert made["storage"]["ULTRATHINK_STREAMS_BIND"] == "127.0.0.1:50056"
