variable "region" {
  description = "AWS Region to deploy to"
  type        = string
  default     = "eu-west-1"
}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "package_bucket" {
  description = "S3 bucket that holds the zips; null to upload those beside the manifest"
  type        = string
  default     = null
}

variable "package_prefix" {
  description = "Prefix of a package's file name in its S3 key, including the slash at its end"
  type        = string
  default     = ""
}

variable "jwt_secret_arn" {
  description = "ARN of the secret that the issuer of the tokens keeps: at least 32 bytes, or {\"current\", \"previous\"}"
  type        = string
}

variable "jwt_secret_kms_key_arn" {
  description = "ARN of that secret's customer managed key; null where it has none"
  type        = string
  default     = null
}
