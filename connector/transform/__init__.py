"""Chunks to records and rejections: pure and vectorised."""
