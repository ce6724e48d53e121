"""Whole columns to faithful text, dates and exact numbers: the kernels that several rooms share."""
