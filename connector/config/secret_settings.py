"""Settings that are secret, or may hold a secret: what stands in the file is a reference, and a literal one is not shown."""

from connector.config import secrets
from connector.config.form import Form
from connector.config.secrets import Secret


def read_secret(form: Form, name: str) -> Secret:
    """A reference to a secret; a literal one is a fault and is not shown."""
    setting = ".".join((*form.path, name))
    scalar = form.scalar(name, required=True)
    if scalar is None:
        return Secret("", setting)
    if not secrets.is_reference(scalar.text):
        form.page.complain(
            scalar.spot,
            f"{setting} is a secret and must not stand in the file.",
            f"Refer to it: {secrets.FORMS}.",
        )
    return Secret(scalar.text, setting)


def read_url(form: Form, name: str, *, required: bool) -> Secret | None:
    """A URL without a password, or a reference to one."""
    setting = ".".join((*form.path, name))
    scalar = form.scalar(name, required=required, nullable=not required)
    if scalar is None:
        return None
    if not secrets.is_reference(scalar.text):
        if secrets.holds_password(scalar.text):
            form.page.complain(
                scalar.spot,
                f"{setting} has a password in it, which must not stand in the file.",
                f"Refer to the whole URL: {secrets.FORMS}.",
            )
        elif "://" not in scalar.text:
            form.page.complain(
                scalar.spot,
                f"{setting} must be a URL without a password, or a reference to one.",
                f"Refer to it: {secrets.FORMS}.",
            )
    return Secret(scalar.text, setting)
