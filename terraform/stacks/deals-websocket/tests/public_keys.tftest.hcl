# A deployment that verifies tokens with the issuer's public keys alone.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_algorithms    = ["ES256", "EdDSA"]
  jwt_jwks_url      = "https://issuer.example/jwks.json?tenant=1"
}

run "without_hs256_there_is_no_secret_and_nobody_may_read_one" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.jwt) == 0 && output.jwt_secret_arn == null
    error_message = "with public keys alone no secret may exist"
  }

  assert {
    condition     = length(flatten([for permissions in values(local.permissions) : [for statement in values(permissions) : [for action in statement.actions : action if startswith(action, "secretsmanager:")]]])) == 0
    error_message = "no function may read a secret"
  }

  assert {
    condition     = !strcontains(jsonencode(local.key_permissions), "secretsmanager")
    error_message = "no function may use the key through Secrets Manager"
  }
}

run "functions_that_verify_tokens_get_the_names_of_claims_that_are_set" {
  command = plan

  variables {
    jwt_algorithms = ["RS256"]
    jwt_jwks_url   = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE12/.well-known/jwks.json"
    jwt_audience   = "1example23456789"
    jwt_scope      = "deals/websocket"
    jwt_claims     = { audience = "client_id", user_id = "username", topics = "https://deals.example.com/topics" }
  }

  assert {
    condition = alltrue([
      for function in ["authorizer", "message_router"] : { for name, value in local.functions[function].environment : name => value if startswith(name, "JWT_CLAIM_") || name == "JWT_SCOPE" } == {
        JWT_SCOPE          = "deals/websocket"
        JWT_CLAIM_AUDIENCE = "client_id"
        JWT_CLAIM_USER_ID  = "username"
        JWT_CLAIM_TOPICS   = "https://deals.example.com/topics"
      }
    ])
    error_message = "functions that verify tokens must get the names of the claims, and no others"
  }
}

run "functions_that_verify_tokens_get_the_url_of_the_keys" {
  command = plan

  assert {
    condition = alltrue([
      for function in ["authorizer", "message_router"] : { for name, value in local.functions[function].environment : name => value if startswith(name, "JWT_") } == {
        JWT_ALGORITHMS     = "ES256,EdDSA"
        JWT_JWKS_URL       = "https://issuer.example/jwks.json?tenant=1"
        JWT_LEEWAY_SECONDS = "30"
      }
    ])
    error_message = "functions that verify tokens must get the URL of the keys"
  }
}
