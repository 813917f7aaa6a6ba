mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment         = "test"
  packages_manifest   = "tests/fixtures/manifest.json"
  existing_jwt_secret = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf" }
}

run "existing_secret_is_used_and_none_is_created" {
  command = plan

  assert {
    condition     = length(aws_secretsmanager_secret.jwt) == 0 && length(aws_secretsmanager_secret_version.jwt) == 0
    error_message = "no secret may be created beside an existing one"
  }

  assert {
    condition     = local.functions.authorizer.environment.JWT_SECRET_ARN == var.existing_jwt_secret.arn && local.functions.message_router.environment.JWT_SECRET_ARN == var.existing_jwt_secret.arn
    error_message = "functions that verify tokens must get the secret's ARN"
  }
}

run "key_of_an_existing_secret_is_used_only_by_its_readers" {
  command = plan

  variables {
    existing_jwt_secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2"
  }

  assert {
    condition     = toset([for function, arns in local.key_arns : function if contains(arns, var.existing_jwt_secret_kms_key_arn)]) == toset(["authorizer", "message_router"])
    error_message = "only functions that read the secret may use its key"
  }

  assert {
    condition     = one(local.key_permissions.authorizer.UseKeys.resources) == var.existing_jwt_secret_kms_key_arn && length(local.key_permissions.delivery) == 0
    error_message = "only functions that read the secret may get permissions on its key"
  }

  assert {
    condition     = one(local.permissions.authorizer.ReadSigningKeys.resources) == var.existing_jwt_secret.arn
    error_message = "the existing secret must be the one that is read"
  }
}
