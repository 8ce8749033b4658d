"""What categories of ICD-10 are about, in a few words of ours and in both languages.

Short names for people who read a suggestion, not the classification's titles; only categories that occur in
the simulated world.
"""

from collections.abc import Iterable

from scoring.domain import completion_models
from scoring.domain import completion_tokens as tokens

CATEGORIES: dict[str, tuple[str, str]] = {
    "A09": ("Infectious gastroenteritis", "التهاب المعدة والأمعاء المعدي"),
    "C50": ("Breast cancer", "سرطان الثدي"),
    "C61": ("Prostate cancer", "سرطان البروستاتا"),
    "D50": ("Iron deficiency anaemia", "فقر الدم بعوز الحديد"),
    "D64": ("Other anaemia", "فقر دم آخر"),
    "E03": ("Underactive thyroid", "قصور الغدة الدرقية"),
    "E11": ("Type 2 diabetes", "السكري من النوع الثاني"),
    "E78": ("Raised blood lipids", "ارتفاع دهون الدم"),
    "F32": ("Depressive episode", "نوبة اكتئاب"),
    "F41": ("Anxiety disorder", "اضطراب القلق"),
    "H25": ("Age-related cataract", "إعتام عدسة العين المرتبط بالعمر"),
    "H26": ("Other cataract", "إعتام آخر لعدسة العين"),
    "H52": ("Refractive error", "عيب انكسار البصر"),
    "I10": ("High blood pressure", "ارتفاع ضغط الدم"),
    "I25": ("Chronic ischaemic heart disease", "مرض القلب الإقفاري المزمن"),
    "I48": ("Atrial fibrillation and flutter", "الرجفان والرفرفة الأذينية"),
    "J18": ("Pneumonia, organism not named", "التهاب رئوي غير محدد المسبب"),
    "J44": ("Chronic obstructive lung disease", "الانسداد الرئوي المزمن"),
    "J45": ("Asthma", "الربو"),
    "K02": ("Tooth decay", "تسوس الأسنان"),
    "K04": ("Disease of pulp or root tip", "مرض لب السن أو ما حول الذروة"),
    "K05": ("Gum disease", "مرض اللثة ودواعم السن"),
    "K08": ("Other disorder of teeth", "اضطراب آخر في الأسنان"),
    "K21": ("Reflux disease", "الارتجاع المعدي المريئي"),
    "K52": ("Other non-infectious gastroenteritis", "التهاب معدي معوي غير معدٍ آخر"),
    "M17": ("Osteoarthritis of the knee", "الفصال العظمي في الركبة"),
    "M25": ("Other joint disorder", "اضطراب مفصلي آخر"),
    "M54": ("Back pain", "ألم الظهر"),
    "M79": ("Other soft tissue disorder", "اضطراب آخر في الأنسجة الرخوة"),
    "N18": ("Chronic kidney disease", "مرض الكلى المزمن"),
    "N92": ("Heavy or irregular menstruation", "حيض غزير أو غير منتظم"),
    "R07": ("Pain in throat or chest", "ألم في الحلق أو الصدر"),
    "R10": ("Abdominal pain", "ألم البطن"),
    "R51": ("Headache", "صداع"),
    "S82": ("Fracture of the lower leg", "كسر في الساق"),
    "S93": ("Ankle or foot sprain", "التواء الكاحل أو القدم"),
    "Z00": ("General examination", "فحص عام"),
    "Z12": ("Cancer screening", "التحري عن السرطان"),
    "Z23": ("Immunization", "تحصين"),
    "Z34": ("Supervision of normal pregnancy", "متابعة حمل طبيعي"),
}


def of(classes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the texts of the answers' categories, as far as there are some."""
    codes = {tokens.dotless(name.rpartition(completion_models.SEPARATOR)[2]) for name in classes}
    found = {code[: tokens.CATEGORY_LENGTH] for code in codes} & CATEGORIES.keys()
    return {category: CATEGORIES[category] for category in sorted(found)}
