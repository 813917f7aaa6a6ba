################################################################################
# Tokens
################################################################################

variable "jwt" {
  description = <<-EOT
    Which tokens may connect.

    `algorithms`: signature algorithms that are accepted. HS256 is verified by the shared secret (`jwt_secret` or
    `jwt_secret_arn`), RS256, ES256 and EdDSA by the issuer's public keys.
    `jwks_url`: where the issuer publishes those, as a JSON Web Key Set.
    `issuer`, `audience`: what `iss` and `aud` must be; null leaves them unchecked.
    `leeway_seconds`: how far clocks may differ.
    `scope`: the word that the scope must contain (`websocket`); Cognito names one after its resource server.
    `claims`: where the issuer puts the user id (`sub`), the scope (`scope`), the audience (`aud`), and the permissions
    (`topics`, `recipients`), where those are not the names. A user must not be able to set them.
  EOT
  type = object({
    algorithms     = optional(list(string), ["HS256"])
    jwks_url       = optional(string)
    issuer         = optional(string)
    audience       = optional(string)
    leeway_seconds = optional(number, 30)
    scope          = optional(string)
    claims = optional(object({
      user_id    = optional(string)
      scope      = optional(string)
      audience   = optional(string)
      topics     = optional(string)
      recipients = optional(string)
    }), {})
  })
  default = {}

  validation {
    condition     = length(var.jwt.algorithms) > 0 && length(setsubtract(var.jwt.algorithms, ["HS256", "RS256", "ES256", "EdDSA"])) == 0
    error_message = "jwt: algorithms are some of HS256, RS256, ES256 and EdDSA, at least one."
  }

  validation {
    condition     = (var.jwt.jwks_url != null) == (length(setsubtract(var.jwt.algorithms, ["HS256"])) > 0)
    error_message = "jwt: RS256, ES256 and EdDSA need jwks_url, where the issuer's public keys are, and jwks_url needs one of them: set both, or neither."
  }

  validation {
    condition     = var.jwt.jwks_url == null || can(regex("^(https://[^/@?#]+|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?)(/[^#]*)?$", var.jwt.jwks_url))
    error_message = "jwt: jwks_url is an https:// URL without credentials (http:// for this machine alone): anyone who can change the answer can sign tokens."
  }

  validation {
    condition     = var.jwt.leeway_seconds >= 0 && var.jwt.leeway_seconds <= 300
    error_message = "jwt: leeway_seconds is 0 to 300; a larger one keeps expired tokens alive."
  }

  validation {
    condition     = alltrue([for name in concat([var.jwt.scope], values(var.jwt.claims)) : name == null || can(regex("^[!-~]{1,256}$", name))])
    error_message = "jwt: scope is one word, and claims are names of claims, each of 1 to 256 visible ASCII characters; leave out what has its usual name."
  }
}

variable "jwt_secret" {
  description = <<-EOT
    The secret that signs the tokens, at least 32 bytes, or {"current": "...", "previous": "..."} (JSON) while
    rotating. It goes to Secrets Manager and into neither plan nor state; set TF_VAR_jwt_secret rather than a file.
    Null where `jwt_secret_arn` is given, or where `jwt.algorithms` has no HS256.
  EOT
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = !contains(var.jwt.algorithms, "HS256") || (var.jwt_secret == null) != (var.jwt_secret_arn == null)
    error_message = "jwt_secret: HS256 needs a secret: set either jwt_secret (TF_VAR_jwt_secret) to have one made, or jwt_secret_arn to use one that exists, not both and not neither."
  }

  validation {
    condition     = contains(var.jwt.algorithms, "HS256") || (var.jwt_secret == null && var.jwt_secret_arn == null)
    error_message = "jwt_secret: no algorithm in jwt.algorithms uses a secret; add HS256, or leave jwt_secret and jwt_secret_arn out."
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

variable "jwt_secret_arn" {
  description = "ARN of an existing secret to use instead of `jwt_secret`, of the same form"
  type        = string
  default     = null

  validation {
    condition     = var.jwt_secret_arn == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+", var.jwt_secret_arn))
    error_message = "jwt_secret_arn: this is not the ARN of a Secrets Manager secret; take it from: aws secretsmanager describe-secret"
  }
}

variable "jwt_secret_kms_key_arn" {
  description = "ARN of the customer managed key of the secret at `jwt_secret_arn`; null where that has none"
  type        = string
  default     = null

  validation {
    condition     = var.jwt_secret_kms_key_arn == null || var.jwt_secret_arn != null
    error_message = "jwt_secret_kms_key_arn: it belongs to an existing secret; set jwt_secret_arn too, or use kms_key_arn for a secret made here."
  }
}
