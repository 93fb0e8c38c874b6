"""Afterword takes a shop's orders, writes to each customer ten days later, and gives the shop reviews back."""

__version__ = "0.1.0"
