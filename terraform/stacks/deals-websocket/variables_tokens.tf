################################################################################
# Tokens
################################################################################

variable "jwt_algorithms" {
  description = "Signature algorithms of tokens that are accepted. HS256 is verified by the shared secret (`jwt_secret` or `existing_jwt_secret`), RS256, ES256 and EdDSA by the issuer's public keys"
  type        = list(string)
  default     = ["HS256"]
  nullable    = false

  validation {
    condition     = length(var.jwt_algorithms) > 0 && length(setsubtract(var.jwt_algorithms, ["HS256", "RS256", "ES256", "EdDSA"])) == 0
    error_message = "jwt_algorithms: use some of HS256, RS256, ES256 and EdDSA, at least one."
  }
}

variable "jwt_jwks_url" {
  description = "Where the issuer publishes its public keys, as a JSON Web Key Set; null where the secret alone verifies"
  type        = string
  default     = null

  validation {
    condition     = (var.jwt_jwks_url != null) == (length(setintersection(var.jwt_algorithms, ["RS256", "ES256", "EdDSA"])) > 0)
    error_message = "jwt_jwks_url: RS256, ES256 and EdDSA need it, as it is where the issuer's public keys are, and it needs one of them in jwt_algorithms: set both, or neither."
  }

  validation {
    condition     = var.jwt_jwks_url == null || can(regex("^(https://[^/@?#]+|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?)(/[^#]*)?$", var.jwt_jwks_url))
    error_message = "jwt_jwks_url: give an https:// URL without credentials (http:// for this machine alone): anyone who can change the answer can sign tokens."
  }
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
  description = "The word that a token's scope must contain; null for websocket. Cognito names one after its resource server"
  type        = string
  default     = null

  validation {
    condition     = var.jwt_scope == null || can(regex("^[!-~]{1,256}$", var.jwt_scope))
    error_message = "jwt_scope: it is one word of 1 to 256 visible ASCII characters."
  }
}

variable "jwt_claims" {
  description = "Where the issuer puts the user id (`user_id`: sub), the scope (`scope`: scope), the audience (`audience`: aud) and the permissions (`topics`, `recipients`), where those are not the names of the claims. A user must not be able to set them"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.jwt_claims), ["user_id", "scope", "audience", "topics", "recipients"])) == 0
    error_message = "jwt_claims: the service reads no ${join(", ", setsubtract(keys(var.jwt_claims), ["user_id", "scope", "audience", "topics", "recipients"]))}; it reads user_id, scope, audience, topics and recipients."
  }

  validation {
    condition     = alltrue([for name in values(var.jwt_claims) : try(can(regex("^[!-~]{1,256}$", name)), false)])
    error_message = "jwt_claims: a claim's name has 1 to 256 visible ASCII characters; leave out what has its usual name."
  }
}

variable "jwt_leeway_seconds" {
  description = "How far the clocks of issuer and service may differ"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.jwt_leeway_seconds >= 0 && var.jwt_leeway_seconds <= 300
    error_message = "jwt_leeway_seconds: use 0 to 300; a larger one keeps expired tokens alive."
  }
}

variable "jwt_secret" {
  description = <<-EOT
    The secret that signs the tokens, at least 32 bytes, or {"current": "...", "previous": "..."} (JSON) while
    rotating. It goes to Secrets Manager and into neither plan nor state, if the variable that it comes from is
    ephemeral too; set TF_VAR_jwt_secret rather than a file. Null where `existing_jwt_secret` is given, or where
    `jwt_algorithms` has no HS256.
  EOT
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = !contains(var.jwt_algorithms, "HS256") || (var.jwt_secret == null) != (var.existing_jwt_secret == null)
    error_message = "jwt_secret: HS256 needs a secret: set either jwt_secret (TF_VAR_jwt_secret) to have one made, or existing_jwt_secret to use one that exists, not both and not neither."
  }

  validation {
    condition     = contains(var.jwt_algorithms, "HS256") || (var.jwt_secret == null && var.existing_jwt_secret == null)
    error_message = "jwt_secret: no algorithm in jwt_algorithms uses a secret; add HS256, or leave jwt_secret and existing_jwt_secret out."
  }

  validation {
    condition     = var.jwt_secret == null || can(keys(jsondecode(var.jwt_secret))) || length(coalesce(var.jwt_secret, "-")) >= 32
    error_message = "jwt_secret: HS256 needs at least 32 bytes; make one with: openssl rand -base64 48"
  }

  validation {
    condition = !can(keys(jsondecode(var.jwt_secret))) || try(
      length(jsondecode(var.jwt_secret).current) >= 32
      && length(try(jsondecode(var.jwt_secret).previous, jsondecode(var.jwt_secret).current)) >= 32
      && length(setsubtract(keys(jsondecode(var.jwt_secret)), ["current", "previous"])) == 0,
      false,
    )
    error_message = "jwt_secret: as JSON it is {\"current\": \"...\"} or {\"current\": \"...\", \"previous\": \"...\"}, each of at least 32 bytes."
  }
}

variable "jwt_secret_version" {
  description = "Number of the secret's value. Raise it to have a new `jwt_secret` written"
  type        = number
  default     = 1

  validation {
    condition     = var.jwt_secret_version >= 1 && floor(var.jwt_secret_version) == var.jwt_secret_version
    error_message = "jwt_secret_version: use whole numbers from 1."
  }
}

variable "jwt_secret_recovery_window_days" {
  description = "Days for which a deleted secret can be restored and its name cannot be reused: 7 to 30, or 0 for none"
  type        = number
  default     = 30

  validation {
    condition     = var.jwt_secret_recovery_window_days == 0 || (var.jwt_secret_recovery_window_days >= 7 && var.jwt_secret_recovery_window_days <= 30)
    error_message = "jwt_secret_recovery_window_days: Secrets Manager takes 0, or 7 to 30."
  }
}

variable "existing_jwt_secret" {
  description = "ARN of an existing secret to use instead of `jwt_secret`, of the same form; null to have one made"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.existing_jwt_secret == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+", var.existing_jwt_secret.arn))
    error_message = "existing_jwt_secret: arn is not the ARN of a Secrets Manager secret; take it from: aws secretsmanager describe-secret"
  }

  validation {
    condition     = var.existing_jwt_secret == null || try(split(":", var.existing_jwt_secret.arn)[3] == data.aws_region.current.id, true)
    error_message = "existing_jwt_secret: the secret is in another Region than ${data.aws_region.current.id}, where the functions read it; replicate it, and name the replica."
  }
}

variable "existing_jwt_secret_kms_key_arn" {
  description = "ARN of the customer managed key of `existing_jwt_secret`; null where that has none"
  type        = string
  default     = null

  validation {
    condition     = var.existing_jwt_secret_kms_key_arn == null || try(regex("^arn:[^:]+:kms:([^:]+):[0-9]{12}:key/.+", var.existing_jwt_secret_kms_key_arn)[0] == data.aws_region.current.id, false)
    error_message = "existing_jwt_secret_kms_key_arn: give the ARN of a key itself (…:key/…) in ${data.aws_region.current.id}, not an alias."
  }

  validation {
    condition     = var.existing_jwt_secret_kms_key_arn == null || var.existing_jwt_secret != null
    error_message = "existing_jwt_secret_kms_key_arn: it belongs to an existing secret; set existing_jwt_secret too, or use kms_key_arn for a secret made here."
  }
}
