"""Every language's words, for e-mails, pages and the widget: one `locales/<language>.po` each."""
