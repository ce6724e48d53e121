"""The operations that are imitated, one file per chapter of the document.

A chapter's file ends with `HANDLERS`, method → handler; adding a chapter is adding its file here. A method of the
contract without a handler answers `NOT_IMITATED`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from connector.simulator.call import Handler
from connector.simulator.operations import admission, approval, charges, queries, sessions

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **sessions.HANDLERS,
        **queries.HANDLERS,
        **admission.HANDLERS,
        **charges.HANDLERS,
        **approval.HANDLERS,
    }
)

NOT_IMITATED = "999404"
"""No code of the platform: what a method answers that this simulator does not imitate."""
