"""What the payers' reasons are called in both languages, in our words, by nphies code. Data only.

Source of the codes: nphies CodeSystem adjudication-reason; the texts are ours, short enough for a table.
"""

from scoring.domain import scores

LABELS: dict[str, tuple[str, str]] = {
    "AD-1-4": ("Diagnosis does not support the service", "التشخيص لا يدعم الخدمة"),
    "AD-1-6": ("Service does not fit the clinician's specialty", "الخدمة لا تناسب تخصص الممارس"),
    "AD-1-7": ("Place of care does not fit the service", "مكان تقديم الرعاية لا يناسب الخدمة"),
    "AD-2-3": ("Service before the coverage began", "الخدمة قبل بدء التغطية"),
    "AD-2-4": ("Same service billed for the same day", "الخدمة نفسها مفوترة لليوم نفسه"),
    "AD-2-5": ("Sent after the time limit", "أرسلت بعد انتهاء المهلة"),
    "AD-2-6": ("Service outside the authorised dates", "الخدمة خارج تواريخ الموافقة"),
    "AD-3-2": ("Belongs to a bundled code", "ضمن رمز مجمع"),
    "AD-3-5": ("Diagnosis does not fit the age", "التشخيص لا يناسب العمر"),
    "AD-3-6": ("Diagnosis does not fit the sex", "التشخيص لا يناسب الجنس"),
    "AD-3-7": ("Service does not fit the age", "الخدمة لا تناسب العمر"),
    "AD-3-8": ("Service does not fit the sex", "الخدمة لا تناسب الجنس"),
    "BE-1-1": ("Patient's share was not collected", "لم تحصل حصة المريض"),
    "BE-1-2": ("Service was not performed", "لم تقدم الخدمة"),
    "BE-1-3": ("Not as the contract says", "مخالف للعقد"),
    "BE-1-4": ("Pre-authorisation needed and not obtained", "الموافقة المسبقة مطلوبة ولم تؤخذ"),
    "BE-1-5": ("Differs from the pre-authorisation", "تختلف عن الموافقة المسبقة"),
    "BE-1-6": ("Calculation or price differs", "اختلاف في الحساب أو السعر"),
    "CV-1-1": ("Provider outside the network", "مقدم الخدمة خارج الشبكة"),
    "CV-1-2": ("Provider not eligible for the service", "مقدم الخدمة غير مؤهل للخدمة"),
    "CV-1-3": ("Diagnosis not covered", "التشخيص غير مغطى"),
    "CV-1-4": ("Service not covered", "الخدمة غير مغطاة"),
    "CV-1-5": ("Not urgent as the policy defines it", "لا تستوفي معايير الحالة الطارئة"),
    "CV-1-8": ("Yearly limit exceeded", "تجاوز الحد السنوي"),
    "CV-1-9": ("Visit within the free follow-up period", "زيارة ضمن فترة المراجعة المجانية"),
    "CV-2-1": ("Patient is not a covered member", "المريض غير مشمول بالتغطية"),
    "CV-3-1": ("Benefit exhausted", "استنفدت المنفعة"),
    "CV-3-2": ("Too frequent", "متكررة أكثر من المسموح"),
    "CV-4-5": ("Not in the plan's list of medicines", "الدواء خارج قائمة أدوية الوثيقة"),
    "CV-4-8": ("Refill too soon", "إعادة صرف مبكرة"),
    "CV-4-9": ("Included in another service", "مشمولة في خدمة أخرى"),
    "MN-1-1": ("Not clinically justified", "غير مبررة طبيا"),
    "SE-1-1": ("Vital signs missing or inadequate", "العلامات الحيوية ناقصة"),
    "SE-1-2": ("History of present illness missing", "تاريخ المرض الحالي ناقص"),
    "SE-1-3": ("Chief complaint missing", "الشكوى الرئيسية ناقصة"),
    "SE-1-4": ("Physical examination missing", "الفحص السريري ناقص"),
    "SE-1-6": ("Investigation result missing", "نتيجة الفحوصات ناقصة"),
    "SE-1-8": ("Treatment plan missing", "خطة العلاج ناقصة"),
    "SE-1-9": ("Quantity inappropriate or missing", "الكمية غير مناسبة أو ناقصة"),
}  # fmt: skip


def reason(nphies: str, carc: str) -> scores.Reason:
    """Return a reason with its texts; a code without one of ours is called by its number."""
    english, arabic = LABELS.get(nphies, (f"Reason {nphies or carc}", f"سبب {nphies or carc}"))
    return scores.Reason(nphies, carc, english, arabic)
