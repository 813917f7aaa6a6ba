variable "region" {
  description = "AWS Region to deploy to"
  type        = string
}

variable "account_id" {
  description = "The only account that this may be applied to"
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: an AWS account id has twelve digits."
  }
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

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes, or its JSON form; set TF_VAR_jwt_secret. Null where `existing_jwt_secret` is given"
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "jwt_secret_version" {
  description = "Number of the secret's value. Raise it to have a new `jwt_secret` written"
  type        = number
  default     = 1
}

variable "existing_jwt_secret" {
  description = "ARN of an existing secret to use instead of `jwt_secret`; null to have one made"
  type = object({
    arn = string
  })
  default = null
}

variable "jwt_algorithms" {
  description = "Signature algorithms of tokens that are accepted: HS256 by the secret, RS256, ES256 and EdDSA by `jwt_jwks_url`"
  type        = list(string)
  default     = ["HS256"]
}

variable "jwt_jwks_url" {
  description = "Where the issuer publishes its public keys (a JSON Web Key Set); null where a secret alone verifies"
  type        = string
  default     = null
}

variable "jwt_issuer" {
  description = "What a token's `iss` must be; null leaves it unchecked"
  type        = string
  default     = null
}

variable "jwt_audience" {
  description = "What a token's `aud` must be; null leaves it unchecked"
  type        = string
  default     = null
}

variable "jwt_scope" {
  description = "The word that a token's scope must contain; null for `websocket`"
  type        = string
  default     = null
}

variable "jwt_claims" {
  description = "Where the issuer puts what the service reads of a token, where that is not the usual claim: see the stack"
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "ARN of a customer managed KMS key for tables, queues, logs and the secret; null for AWS's own keys"
  type        = string
  default     = null
}

variable "manage_account_logging_role" {
  description = "Whether to set the role by which API Gateway writes logs: one per account and Region. Set it in one place only"
  type        = bool
  default     = false
}

variable "alarm_topic" {
  description = "ARN of an existing SNS topic that the alarms notify; null to create one"
  type = object({
    arn = string
  })
  default = null
}

variable "alarm_emails" {
  description = "E-mail addresses subscribed to the alarms' own topic; each has to confirm"
  type        = set(string)
  default     = []
}

variable "redis_enabled" {
  description = "Whether to deploy Redis (Valkey) as a message broker beside the queues and for the index of subscriptions: see the stack"
  type        = bool
  default     = false
}

variable "existing_vpc" {
  description = "Where Redis and its functions run: id of an existing VPC, and of private subnets of it; null to create a small VPC"
  type = object({
    id         = string
    subnet_ids = list(string)
  })
  default = null
}

variable "existing_security_groups" {
  description = "Ids of existing security groups for the functions in `existing_vpc`; null to create one"
  type = object({
    ids = list(string)
  })
  default = null
}

variable "internet_egress" {
  description = "Whether the subnets of `existing_vpc` reach the internet by a NAT gateway"
  type        = bool
  default     = false
}

variable "redis_publisher_security_groups" {
  description = "Ids of security groups of services that publish through Redis, which are let in beside the clients' own, by a name of your choice"
  type        = map(string)
  default     = {}
}
