"""What the answers of look-ups tell about the request that registers a visit, by the roles both sides have."""

from connector.contract.spec import Node, Operation

NEW_INJURY = "new_injury"
"""The role of the flag that says whether an injury is new: no field of an answer, but whether it has a number."""

_INJURY = "injury"


def record_node(operation: Operation) -> Node:
    """The list in an answer that holds the records."""
    return operation.answer.nodes[0]


def roles_told(operation: Operation) -> frozenset[str]:
    """The roles of a request that a record of the answer fills; an injury without a number is new (trap T114)."""
    roles = frozenset(record_node(operation).roles)
    return roles | {NEW_INJURY} if _INJURY in roles else roles
