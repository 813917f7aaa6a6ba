"""The parts of `terraform/toolchain.py`; standard library only, to run on a bare machine."""
