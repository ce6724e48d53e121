"""A made-up hospital to practise on."""
