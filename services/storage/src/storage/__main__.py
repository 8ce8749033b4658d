"""Run the storage service, or bring the schema up to date: `python -m storage [migrate]`."""

import asyncio
import sys

from chassis import server
from storage import compose, settings
from storage.outbound import migrate


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM, or migrate and leave."""
    configured = settings.Settings()
    if arguments == ["migrate"]:
        asyncio.run(migrate.upgrade(configured.owner_dsn()))
        return 0
    if arguments:
        sys.stderr.write("usage: python -m storage [migrate]\n")
        return 2
    server.run(lambda: compose.compose(configured), configured)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
