"""4.1 login and 4.2 logout (error groups (2) and (3) of 5.2). One account holds one session (T16)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler, Refusal


def log_in(call: Call) -> Mapping[str, Any]:
    """Open a session, unless the account holds one already."""
    name, password = call.text("username"), call.text("password")
    if not name:
        raise Refusal(21001)
    if name not in call.rules.accounts:
        raise Refusal(21002)
    if not password:
        raise Refusal(21004)
    if password != call.rules.accounts[name]:
        raise Refusal(21005)
    if "P.lockout" in call.struck:
        raise Refusal(21003)
    live = call.state.live_session(name)
    if live is not None:
        told = {"sessionid": live.sessionid} if call.rules.tells_live_session else {}
        raise Refusal(21003, **told)
    return {"msg": "登录成功!", "sessionid": call.state.log_in(name)}


def log_out(call: Call) -> Mapping[str, Any]:
    """Close the session; its number is dead from now on."""
    name, password = call.text("username"), call.text("password")
    if not name:
        raise Refusal(31002)
    if not password:
        raise Refusal(31005)
    session = call.state.use_session(call.sessionid)
    if session is None:
        raise Refusal(31007)
    if name != session.account:
        raise Refusal(31003)
    if password != call.rules.accounts[name]:
        raise Refusal(31006)
    call.state.commit("logout", sessionid=session.sessionid)
    return {"sessionid": session.sessionid}


HANDLERS: Mapping[str, Handler] = MappingProxyType({"login": log_in, "logout": log_out})
