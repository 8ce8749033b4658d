"""The command ultrathink: composes the rooms for a person."""

import os

# Rooms are started by fork and exec. gRPC's own handlers of a fork can abort the child while a call is under
# way, and whoever goes on to exec has no need of them. gRPC reads this when it is loaded: before all else.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
