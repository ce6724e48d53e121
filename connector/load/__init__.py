"""Batches to outcomes: session, sealed calls, and what an answer means."""
