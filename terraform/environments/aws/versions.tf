terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # Partial: the key comes from ENVIRONMENT.s3.tfbackend, bucket and Region from -backend-config; see the README. The lock
  # file in S3 needs no table.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
