"""E-mails: composed as bytes from templates and catalogues, and carried by SMTP or into a folder."""
