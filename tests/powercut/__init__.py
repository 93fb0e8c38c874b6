"""Power cuts: what a run wrote is recorded, and the disk is rebuilt as a cut could have left it.

`launch` runs the product unchanged and records every write, fsync, rename and deletion in its data folder.
`disk` makes from that record as many power-cut disks as a test asks for, and says how in its docstring.
"""
