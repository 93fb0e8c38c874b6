"""The reviews APIs: public and private, read only."""
