mock_provider "aws" {
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
  jwt_secret_arn    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf"
}

run "plans_with_the_issuers_secret_and_a_key_of_its_own" {
  command = plan

  assert {
    condition     = aws_kms_key.deals.enable_key_rotation
    error_message = "the key rotates"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_kms_key.deals.policy).Statement : can(statement.Condition) || statement.Sid == "AccountGrantsByIam"])
    error_message = "services use the key for this account's things only"
  }

  assert {
    condition     = output.shop_event_bus_name == "shop"
    error_message = "the README publishes on this bus"
  }
}

run "plans_redis_with_a_replica_and_a_vpc_of_its_own" {
  command = plan

  assert {
    condition     = output.redis.node_count == 2
    error_message = "the loss of a node is survived"
  }
}
