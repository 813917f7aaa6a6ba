"""What `terraform/toolchain.py` is made of; standard library only, to run on a bare machine."""
