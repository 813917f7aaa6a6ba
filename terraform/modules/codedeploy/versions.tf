terraform {
  # 1.11: write-only arguments and cross-variable validation, as used throughout this repository.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}
