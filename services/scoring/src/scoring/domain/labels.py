"""Human feature groups: what a biller is told a score is made of, in both languages. Data only."""

from typing import NamedTuple


class Group(NamedTuple):
    """A group of model features that a person sees as one thing."""

    name: str
    label_en: str
    label_ar: str


GROUPS: tuple[Group, ...] = (
    Group(
        "price", "Price against what this service usually costs", "السعر مقارنة بالسعر المعتاد لهذه الخدمة"
    ),
    Group("quantity", "Quantity against what is usual", "الكمية مقارنة بالمعتاد"),
    Group("amount", "Amount billed and the patient's share", "المبلغ المطالب به وحصة المريض"),
    Group("service", "The service itself", "الخدمة نفسها"),
    Group("diagnosis", "The diagnosis", "التشخيص"),
    Group(
        "service_for_diagnosis", "Service against diagnosis and specialty", "الخدمة مقارنة بالتشخيص والتخصص"
    ),
    Group(
        "service_for_patient",
        "Service and diagnosis against age and sex",
        "الخدمة والتشخيص مقارنة بالعمر والجنس",
    ),
    Group("setting", "Setting of care", "مكان تقديم الرعاية"),
    Group("timing", "Dates: service, stay and submission", "التواريخ: الخدمة والإقامة والتقديم"),
    Group("authorization", "Pre-authorisation", "الموافقة المسبقة"),
    Group("documentation", "Supporting information", "المعلومات الداعمة"),
    Group("payer", "Payer and plan", "شركة التأمين والوثيقة"),
    Group("provider", "Provider", "مقدم الخدمة"),
    Group("history", "History of provider and patient", "سجل مقدم الخدمة والمريض"),
    Group("patient", "Patient's age and sex", "عمر المريض وجنسه"),
    Group(
        "structure",
        "How the claim is built: lines, repeats, links",
        "تركيب المطالبة: البنود والتكرار والروابط",
    ),
)
INDEX = {group.name: number for number, group in enumerate(GROUPS)}
