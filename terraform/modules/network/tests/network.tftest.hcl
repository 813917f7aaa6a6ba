mock_provider "aws" {
  source = "../../mocks"

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-dynamodb" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/deals-test-flow-logs" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/deals-test/flow-logs" }
  }

  override_data {
    target = data.aws_vpc_endpoint_service.interface["sqs"]
    values = { availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"], service_name = "com.amazonaws.eu-west-1.sqs" }
  }

  override_resource {
    target = aws_security_group.functions[0]
    values = { id = "sg-functions" }
  }

  override_resource {
    target = aws_security_group.endpoints[0]
    values = { id = "sg-endpoints" }
  }
}

variables {
  name = "deals-test"
}

run "creates_a_small_vpc_in_two_availability_zones" {
  assert {
    condition     = { for subnet in values(aws_subnet.private) : subnet.availability_zone => subnet.cidr_block } == { eu-west-1a = "10.84.0.0/26", eu-west-1b = "10.84.0.64/26" }
    error_message = "the subnets must be in the Region's first two zones, in a stable order"
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "no subnet may assign public addresses"
  }

  assert {
    condition     = aws_vpc.this[0].enable_dns_support && aws_vpc.this[0].enable_dns_hostnames
    error_message = "private DNS names of endpoints require both DNS settings"
  }

  assert {
    condition     = length(aws_route_table.private[0].route) == 0
    error_message = "the VPC must have no gateway"
  }
}

run "default_security_group_has_no_rules" {
  assert {
    condition     = length(aws_default_security_group.this[0].ingress) == 0 && length(aws_default_security_group.this[0].egress) == 0
    error_message = "resources in the default group must not reach each other"
  }
}

run "aws_is_reached_through_endpoints_with_private_dns" {
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["lambda", "logs", "secretsmanager", "sqs"]) && aws_vpc_endpoint.interface["sqs"].service_name == "com.amazonaws.eu-west-1.sqs"
    error_message = "endpoints must exist for the services that the functions call"
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.security_group_ids == toset(["sg-endpoints"]) && length(endpoint.subnet_ids) == 2])
    error_message = "endpoints must have private DNS, be in every zone, and use their security group"
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb[0].vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.dynamodb[0].route_table_ids) == 1
    error_message = "DynamoDB must have a gateway endpoint, which is free"
  }
}

run "functions_reach_only_aws_by_https_and_admit_nothing" {
  assert {
    condition = toset([for rule in aws_security_group.functions[0].egress : "${rule.protocol} ${rule.from_port}-${rule.to_port} ${join(" ", concat(tolist(coalesce(rule.security_groups, [])), coalesce(rule.prefix_list_ids, []), coalesce(rule.cidr_blocks, [])))}"]) == toset([
      "tcp 443-443 pl-dynamodb",
      "tcp 443-443 sg-endpoints",
    ])
    error_message = "functions may reach only the endpoints and DynamoDB"
  }

  assert {
    condition     = length(aws_security_group.functions[0].ingress) == 0
    error_message = "functions must admit no connection"
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.endpoints : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.referenced_security_group_id}"] == ["tcp 443-443 sg-functions"]
    error_message = "endpoints must admit only the functions"
  }
}

run "endpoint_policy_allows_named_resources_to_callers_of_the_account" {
  variables {
    interface_endpoints = ["sqs"]
    endpoint_resources  = { sqs = ["arn:aws:sqs:eu-west-1:123456789012:deliveries"] }
  }

  assert {
    condition = jsondecode(output.endpoint_policies.sqs).Statement == [{
      Sid       = "OwnThingsByOwnCallers"
      Effect    = "Allow"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = ["arn:aws:sqs:eu-west-1:123456789012:deliveries"]
      Condition = { StringEquals = { "aws:PrincipalAccount" = "123456789012", "aws:ResourceAccount" = "123456789012" } }
    }]
    error_message = "an endpoint must reach only the named resources and callers of this account"
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["sqs"]) && jsondecode(output.endpoint_policies.dynamodb).Statement[0].Resource == ["*"]
    error_message = "without named resources an endpoint is limited to this account; others must not exist"
  }
}

run "existing_vpc_gets_only_security_groups" {
  variables {
    existing_vpc = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_default_security_group.this) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.dynamodb) + length(aws_security_group.endpoints) == 0
    error_message = "an existing VPC must get no endpoint, whose name and policy would affect others"
  }

  assert {
    condition     = output.vpc_id == "vpc-1" && join(" ", output.subnet_ids) == "subnet-1 subnet-2" && one(output.security_group_ids) == "sg-functions"
    error_message = "the functions must be in the given subnets"
  }

  assert {
    condition     = toset(flatten([for rule in aws_security_group.functions[0].egress : concat(coalesce(rule.prefix_list_ids, []), coalesce(rule.cidr_blocks, []))])) == toset(["pl-dynamodb", "10.20.0.0/16"])
    error_message = "functions must reach endpoints anywhere in the VPC"
  }
}

run "internet_egress_lets_functions_reach_any_address_by_https" {
  variables {
    existing_vpc    = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    internet_egress = true
  }

  assert {
    condition     = [for rule in aws_security_group.functions[0].egress : "${rule.protocol} ${rule.from_port}-${rule.to_port}" if contains(coalesce(rule.cidr_blocks, []), "0.0.0.0/0")] == ["tcp 443-443"]
    error_message = "with a NAT gateway functions may reach any address by HTTPS only"
  }
}

run "given_security_groups_are_used_unchanged" {
  variables {
    existing_vpc             = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    existing_security_groups = { ids = ["sg-theirs"] }
  }

  assert {
    condition     = one(output.security_group_ids) == "sg-theirs" && length(aws_security_group.functions) == 0
    error_message = "given security groups must be used without changes"
  }
}

run "flow_logs_role_may_write_only_to_its_log_group" {
  variables {
    flow_logs = {}
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "REJECT" && aws_cloudwatch_log_group.flow_logs[0].retention_in_days == 30
    error_message = "flow logs must hold rejected traffic and have a retention"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.flow_logs[0].policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/deals-test/flow-logs:*"]
    error_message = "the role may write only to its own log group"
  }

  assert {
    condition     = jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    error_message = "only the flow logs service of this account may assume the role"
  }
}

run "without_flow_logs_there_is_no_role" {
  command = plan

  assert {
    condition     = length(aws_flow_log.this) + length(aws_iam_role.flow_logs) + length(aws_cloudwatch_log_group.flow_logs) == 0
    error_message = "nothing may be created that was not asked for"
  }
}

run "subnets_are_where_all_endpoints_and_lambda_are" {
  command = plan

  override_data {
    target = data.aws_vpc_endpoint_service.interface["lambda"]
    values = { availability_zones = ["eu-west-1b", "eu-west-1c"], service_name = "com.amazonaws.eu-west-1.lambda" }
  }

  assert {
    condition     = toset(values(aws_subnet.private)[*].availability_zone) == toset(["eu-west-1b", "eu-west-1c"])
    error_message = "a zone without Lambda or an endpoint must be passed over"
  }
}

run "every_address_range_of_an_existing_vpc_is_reached" {
  command = plan

  variables {
    existing_vpc = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = {
      cidr_block = "10.20.0.0/16"
      cidr_block_associations = [
        { association_id = "1", cidr_block = "10.20.0.0/16", state = "associated" },
        { association_id = "2", cidr_block = "100.64.0.0/16", state = "associated" },
        { association_id = "3", cidr_block = "10.99.0.0/16", state = "disassociated" },
      ]
    }
  }

  assert {
    condition     = toset(flatten([for rule in aws_security_group.functions[0].egress : coalesce(rule.cidr_blocks, [])])) == toset(["10.20.0.0/16", "100.64.0.0/16"])
    error_message = "endpoints may be in any range of the VPC"
  }
}

run "security_groups_of_one_name_may_stand_side_by_side" {
  assert {
    condition     = aws_security_group.functions[0].name_prefix == "deals-test-functions-" && aws_security_group.endpoints[0].name_prefix == "deals-test-endpoints-"
    error_message = "a group that replaces another is made before that goes, so it needs a name of its own"
  }
}

run "in_china_an_endpoint_has_the_name_that_its_service_has_there" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  override_data {
    target = data.aws_vpc_endpoint_service.interface["sqs"]
    values = { availability_zones = ["eu-west-1a", "eu-west-1b"], service_name = "cn.com.amazonaws.cn-north-1.sqs" }
  }

  assert {
    condition     = one(data.aws_vpc_endpoint_service.interface["sqs"].filter).values == toset(["cn.com.amazonaws.cn-north-1.sqs", "com.amazonaws.cn-north-1.sqs"])
    error_message = "a service must be found by either name"
  }

  assert {
    condition     = aws_vpc_endpoint.interface["sqs"].service_name == "cn.com.amazonaws.cn-north-1.sqs"
    error_message = "the name must be the one that was found"
  }
}
