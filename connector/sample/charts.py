"""The medical record of a stay (EMR_BLJL, EMR_BLNR): admission record, course notes, discharge record, by section."""

from datetime import datetime, timedelta

from connector.sample.people import staff_of
from connector.sample.plan import Plan, Stay
from connector.sample.schema import Row, Value

ADMISSION, COURSE, DISCHARGE = "01", "02", "03"
_NAMES = {ADMISSION: "入院记录", COURSE: "病程记录", DISCHARGE: "出院记录"}
_FIRST = 6001


def plan_charts(plan: Plan) -> None:
    """An admission record of every stay, notes of the work-injury ones, a discharge record where one is over.

    Planted: a history longer than the platform takes, and a draft that nobody has signed.
    """
    chart = _Chart(plan)
    for stay in plan.stays:
        chart.write(stay, ADMISSION, stay.admitted + timedelta(hours=2), _admission(plan, stay))
        if stay.row["GSBZ"] == "1":
            noted = stay.admitted + timedelta(days=1, hours=1)
            chart.write(
                stay, COURSE, noted, {"病程": "患者一般情况可，患肢肿胀减轻，末梢血运良好。继续目前治疗。"}
            )
        if stay.discharged is not None:
            if stay.case == "archived":
                key = chart.write(stay, DISCHARGE, stay.discharged, {"出院情况": "（草稿）"}, signed=False)
                plan.plant("record_draft", key)
            chart.write(stay, DISCHARGE, stay.discharged, _discharge(stay))
    plan.tables["EMR_BLJL"] = chart.records
    plan.tables["EMR_BLNR"] = chart.sections


class _Chart:
    """The records as they are written, one after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.records: list[Row] = []
        self.sections: list[Row] = []

    def write(
        self, stay: Stay, kind: str, at: datetime, texts: dict[str, str], *, signed: bool = True
    ) -> str:
        """Add a record with its sections; its key."""
        doctor, _ = staff_of(stay.ward)
        number = _FIRST + len(self.records)
        record: dict[str, Value] = {
            "BLXH": number,
            "ZYH": stay.number,
            "BLLB": kind,
            "BLMC": _NAMES[kind],
            "JLSJ": f"{at:%Y-%m-%d %H:%M:%S}",
            "JLYS": doctor,
            "WCBZ": int(signed),
            "ZFPB": 0,
        }
        self.records.append(record)
        self.sections += [
            {"BLXH": number, "DLXH": place, "DLMC": name, "DLNR": text}
            for place, (name, text) in enumerate(texts.items(), start=1)
        ]
        return str(number)


def _admission(plan: Plan, stay: Stay) -> dict[str, str]:
    diagnosis = str(stay.row["RYZDMC"])
    history = (
        "患者于作业时不慎受伤，当即感局部疼痛、肿胀、活动受限，\n急诊摄片后收入院。伤后神志清，无恶心呕吐。"
    )
    if stay.case == "archived":
        history = history + "伤后曾在外院就诊，给予清创、石膏外固定，复查示断端移位。" * 75
        plan.plant("history_too_long", stay.key)
    return {
        "主诉": "外伤致疼痛、活动受限3小时",
        "现病史": history,
        "既往史": "否认高血压、糖尿病病史，否认药物过敏史。",
        "个人史": "生于原籍，无疫区居住史。",
        "婚育史": "适龄结婚，配偶体健。",
        "家族史": "否认家族遗传病史。",
        "体格检查": "T 36.5℃ P 78次/分 R 18次/分 BP 126/78mmHg。患肢肿胀、压痛，末梢血运、感觉正常。",
        "辅助检查": "X线：骨皮质不连续，可见骨折线。",
        "初步诊断": diagnosis,
    }


def _discharge(stay: Stay) -> dict[str, str]:
    return {
        "入院情况": "患肢肿胀、疼痛、活动受限。",
        "入院诊断": str(stay.row["RYZDMC"]),
        "诊疗经过": "入院后完善相关检查，给予抗炎、消肿、对症治疗，病情好转。",
        "出院情况": "患肢肿胀消退，无明显疼痛，末梢血运良好。",
        "出院诊断": str(stay.row["CYZDMC"]),
        "出院医嘱": "1. 患肢制动，避免负重；\n2. 一个月后复查；\n3. 不适随诊。",
    }
