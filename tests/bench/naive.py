"""The script a hospital's engineer would write: one row, one POST. The yardstick of `make bench`.

Kept honest: a session with keep-alive, parameters bound, no needless work; but row by row, as such scripts are.
Run as `python -m tests.bench.naive URL HIS ROWS`; prints one JSON object.
"""

import base64
import hashlib
import json
import resource
import sqlite3
import sys
import time
from datetime import date
from urllib.parse import urlencode

import httpx
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

KEY = "0123456789abcdef0123456789abcdef"
USER = "demo"
PASSWORD = "demo-password"

SQL = """
SELECT c.JLXH, c.CFH, c.FYRQ, c.XMLX, c.FYXH, c.YPCD, c.FYMC, c.GG, c.FYDJ, c.FYSL, c.ZJJE, c.FYXM, c.YZXH,
       m.YBBM, m.YBMC, m.SFDJ, m.VMED
FROM ZY_FYMX c JOIN YB_MLDZ m ON m.XMLX = c.XMLX AND m.FYXH = c.FYXH AND m.YPCD = c.YPCD
WHERE c.ZYH = ? ORDER BY c.JLXH
"""


def seal(key: str, text: str) -> str:
    cipher = AES.new(key.encode(), AES.MODE_ECB)
    return base64.b64encode(cipher.encrypt(pad(text.encode(), 16))).decode()


class Naive:
    def __init__(self, base_url: str, key: str, username: str, password: str, today: date) -> None:
        self.http = httpx.Client(timeout=60, trust_env=False)
        self.base = f"{base_url}/public/sendHis"
        self.key = key
        login_key = hashlib.md5(today.isoformat().encode()).hexdigest().upper()
        digest = hashlib.md5(password.encode()).hexdigest().upper()
        body = json.dumps({"username": username, "password": digest})
        self.sessionid = str(self.post("login", body, login_key)["sessionid"])

    def post(self, method: str, body: str, key: str) -> dict:
        answer = self.http.post(
            f"{self.base}/{method}.html",
            content=urlencode({"message": seal(key, body)}),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "sessionid": getattr(self, "sessionid", ""),
            },
        )
        return answer.json()

    def upload(self, database: str, visit: str, number: str, limit: int) -> int:
        sent = 0
        with sqlite3.connect(database) as his:
            his.row_factory = sqlite3.Row
            for row in his.execute(SQL, (visit,)):
                med = {
                    "alc400": row["CFH"],
                    "alc401": f"{row['FYRQ'][:4]}-{row['FYRQ'][4:6]}-{row['FYRQ'][6:8]}",
                    "akc229": "1",
                    "alc402": row["YBBM"],
                    "alc403": row["YBMC"],
                    "aka063": "14",
                    "aka065": row["SFDJ"],
                    "alc404": "1",
                    "alc405": str(row["FYDJ"]),
                    "alc406": str(row["FYSL"]),
                    "alc407": str(row["ZJJE"]),
                    "aka070": "",
                    "zka100": row["GG"],
                    "akc230": "",
                    "akc231": row["FYMC"],
                    "akc515": str(row["FYXH"]),
                    "reason": "",
                    "noinjury": "0",
                    "aae080": str(row["YZXH"] or "999"),
                    "spreason": "0",
                    "bzmsg": "",
                    "vmed": row["VMED"],
                    "akc999": "",
                }
                body = {"sessionid": self.sessionid, "akc190": number, "meds": {"med": [med]}}
                answer = self.post("sendMedInfo", json.dumps(body, ensure_ascii=False), self.key)
                if str(answer["code"]) != "0":
                    message = f"{answer['code']}: {answer.get('msg')}"
                    raise RuntimeError(message)
                sent += 1
                if sent >= limit:
                    break
        return sent


def main() -> None:
    url, his, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    script = Naive(url, KEY, USER, PASSWORD, date.today())
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    sent = visit = 0
    while sent < limit:
        visit += 1
        sent += script.upload(his, str(visit), str(visit), limit - sent)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    script.http.close()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"rows": sent, "wall_s": wall, "cpu_s": cpu, "peak_mb": after.ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
