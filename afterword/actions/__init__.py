"""What a person or a program can have done, one function each: the command line, the pages and the APIs call it.

An action takes a transaction (or a database, where it needs many short ones), values and `now`, and returns
values. It raises Refused with a sentence for people. It never prints, and never reads an
option, a clock or the environment.
"""
