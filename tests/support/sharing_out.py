"""How workers share the tests: file by file, those first that take longest.

What a file makes once (an engine, a platform, a trained model) is then made by one worker and not by each.
"""

from xdist import workermanage
from xdist.scheduler import loadgroup

# Groups and folders that take longest, longest first: begun last, one worker would end them alone.
LONGEST = ("platform-", "postgres", "training", "embedded", "tests/integration", "tests/contract")


class ByFile(loadgroup.LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out a group where tests name one, else a file, as one piece of work."""

    def _split_scope(self, nodeid: str) -> str:
        return str(super()._split_scope(nodeid)).partition("::")[0]

    def _assign_work_unit(self, node: workermanage.WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=self._place), last=False)
        super()._assign_work_unit(node)

    def _place(self, scope: str) -> tuple[int, int]:
        """Return where a piece of work stands in the queue: the longest first, then the most tests."""
        known = (place for place, name in enumerate(LONGEST) if scope.startswith(name))
        return next(known, len(LONGEST)), -len(self.workqueue[scope])
