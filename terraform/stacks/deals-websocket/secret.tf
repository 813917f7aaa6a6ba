locals {
  jwt_secret_used = contains(var.jwt_algorithms, "HS256")
  jwt_secret_made = local.jwt_secret_used && var.existing_jwt_secret == null
  jwt_secret_arn  = local.jwt_secret_made ? aws_secretsmanager_secret_version.jwt[0].arn : one(var.existing_jwt_secret[*].arn)
}

################################################################################
# Signing keys of the tokens
################################################################################

resource "aws_secretsmanager_secret" "jwt" {
  #checkov:skip=CKV2_AWS_57:The issuer of the tokens has to change its secret too, so people rotate it: docs/operations.md.
  count = local.jwt_secret_made ? 1 : 0

  name                    = local.names.secret
  description             = "Secrets that sign the tokens of ${local.prefix}: one, or {\"current\", \"previous\"} while rotating"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.jwt_secret_recovery_window_days
  tags                    = local.tags
}

# Write-only: the value is in neither the plan nor the state, so only a new version number writes it again.
resource "aws_secretsmanager_secret_version" "jwt" {
  count = local.jwt_secret_made ? 1 : 0

  secret_id                = aws_secretsmanager_secret.jwt[0].id
  secret_string_wo         = var.jwt_secret
  secret_string_wo_version = var.jwt_secret_version
}
