"""Ways to strike a connector at one call of a named schedule."""

from connector.load.client import PlatformClient

LAG_S = 30
SETTLE_S = 1800


class Killed(BaseException):
    """The process is dead: nothing may catch it."""


def watch(monkeypatch, before=lambda method, body: None, after=lambda method, body: None):
    """See every call of the connector, before it leaves and after its answer is there."""
    real = PlatformClient.call

    def call(self, operation, body, sessionid, **more):
        before(operation.method, body)
        outcome = real(self, operation, body, sessionid, **more)
        after(operation.method, body)
        return outcome

    monkeypatch.setattr(PlatformClient, "call", call)


def lag(monkeypatch, ward, *, from_upload):
    """From the `from_upload`-th upload on, totals are those before the last change, for as long as A4 allows."""
    uploads = []

    def before(method, body):
        if method == "sendMedInfo":
            uploads.append(ward.time.now)
        changes = [event["at"] for event in ward.simulator.state.journal if event["event"] == "fees"]
        is_fresh = changes and (ward.time.now - changes[-1]).total_seconds() < LAG_S
        if method in ("getPerDetail", "discharge") and len(uploads) >= from_upload and is_fresh:
            ward.simulator.switch_on({"fault": "P.stale", "operation": method, "times": 1})

    watch(monkeypatch, before)


def two_rows(ward):
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
