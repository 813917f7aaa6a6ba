# A deployment whose tokens are verified by the issuer's public keys alone.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt               = { algorithms = ["ES256", "EdDSA"], jwks_url = "https://issuer.example/jwks.json?tenant=1" }
}

run "without_a_secret_none_is_made_and_nobody_may_read_one" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.jwt) == 0 && output.jwt_secret_arn == null
    error_message = "public keys need no secret"
  }

  assert {
    condition     = length(flatten([for permissions in values(local.permissions) : [for statement in values(permissions) : [for action in statement.actions : action if startswith(action, "secretsmanager:")]]])) == 0
    error_message = "a right that is not used is one too many"
  }

  assert {
    condition     = !strcontains(jsonencode(local.key_permissions), "secretsmanager")
    error_message = "nor may the key be used by way of Secrets Manager"
  }
}

run "those_who_verify_tokens_are_told_where_the_keys_are" {
  command = plan

  assert {
    condition = alltrue([
      for function in ["authorizer", "message_router"] : { for name, value in local.functions[function].environment : name => value if startswith(name, "JWT_") } == {
        JWT_ALGORITHMS     = "ES256,EdDSA"
        JWT_JWKS_URL       = "https://issuer.example/jwks.json?tenant=1"
        JWT_LEEWAY_SECONDS = "30"
      }
    ])
    error_message = "a function without the URL does not start"
  }
}
