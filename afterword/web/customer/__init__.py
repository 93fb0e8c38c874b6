"""The pages linked from e-mails: the review form, and unsubscribing."""
