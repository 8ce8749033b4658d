"""What completion says to a biller, in both languages: refusals, remedies, evidence. Data only."""

from collections.abc import Iterable

from scoring.domain import completion

Label = completion.Label

# reason: (why there is no suggestion, what would help), each in English and Arabic
REFUSALS: dict[str, tuple[Label, Label]] = {
    "completion.no_model": (
        Label("No model for this is served here.", "لا يوجد هنا نموذج يقدم هذا الاقتراح."),
        Label(
            "Ask the operator to load one, then ask again; meanwhile fill it in from the record.",
            "اطلب من مشغل النظام تحميل نموذج ثم أعد السؤال، وحتى ذلك الحين املأ الخانة من السجل الطبي.",
        ),
    ),
    "completion.unknown_regime": (
        Label(
            "The models have learned from claims of other regimes: {known}.",
            "تعلمت النماذج من مطالبات أنظمة أخرى: {known}.",
        ),
        Label("Fill it in from the record.", "املأ الخانة من السجل الطبي."),
    ),
    "completion.unknown_system": (
        Label(
            "The models do not know the code systems of this claim ({found}). They know: {known}.",
            "لا تعرف النماذج أنظمة الترميز في هذه المطالبة ({found}). وهي تعرف: {known}.",
        ),
        Label(
            "State the system of each code, or code the services in a system that is known.",
            "اذكر نظام الترميز لكل رمز، أو رمّز الخدمات بنظام معروف للنموذج.",
        ),
    ),
    "completion.unknown_currency": (
        Label(
            "The models have learned amounts in {known}, not in {found}.",
            "تعلمت النماذج مبالغ بعملة {known} لا بعملة {found}.",
        ),
        Label("Take the amount from the price list.", "خذ المبلغ من قائمة الأسعار."),
    ),
    "completion.no_codes": (
        Label(
            "The claim has no coded service, procedure or other diagnosis to conclude from.",
            "ليس في المطالبة خدمة أو إجراء أو تشخيص آخر مرمّز يُستدل به.",
        ),
        Label("Code the services first, then ask again.", "رمّز الخدمات أولا ثم أعد السؤال."),
    ),
    "completion.no_code": (
        Label("The line has no code.", "لا يحمل البند رمزا."),
        Label("Code the service of the line first.", "رمّز خدمة البند أولا."),
    ),
    "completion.no_quantity": (
        Label("The line states no quantity.", "لا يذكر البند كمية."),
        Label("State the quantity, then ask again.", "اذكر الكمية ثم أعد السؤال."),
    ),
    "completion.unusual_quantity": (
        Label(
            "The quantity {found} is above the {known} that the model has seen of this service.",
            "الكمية {found} أعلى من {known}، وهي أكبر كمية رآها النموذج لهذه الخدمة.",
        ),
        Label("Check the quantity, or take the amount from the price list.",
              "تحقق من الكمية، أو خذ المبلغ من قائمة الأسعار."),
    ),
    "completion.unseen_codes": (
        Label(
            "None of the codes was in the claims that the model learned from ({found}).",
            "لم يرد أي من الرموز في المطالبات التي تعلم منها النموذج ({found}).",
        ),
        Label("Check the codes; if they are right, fill it in from the record.",
              "تحقق من الرموز، فإن كانت صحيحة فاملأ الخانة من السجل."),
    ),
    "completion.few_cases": (
        Label(
            "The model has seen only {found} like this; it needs {known}.",
            "لم ير النموذج سوى {found} حالة مشابهة، ويلزمه {known}.",
        ),
        Label("Take it from the record or the price list.", "خذ القيمة من السجل أو من قائمة الأسعار."),
    ),
    "completion.unsure": (
        Label(
            "The codes fit many diagnoses: the first five would hold the right one in {found} of cases.",
            "تناسب الرموز تشخيصات كثيرة: الخمسة الأولى تشمل الصحيح في {found} من الحالات فقط.",
        ),
        Label("Add further services or secondary diagnoses, or code it from the record.",
              "أضف خدمات أو تشخيصات ثانوية أخرى، أو رمّز من السجل الطبي."),
    ),
    "completion.range_wide": (
        Label(
            "Amounts of such lines lie between {found}: too far apart to suggest one.",
            "تقع مبالغ مثل هذه البنود بين {found}، وهو مدى أوسع من أن يُقترح منه مبلغ.",
        ),
        Label("Take the amount from the price list.", "خذ المبلغ من قائمة الأسعار."),
    ),
}  # fmt: skip

# input of a token: what it is called before its value
INPUTS: dict[str, Label] = {
    "services": Label("Service", "الخدمة"),
    "procedures": Label("Procedure", "الإجراء"),
    "admitting": Label("Admitting diagnosis", "تشخيص الدخول"),
    "others": Label("Other diagnosis", "تشخيص آخر"),
    "drg": Label("DRG", "المجموعة التشخيصية"),
}
SETTINGS: dict[str, Label] = {
    "type": Label("Type of claim", "نوع المطالبة"),
    "subtype": Label("Kind of claim", "النوع الفرعي للمطالبة"),
    "provider": Label("Type of provider", "نوع مقدم الخدمة"),
    "specialty": Label("Specialty", "التخصص"),
    "encounter": Label("Setting of care", "مكان تقديم الرعاية"),
    "sex": Label("Sex of the patient", "جنس المريض"),
    "age": Label("Age group of the patient", "الفئة العمرية للمريض"),
}
SERVICE = Label("Service {code}", "الخدمة {code}")
BY_PROVIDER = Label("Service {code} by this provider", "الخدمة {code} من مقدم الخدمة هذا")
TO_PAYER = Label("Service {code} to this payer", "الخدمة {code} لشركة التأمين هذه")
AGES = ("< 1", "1–12", "13–17", "18–39", "40–64", "≥ 65")
VALUES: dict[str, Label] = {
    "male": Label("male", "ذكر"),
    "female": Label("female", "أنثى"),
    "professional": Label("professional", "مهنية"),
    "institutional": Label("institutional", "مؤسسية"),
    "oral": Label("oral", "أسنان"),
    "pharmacy": Label("pharmacy", "صيدلية"),
    "vision": Label("vision", "بصريات"),
    "op": Label("outpatient", "عيادات خارجية"),
    "ip": Label("inpatient", "تنويم"),
    "emr": Label("emergency", "طوارئ"),
    "AMB": Label("ambulatory", "خارجية"),
    "IMP": Label("inpatient", "تنويم"),
    "EMER": Label("emergency", "طوارئ"),
    "hospital": Label("hospital", "مستشفى"),
    "polyclinic": Label("polyclinic", "مجمع عيادات"),
    "optician": Label("optician", "محل بصريات"),
    "dental": Label("dental clinic", "عيادة أسنان"),
}


def refusal(reason: str, *, found: object = "", known: object = "") -> completion.Refusal:
    """Return the refusal in words."""
    message, remedy = REFUSALS[reason]
    words = {"found": found, "known": known}
    return completion.Refusal(reason, Label(*(text.format(**words) for text in message)), remedy)


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence; a dash for none, and the first few of many."""
    ordered = sorted({name for name in names if name})
    shown = ", ".join(ordered[:8])
    return f"{shown} …" if len(ordered) > 8 else shown or "–"  # noqa: PLR2004 - a sentence, not a list


def spoke(what: Label, cases: int, agreeing: int, answer: str, usual: float) -> Label:
    """Return what a code or a circumstance had to do with the answer in the claims learned from.

    `usual` is the share of the answer in all of them.
    """
    share = agreeing / cases if cases else 0.0
    return Label(
        f"{what.en}: in {cases:,} claims learned from, {agreeing:,} of them ({share:.1%}) with {answer}; "
        f"of all claims {usual:.1%} have it.",
        f"{what.ar}: وردت في {cases:,} مطالبة تعلم منها النموذج، منها {agreeing:,} ({share:.1%}) "
        f"مع {answer}، ونسبته في كل المطالبات {usual:.1%}.",
    )


def setting(value: str) -> Label:
    """Return a circumstance of the claim (`name=value` of a token) in words."""
    name, _, told = value.partition("=")
    shown = Label(AGES[int(told)], AGES[int(told)]) if name == "age" else VALUES.get(told, Label(told, told))
    return Label(f"{SETTINGS[name].en}: {shown.en}", f"{SETTINGS[name].ar}: {shown.ar}")


def billed(what: Label, code: str, cases: int, amount: str) -> Label:
    """Return what was usually billed under a circumstance."""
    return Label(
        f"{what.en.format(code=code)} was billed in {cases:,} lines learned from, usually at "
        f"{amount} a unit.",
        f"{what.ar.format(code=code)}: وردت في {cases:,} بندا تعلم منه النموذج، والمعتاد {amount} للوحدة.",
    )
