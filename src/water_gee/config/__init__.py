"""The configuration: composed by Hydra from `conf/` (`compose`), checked by pydantic (`settings`).

Its modules are imported by name, so that `--cfg job` does not wait for pydantic.
"""
