"""What anyone may ask a server without proving who it is."""

from chassis import interceptors


def test_only_health_and_reflection_are_open() -> None:
    """Nothing else is exempt from the table."""
    assert interceptors.OPEN_SERVICES == ("/grpc.health.v1.Health/", "/grpc.reflection.")
