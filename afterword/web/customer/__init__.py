"""The pages behind the links of an e-mail: the review form, and unsubscribing."""
