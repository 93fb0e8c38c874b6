"""What is looked for in a review before it is stored: links, personal data, insults and threats
(docs/moderation.md, "Checks")."""
