"""Afterword's main door, as a Python team would write it by default: FastAPI, pydantic, SQLAlchemy, uvicorn, SQLite.

What benchmark h measures Afterword beside. It takes forms with the fields of the contract and nothing more: no JSON
bodies, no `details`, no tolerances for older modules. So it does a little less than Afterword, never more.
"""
