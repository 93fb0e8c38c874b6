"""The letters: composed as bytes, carried by SMTP or into a folder."""
