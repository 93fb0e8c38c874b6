"""What a person or a program can have done: one function each, the same for the command line, the pages, the APIs and
the clock."""
