"""Start the claims service: settings, compose, serve."""

from chassis import server
from claims import compose, settings


def main() -> None:
    """Run until SIGTERM."""
    config = settings.ClaimsSettings()
    server.run(lambda: compose.compose(config), config)


if __name__ == "__main__":
    main()
