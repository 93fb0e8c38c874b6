"""The rows of messages: made with their cause, claimed when they are due, marked, settled."""
