"""The gateway as a process: `python -m gateway`."""

from gateway import compose, settings
from gateway.inbound import processes

if __name__ == "__main__":
    configured = settings.Settings()
    processes.run(lambda: compose.open_door(configured), configured)
