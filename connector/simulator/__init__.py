"""A stand-in for the platform over HTTP: a witness that knows only the contract."""
