mock_provider "aws" {
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
  jwt_secret_arn    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf"
}

run "plans_with_an_existing_secret_and_its_own_key" {
  command = plan

  assert {
    condition     = aws_kms_key.deals.enable_key_rotation
    error_message = "the key must rotate"
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_kms_key.deals.policy).Statement : statement.Sid if !can(statement.Condition)]) == toset(["AccountGrantsByIam", "RulesSendToTheQueue"])
    error_message = "services may use the key only for this account, but EventBridge, which does not say for whom it uses a key"
  }

  assert {
    condition     = output.shop_event_bus_name == "shop"
    error_message = "the README publishes on this bus"
  }
}

run "plans_redis_with_a_replica_in_its_own_vpc" {
  command = plan

  assert {
    condition     = output.redis.node_count == 2
    error_message = "the cache must survive the loss of a node"
  }
}
