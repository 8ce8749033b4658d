"""`python -m scoring`: settings → compose → serve."""

import functools

from chassis import server
from scoring import compose, settings


def main() -> None:
    """Serve until SIGTERM."""
    options = settings.ScoringSettings()
    server.run(functools.partial(compose.compose, options), options)


if __name__ == "__main__":
    main()
