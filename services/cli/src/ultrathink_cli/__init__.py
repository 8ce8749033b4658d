"""The command ultrathink: composes the rooms for a person."""

import os

# Rooms are started by fork and exec. gRPC's own handlers of a fork can abort the child while a call is under
# way, and whoever goes on to exec has no need of them. gRPC reads this when it is loaded: before all else.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# gRPC's event engine reads and writes sockets on threads of its own and hands results to the thread that
# waits. Letting the waiting thread poll saves a third of what a message costs at either end, and a fifth of
# its time (docs/performance.md). The rooms inherit it; a gRPC that no longer knows the names ignores them.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
