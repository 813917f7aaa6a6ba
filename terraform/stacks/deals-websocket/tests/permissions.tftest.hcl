mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "functions_have_no_wildcard_permissions" {
  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "actions must be named in full"
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.function_policies) : [
      for statement in jsondecode(policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, "*") || endswith(resource, "/@connections/*") || endswith(resource, ":log-stream:*")
      ]
    ]]))
    error_message = "only connections and log streams, whose ids are not known at the plan, may be named by a pattern"
  }

  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : statement.Effect == "Allow"]]))
    error_message = "no statement may deny"
  }
}

run "each_function_has_a_role_of_its_own" {
  command = plan

  assert {
    condition     = length(distinct(values(output.function_roles))) == 6
    error_message = "each function must have its own role"
  }
}

# What the code of each function calls, beyond its logs and its trigger: ACTION RESOURCE.
run "each_function_may_do_exactly_what_its_code_calls" {
  command = plan

  assert {
    condition = { for function, permissions in local.permissions : function => join("\n", sort(flatten([
      for statement in values(permissions) : [for pair in setproduct(statement.actions, statement.resources) : "${pair[0]} ${trimprefix(pair[1], join(":", concat(slice(split(":", pair[1]), 0, 5), [""])))}"]
      ]))) } == {
      authorizer = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-revocations",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "secretsmanager:GetSecretValue secret:deals-test-jwt-signing-keys-AbCdEf",
      ])
      broadcast = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:PutItem table/deals-test-history",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-subscriptions",
        "dynamodb:UpdateItem table/deals-test-history",
        "dynamodb:UpdateItem table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-subscriptions",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "sqs:SendMessage deals-test-deliveries",
        "sqs:SendMessage deals-test-events-dlq",
      ])
      connection_handler = join("\n", [
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:PutItem table/deals-test-connections",
      ])
      delivery = join("\n", [
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:UpdateItem table/deals-test-history",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "sqs:SendMessage deals-test-deliveries",
        "sqs:SendMessage deals-test-deliveries-dlq",
      ])
      janitor = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:Query table/deals-test-connections/index/DueIndex",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-revocations/index/RecentIndex",
        "dynamodb:UpdateItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-history",
        "execute-api:ManageConnections a1b2c3d4e5/v1/DELETE/@connections/*",
        "execute-api:ManageConnections a1b2c3d4e5/v1/GET/@connections/*",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
      ])
      message_router = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-connections",
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchGetItem table/deals-test-revocations",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-subscriptions",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-subscriptions",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-messages",
        "dynamodb:Query table/deals-test-subscriptions",
        "dynamodb:UpdateItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-limits",
        "dynamodb:UpdateItem table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-subscriptions",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "secretsmanager:GetSecretValue secret:deals-test-jwt-signing-keys-AbCdEf",
        "sqs:SendMessage deals-test-deliveries",
      ])
    }
    error_message = "permissions must be exactly what the code calls: change this list together with the code"
  }
}

run "functions_post_only_on_this_stage_and_only_the_janitor_closes" {
  command = plan

  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      connection_handler = []
      delivery           = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      janitor            = [for method in ["POST", "GET", "DELETE"] : "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/${method}/@connections/*"]
      message_router     = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
    }
    error_message = "functions may post only to this stage's connections, and only the janitor may read and close them"
  }
}

run "each_queue_is_read_only_by_its_function" {
  command = plan

  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "sqs:ReceiveMessage")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"]
      connection_handler = []
      delivery           = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"]
      janitor            = []
      message_router     = []
    }
    error_message = "each queue must have only one reader"
  }
}

run "without_a_key_no_function_may_use_one" {
  command = plan

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "kms:")])
    error_message = "without a key no function may have permissions on one"
  }
}

run "key_is_used_only_through_the_services_that_a_function_calls" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = { for function, policy in output.function_policies : function => [
      for statement in jsondecode(policy).Statement : "${join(" ", statement.Action)} ${join(" ", statement.Resource)} ${join(" ", statement.Condition.StringEquals["kms:ViaService"])}" if statement.Sid == "UseKeys"
      ][0] } == {
      authorizer         = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com secretsmanager.eu-west-1.amazonaws.com"
      broadcast          = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      connection_handler = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com"
      delivery           = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      janitor            = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com"
      message_router     = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com secretsmanager.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
    }
    error_message = "a function may use the key only through the services that it calls"
  }
}

run "tracing_is_off_by_default_and_grants_nothing" {
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "xray:")])
    error_message = "tracing must be off by default"
  }
}

run "tracing_lets_each_function_send_segments" {
  variables {
    tracing = "Active"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : strcontains(policy, "xray:PutTraceSegments")])
    error_message = "every function must be allowed to send segments"
  }
}

run "read_policy_changes_nothing" {
  assert {
    condition = toset(flatten(jsondecode(output.operator_policies["read"]).Statement[*].Action)) == toset([
      "cloudwatch:DescribeAlarms", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "execute-api:ManageConnections",
      "lambda:GetFunctionConfiguration", "logs:FilterLogEvents", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ])
    error_message = "the read policy must hold exactly these actions"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["read"]).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")] == [["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/GET/@connections/*"]]
    error_message = "the read policy may read connections, and neither post nor close"
  }
}

run "full_policy_includes_read_and_reaches_only_the_stack" {
  command = plan

  assert {
    condition     = length(setsubtract(jsondecode(output.operator_policies["read"]).Statement[*].Sid, jsondecode(output.operator_policies["full"]).Statement[*].Sid)) == 0
    error_message = "the full policy must include the read policy"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Sid if contains(statement.Resource, "*")] == ["LookAtAlarms"]
    error_message = "only the actions on alarms support no resources"
  }

  assert {
    condition = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Resource if contains(statement.Action, "lambda:InvokeFunction")] == [[
      "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live", "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-index_projector:live",
    ]]
    error_message = "the full policy may invoke only the aliases of broadcast and of the projector"
  }

  assert {
    condition     = !strcontains(output.operator_policies["full"], "secretsmanager:") && !strcontains(output.operator_policies["full"], "POST/@connections")
    error_message = "the full policy must not read the secret or post to connections"
  }

  assert {
    condition     = max([for policy in values(output.operator_policies) : length(policy)]...) <= 6144
    error_message = "IAM limits a managed policy to 6,144 characters"
  }
}

run "only_the_sign_policy_reads_the_secret" {
  command = plan

  assert {
    condition     = jsondecode(output.operator_policies["sign"]).Statement[*].Action == [["secretsmanager:GetSecretValue"]]
    error_message = "the sign policy may read the secret and nothing else"
  }
}

run "operators_use_the_key_only_through_the_services_that_they_call" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = { for policy, document in output.operator_policies : policy => [
      for statement in jsondecode(document).Statement : "${join(" ", statement.Action)} ${join(" ", statement.Condition.StringEquals["kms:ViaService"])}" if statement.Sid == "UseKeys"
      ][0] } == {
      full = "kms:Decrypt kms:GenerateDataKey dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      read = "kms:Decrypt dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      sign = "kms:Decrypt secretsmanager.eu-west-1.amazonaws.com"
    }
    error_message = "the key may be used only for what the commands read and send"
  }
}
