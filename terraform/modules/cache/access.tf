locals {
  # In the order in which the engine writes it, so that AWS reports exactly what was declared.
  access_strings = {
    for user, access in var.users : user => join(" ", concat(
      ["on"],
      [for pattern in access.keys : startswith(pattern, "%") ? pattern : "~${pattern}"],
      ["resetchannels"],
      [for pattern in access.channels : "&${pattern}"],
      ["-@all"],
      [for command in access.commands : "+${command}"],
    ))
  }
}

################################################################################
# Users by IAM
################################################################################

# No password anywhere: a client connects with a request signed by its own role. AWS requires that the id of such a
# user equals its name.
resource "aws_elasticache_user" "this" {
  for_each = local.iam_used ? var.users : {}

  user_id       = each.value.user_id
  user_name     = each.value.user_id
  engine        = var.engine
  access_string = local.access_strings[each.key]
  tags          = var.tags

  authentication_mode {
    type = "iam"
  }
}

# Redis OSS wants a user named `default` in a group, so there it gets one that may do nothing. A Valkey group without
# one lets nobody in by that name, and takes no user without a password.
resource "aws_elasticache_user" "default" {
  count = local.iam_used && var.engine == "redis" ? 1 : 0

  user_id       = "${var.name}-off"
  user_name     = "default"
  engine        = var.engine
  access_string = "off resetchannels -@all"
  tags          = var.tags

  # Not as an authentication_mode: AWS reports that by another name than it takes, and each plan would change it.
  no_password_required = true
}

resource "aws_elasticache_user_group" "this" {
  count = local.iam_used ? 1 : 0

  user_group_id = var.name
  engine        = var.engine
  user_ids      = concat(values(aws_elasticache_user.this)[*].user_id, aws_elasticache_user.default[*].user_id)
  tags          = var.tags
}

################################################################################
# Secret of an AUTH token
################################################################################

resource "aws_secretsmanager_secret" "auth_token" {
  #checkov:skip=CKV2_AWS_57:The cache takes the token from Terraform, so an apply rotates both; with iam there is no secret to rotate.
  count = local.iam_used ? 0 : 1

  name                    = "${var.name}-redis-auth-token" # Secrets Manager advises against a hyphen and six characters at the end
  description             = "AUTH token of the cache ${var.name}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.auth_token_recovery_window_days
  tags                    = var.tags
}

# Write-only, so written when its version rises. The version follows the token: a token that changes in the cache and
# not here would lock the functions out. The state shows no more about the token than it would otherwise.
resource "aws_secretsmanager_secret_version" "auth_token" {
  count = local.iam_used ? 0 : 1

  secret_id                = aws_secretsmanager_secret.auth_token[0].id
  secret_string_wo         = var.auth_token
  secret_string_wo_version = parseint(substr(sha256(var.auth_token), 0, 7), 16)
}
