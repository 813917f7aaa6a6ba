mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_elasticache_user" {
    defaults = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-reader" }
  }

  mock_resource "aws_secretsmanager_secret_version" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf" }
  }

  override_resource {
    target = aws_security_group.cache
    values = { id = "sg-cache" }
  }

  override_resource {
    target = aws_security_group.clients[0]
    values = { id = "sg-clients" }
  }
}

variables {
  name       = "deals-test"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  users = {
    reader = { user_id = "deals-test-reader", keys = ["%R~deals:*"], commands = ["get", "smembers"] }
    relay  = { user_id = "deals-test-relay", keys = ["deals:*", "%W~log:*"], channels = ["deals:*"], commands = ["psubscribe", "xgroup|create"] }
  }
}

run "defaults_to_valkey_8_with_a_replica_in_another_zone" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.engine_version == "8.1" && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "the engine, its version and the parameter group's family must match"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "the cache must survive the loss of a node or of a zone"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit == 1
    error_message = "the default must be one daily snapshot, which is free"
  }
}

run "single_node_has_no_failover" {
  command = plan

  variables {
    replicas = 0
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "failover and multi-AZ must be off without a replica"
  }

  assert {
    condition     = output.node_count == 1
    error_message = "node_count must be known at the plan, because alarms depend on it"
  }
}

run "redis_7_gets_its_parameter_family" {
  command = plan

  variables {
    engine = "redis"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine_version == "7.1" && aws_elasticache_parameter_group.this.family == "redis7"
    error_message = "the engine, its version and the parameter group's family must match"
  }
}

run "everything_is_encrypted_at_rest_and_in_transit" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled)
    error_message = "encryption at rest and in transit must always be on"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "the cache must use the given key"
  }

  assert {
    condition     = output.url == "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
    error_message = "the URL must ask for TLS and hold no credentials"
  }
}

run "full_cache_refuses_writes_and_evicts_nothing" {
  command = plan

  assert {
    condition     = { for parameter in aws_elasticache_parameter_group.this.parameter : parameter.name => parameter.value } == { maxmemory-policy = "noeviction" }
    error_message = "eviction would silently remove members of the index"
  }
}

run "users_connect_by_iam_and_no_secret_exists" {
  assert {
    condition     = alltrue([for user in aws_elasticache_user.this : user.authentication_mode[0].type == "iam" && user.user_id == user.user_name])
    error_message = "users must authenticate by IAM, which requires that the name equals the id"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.auth_token) == 0 && aws_elasticache_replication_group.this.auth_token == null && output.auth_token_secret_arn == null
    error_message = "no secret may exist with users by IAM"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset(["deals-test"]) && aws_elasticache_user_group.this[0].user_ids == toset(["deals-test-reader", "deals-test-relay"])
    error_message = "the group must hold exactly these users, and not AWS's default user"
  }

  assert {
    condition     = output.users == { reader = "deals-test-reader", relay = "deals-test-relay" } && output.connect_resources.reader == ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-reader"]
    error_message = "a role needs elasticache:Connect on both ARNs"
  }
}

run "user_may_run_only_named_commands_on_named_keys" {
  command = plan

  assert {
    condition = { for user, resource in aws_elasticache_user.this : user => resource.access_string } == {
      reader = "on %R~deals:* resetchannels -@all +get +smembers"
      relay  = "on ~deals:* %W~log:* resetchannels &deals:* -@all +psubscribe +xgroup|create"
    }
    error_message = "an access string must start from nothing and add keys, channels and commands one by one"
  }
}

run "default_user_of_redis_may_do_nothing" {
  command = plan

  variables {
    engine = "redis"
  }

  assert {
    condition     = aws_elasticache_user.default[0].user_name == "default" && aws_elasticache_user.default[0].access_string == "off resetchannels -@all"
    error_message = "a user group of Redis requires a default user, which must be switched off"
  }

  assert {
    condition     = contains(aws_elasticache_user_group.this[0].user_ids, "deals-test-off")
    error_message = "the group must hold this default user instead of AWS's, which may do everything"
  }
}

run "auth_token_goes_to_the_cache_and_to_a_secret" {
  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition     = nonsensitive(aws_elasticache_replication_group.this.auth_token) == "a-token-of-at-least-sixteen-characters" && length(aws_elasticache_user_group.this) == 0
    error_message = "the cache must use the token and no user group"
  }

  assert {
    condition     = aws_secretsmanager_secret_version.auth_token[0].secret_string == null && output.auth_token_secret_arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"
    error_message = "the secret must be written by the write-only argument"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.auth_token_update_strategy == "ROTATE"
    error_message = "the old token must be accepted until every client has the new one"
  }
}

run "new_auth_token_is_written_to_the_secret" {
  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "another-token-of-sixteen-characters"
  }

  assert {
    condition     = nonsensitive(aws_secretsmanager_secret_version.auth_token[0].secret_string_wo_version) == parseint(substr(sha256("another-token-of-sixteen-characters"), 0, 7), 16)
    error_message = "a new token must be written to the secret, or the functions are locked out"
  }
}

run "security_group_admits_only_clients_and_opens_nothing" {
  variables {
    other_client_security_groups = { shop = "sg-theirs" }
    port                         = 7000
  }

  assert {
    condition     = "${aws_vpc_security_group_ingress_rule.clients.referenced_security_group_id} ${aws_vpc_security_group_ingress_rule.clients.ip_protocol} ${aws_vpc_security_group_ingress_rule.clients.from_port}-${aws_vpc_security_group_ingress_rule.clients.to_port}" == "sg-clients tcp 7000-7000"
    error_message = "the nodes must admit the clients' security group"
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.others : name => "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}" } == { shop = "sg-theirs 7000-7000" }
    error_message = "the nodes must admit the named security groups"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.clients.security_group_id == "sg-clients" && aws_vpc_security_group_egress_rule.clients.referenced_security_group_id == "sg-cache"
    error_message = "clients may open connections to the cache; the cache may open none"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.security_group_ids == toset(["sg-cache"])
    error_message = "the nodes must use the security group with these rules"
  }
}

run "slow_log_goes_to_a_group_with_a_retention" {
  variables {
    slow_log_enabled   = true
    log_retention_days = 7
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this.log_delivery_configuration).destination == "/aws/vendedlogs/elasticache/deals-test/slow" && aws_cloudwatch_log_group.slow[0].retention_in_days == 7
    error_message = "the slow log must go to a group with a retention"
  }
}

run "without_a_slow_log_there_is_no_log_group" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.slow) == 0 && length(aws_elasticache_replication_group.this.log_delivery_configuration) == 0
    error_message = "nothing may be created that was not asked for"
  }
}

run "nodes_have_a_stable_order" {
  assert {
    condition     = join(" ", output.cluster_ids) == "deals-test-001 deals-test-002"
    error_message = "the order of the nodes must be stable, or alarms change nodes"
  }
}
