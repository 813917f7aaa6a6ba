"""The parts of `terraform.toolchain`; they use the standard library only, to run on a bare machine."""
