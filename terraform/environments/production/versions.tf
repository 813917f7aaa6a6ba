terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # Partial: bucket and Region come by -backend-config, see the README. The lock file in S3 needs no table.
  backend "s3" {
    key          = "deals-websocket/production.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
