"""The scalar kinds of a claim, by which checks and schema know what a field holds.

Room: formats. `model` names them again; other rooms look there.
"""

from decimal import Decimal

type Money = Decimal  # major units of the claim's currency, exact
type Quantity = Decimal  # at most four places
type Day = str  # YYYY-MM-DD
type When = str  # date or date-time, ISO 8601, offset kept
