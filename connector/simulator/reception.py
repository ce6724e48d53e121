"""From a sealed message to an answer: envelope, session, the operation, the platform's words.

Two steps, because a request can be delayed before or after its session is checked: `admit` opens the envelope and
checks the session, `perform` does what was asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.contract.envelope import login_key, open_sealed
from connector.contract.spec import Operation
from connector.errors import EnvelopeError
from connector.simulator.answers import write_answer
from connector.simulator.call import CHINA, Call, NoAnswer, Refusal, Rules
from connector.simulator.faults import Strike
from connector.simulator.files import Form
from connector.simulator.meddling import meddle
from connector.simulator.operations import HANDLERS
from connector.simulator.rulebook import document_text
from connector.simulator.state import State

_STRING_CODES_FROM = 19
"""4.19 and later write `"code": "0"`, the earlier ones `"code": 0` (T24)."""

_REFUSING = {"P.hard": "81036", "P.busy": "110021", "P.soft": "99999"}
_HARD = {"sendBsMedInfo": "330038", "offsiteRegister": "310017"}
"""What P.hard says where the document has another code for a set-up that is wrong (T151)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in: the operation, its `message` (or 4.18's `form`) and the header's sessionid."""

    operation: Operation
    message: str = field(repr=False)
    header_sessionid: str = field(repr=False)
    struck: Strike
    form: Form | None = field(default=None, repr=False)


@dataclass
class Reception:
    """Everything about a request that is not HTTP. Safe for several threads."""

    state: State
    rules: Rules
    key_text: str = field(repr=False)
    styles: frozenset[str]
    calls: list[tuple[str, str]] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)

    def serve(self, request: Request) -> bytes | None:
        """Admit and perform; None when no answer is to be given."""
        try:
            call = self.admit(request)
        except Refusal as refusal:
            return self.refuse(request, refusal)
        return self.perform(request, call)

    def admit(self, request: Request) -> Call:
        """Open the envelope and check the session; Refusal with a code of group (1)."""
        operation = request.operation
        payload = self._open(request)
        if operation.key == "date":
            return Call(operation, payload, self.state, self.rules, struck=request.struck)
        sessionid = str(payload.get("sessionid") or "").strip()
        if not sessionid or not request.header_sessionid:
            raise Refusal(11004)
        file = request.form.file if request.form else b""
        call = Call(operation, payload, self.state, self.rules, sessionid, request.struck, file)
        with self.state.lock:
            if "P.session_drop" in request.struck and sessionid in self.state.sessions:
                self.state.commit("logout", sessionid=sessionid)
            live = self.state.use_session(sessionid)
            if operation.method == "logout":
                return call
            stays_usable = "P.session_multi" in request.struck and sessionid in self.state.given
            if live is None and not stays_usable:
                raise Refusal(11006 if sessionid in self.state.lapsed else 11005)
        if request.header_sessionid != sessionid:
            raise Refusal(11005)
        return call

    def perform(self, request: Request, call: Call) -> bytes | None:
        """Do what was asked and write the answer; None when no answer is to be given."""
        try:
            fields = self._perform(call)
        except Refusal as refusal:
            return self.refuse(request, refusal)
        except NoAnswer:
            self.calls.append((request.operation.method, ""))
            return None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the platform says 99999
            self.internal_errors.append(f"{request.operation.method}: {type(error).__name__}")
            return self.refuse(request, Refusal(99999))
        return self._write(request, "0", fields)

    def refuse(self, request: Request, refusal: Refusal) -> bytes:
        """The answer to a call that is refused, with the document's words."""
        method = request.operation.method
        text = document_text(method, refusal.code) or refusal.text
        if refusal.code == "1004" and refusal.text:
            text = f"{text} [{refusal.text}]"
        return self._write(request, refusal.code, {"msg": text, **refusal.fields})

    def _open(self, request: Request) -> Mapping[str, Any]:
        if request.operation.encoding != "sealed":
            return _read_form(request)
        if not request.message:
            raise Refusal(11001)
        try:
            plain = open_sealed(self._key(request.operation), request.message.encode())
            payload = json.loads(plain, parse_float=str)
        except (EnvelopeError, ValueError, RecursionError) as error:
            raise Refusal(11002) from error
        if not isinstance(payload, dict) or not payload:
            raise Refusal(11003)
        return payload

    def _key(self, operation: Operation) -> str:
        if operation.key == "date":
            return login_key(self.state.clock().astimezone(CHINA).date())
        return self.key_text

    def _perform(self, call: Call) -> Mapping[str, Any]:
        handler = HANDLERS[call.operation.method]
        name = next((name for name in _REFUSING if name in call.struck), "")
        how = call.struck.get(name, {})
        usual = _REFUSING.get(name, "")
        if name == "P.hard":
            usual = _HARD.get(call.operation.method, usual)
        refusal = Refusal(how.get("code", usual))
        if name and not how.get("commit"):
            raise refusal
        with self.state.lock:
            meddle(call)
            fields = handler(call)
        if name:
            raise refusal
        return fields

    def _write(self, request: Request, code: str, fields: Mapping[str, Any]) -> bytes:
        operation = request.operation
        self.calls.append((operation.method, code))
        late = int(operation.section.split(".")[1]) >= _STRING_CODES_FROM
        shown = code if late or not code.isdecimal() else int(code)
        names = ("resCode", "resMsg") if operation.success == "resCode" else ("code", "msg")
        answer = {names[0]: shown, names[1]: fields.get("msg", "")}
        answer |= {name: value for name, value in fields.items() if name != "msg"}
        # What came in the open is answered in the open.
        styles = self.styles if operation.encoding == "sealed" else self.styles - {"encrypted"}
        return write_answer(answer, styles, self._key(operation))


def _read_form(request: Request) -> Mapping[str, Any]:
    """The texts of 4.18's form; 11001 when it is none."""
    if request.form is None or not request.form.texts:
        raise Refusal(11001)
    return request.form.texts
