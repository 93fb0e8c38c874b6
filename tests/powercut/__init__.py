"""Simulated power cuts: the writes of a run are recorded, and the disk is rebuilt as a power cut could have left it.

`launch` runs the product unchanged and records every write, fsync, rename and deletion in its data folder.
`disk` makes any number of disks after power cuts from that record; its docstring describes the model.
"""
