"""What earlier claims say about a line of this one, as rules see it. Data only.

Room: domain. Unknown is None: storage did not answer, the line has no key to ask by, or no dated table says
how far back to look. A number is a count or a quantity that was really found, zero included.
"""

from decimal import Decimal

import msgspec


class LineHistory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """History of one line.

    `exact`, `likely` and `possible` count recorded lines of other claims that are the same service in every
    particular; by patient, provider, day and code; by patient, day and code at another provider. `visits`
    counts earlier visits to the same provider within the follow-up days of the line's code.
    `claimed_quantity` is what was claimed of the same code within the days of the table `frequency`,
    `authorized_used` what was claimed under the same authorisation and code; both without this claim.
    """

    exact: int | None = None
    likely: int | None = None
    possible: int | None = None
    visits: int | None = None
    claimed_quantity: Decimal | None = None
    authorized_used: Decimal | None = None


# A line of a patient who was never seen before.
NOTHING = LineHistory(
    exact=0, likely=0, possible=0, visits=0, claimed_quantity=Decimal(0), authorized_used=Decimal(0)
)
