variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true # so that neither plan nor state holds it
}

variable "domain_name" {
  description = "Name that clients connect to, such as live.example.com"
  type        = string
}

variable "certificate_arn" {
  description = "ARN of a certificate for it in us-east-1, where CloudFront looks for it"
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:acm:us-east-1:[0-9]{12}:certificate/.+", var.certificate_arn))
    error_message = "certificate_arn: CloudFront takes certificates of us-east-1 alone; request one there."
  }
}

variable "handshakes_max" {
  description = "Handshakes that one address may make in five minutes, at least 10. Whole offices and mobile networks share one"
  type        = number
  default     = 3000

  validation {
    condition     = var.handshakes_max >= 10 && var.handshakes_max <= 2000000000 && floor(var.handshakes_max) == var.handshakes_max
    error_message = "handshakes_max: WAF takes whole numbers from 10 to 2000000000."
  }
}
