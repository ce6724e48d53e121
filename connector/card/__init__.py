"""Social security cards and QR codes: readers, scanners, and nothing of the platform."""
