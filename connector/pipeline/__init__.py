"""The hall: stage what is new, deliver what is staged."""
