"""The words of anomalies in both languages. Knows numbers, no columns.

Arabic counts are written as "812 من البنود", which is right after any number.
"""

from typing import NamedTuple

PLENTY, SOME = 10, 1  # ratios from here on are told whole, or with one decimal; smaller ones with two


class Words(NamedTuple):
    """The same in English and Arabic."""

    en: str
    ar: str


# Who the peers are, by level, nearest first.
LINE_PEERS = (
    Words("lines with the same code, payer and type of provider",
        "من البنود بالرمز نفسه ولدى شركة التأمين نفسها ونوع مقدم الخدمة نفسه"),
    Words("lines with the same code and type of provider", "من البنود بالرمز نفسه ونوع مقدم الخدمة نفسه"),
    Words("lines with the same code", "من البنود بالرمز نفسه"),
    Words("lines of the same family of codes", "من البنود من عائلة الرموز نفسها"),
)  # fmt: skip
CLAIM_PEERS = (
    Words("claims of the same type, type of provider and specialty",
        "من المطالبات من النوع نفسه ونوع مقدم الخدمة نفسه والتخصص نفسه"),
    Words("claims of the same type and type of provider", "من المطالبات من النوع نفسه ونوع مقدم الخدمة نفسه"),
    Words("claims of the same type", "من المطالبات من النوع نفسه"),
)  # fmt: skip
LINE_MEASURES = {
    "unit_price_minor": Words("Unit price", "سعر الوحدة"),
    "quantity": Words("Quantity", "الكمية"),
    "net_minor": Words("Net of the line", "صافي البند"),
}
CLAIM_MEASURES = {
    "line_count": Words("Number of lines", "عدد البنود"),
    "net_minor": Words("Net of the claim", "صافي المطالبة"),
}
# What is rare, and among which lines.
PAIRS = {
    "code_for_provider_type": (
        Words("This code", "هذا الرمز"), Words("by this type of provider", "لدى هذا النوع من مقدمي الخدمة")
    ),
    "code_for_specialty": (Words("This code", "هذا الرمز"), Words("of this specialty", "في هذا التخصص")),
    "diagnosis_for_specialty": (
        Words("This group of diagnoses", "مجموعة التشخيص هذه"), Words("of this specialty", "في هذا التخصص")
    ),
    "diagnosis_for_code": (
        Words("This group of diagnoses", "مجموعة التشخيص هذه"), Words("with this code", "بهذا الرمز")
    ),
    "sex_for_code": (
        Words("A patient of this sex", "مريض من هذا الجنس"), Words("with this code", "بهذا الرمز")
    ),
    "age_for_code": (
        Words("A patient of this age", "مريض في هذا العمر"), Words("with this code", "بهذا الرمز")
    ),
    "setting_for_code": (
        Words("This setting of care", "مكان الرعاية هذا"), Words("with this code", "بهذا الرمز")
    ),
}  # fmt: skip


def beside_median(label: Words, value: float, typical: float, peers: int, who: Words) -> Words:
    """Return how a value compares with the median of its peers."""
    if typical <= 0 or value < 0:
        return Words(
            f"{label.en}: the median of {peers:,} {who.en} is {typical:,.0f}",
            f"{label.ar}: الوسيط لدى {peers:,} {who.ar} هو {typical:,.0f}",
        )
    times = ratio(value / typical)
    return Words(
        f"{label.en} is {times} × the median of {peers:,} {who.en}",
        f"{label.ar}: {times} × الوسيط لدى {peers:,} {who.ar}",
    )


def share(pair: str, count: int, total: int) -> Words:
    """Return on how many of the lines that could carry it a value was found."""
    what, where = PAIRS[pair]
    return Words(
        f"{what.en} is on {count:,} of {total:,} lines {where.en}",
        f"{what.ar}: في {count:,} من أصل {total:,} من البنود {where.ar}",
    )


def ratio(value: float) -> str:
    """Return a ratio with as many decimals as it deserves."""
    if value >= PLENTY:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= SOME else f"{value:.2f}"
