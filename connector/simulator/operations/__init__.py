"""Every operation of the contract, one file per chapter of the document.

A chapter's file ends with `HANDLERS`, method → handler; adding a chapter is adding its file here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from connector.simulator.call import Handler
from connector.simulator.operations import (
    admission,
    approval,
    cards,
    charges,
    discharge,
    lookups,
    materials,
    queries,
    sessions,
)

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **sessions.HANDLERS,
        **lookups.HANDLERS,
        **admission.HANDLERS,
        **charges.HANDLERS,
        **approval.HANDLERS,
        **discharge.HANDLERS,
        **queries.HANDLERS,
        **materials.HANDLERS,
        **cards.HANDLERS,
    }
)
