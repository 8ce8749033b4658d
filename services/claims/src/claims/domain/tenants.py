"""What the claims room knows of a tenant; who stores it is not its affair."""

import msgspec

from chassis import errors


class Tenant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Settings of one tenant; `review_threshold` is a probability of denial in [0, 1]."""

    name: str
    review_threshold: float = 0.5
    default_regime: str = "base"
    active: bool = True


def unknown() -> errors.Denied:
    """Return the fault of a tenant that does not exist or is closed; the two are not told apart."""
    return errors.Denied("tenant.unknown", "The tenant is not known here or not active.")
