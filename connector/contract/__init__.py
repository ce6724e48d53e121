"""The platform's document as data, and what follows from it alone: check and envelope."""
