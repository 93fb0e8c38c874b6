"""Pages about the shop itself: its keys, webhooks, do-not-e-mail list, refused orders, team and settings."""
