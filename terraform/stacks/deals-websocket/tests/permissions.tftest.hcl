mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "no_function_may_do_everything_or_touch_everything" {
  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "an action is named in full"
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.function_policies) : [
      for statement in jsondecode(policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, "*") || endswith(resource, "/@connections/*") || endswith(resource, ":log-stream:*")
      ]
    ]]))
    error_message = "only connections and log streams, whose ids nobody knows beforehand, are named by a pattern"
  }

  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : statement.Effect == "Allow"]]))
    error_message = "rights are granted, never taken away again"
  }
}

run "each_function_has_a_role_of_its_own" {
  assert {
    condition     = length(distinct(values(output.function_roles))) == 6
    error_message = "a shared role gives each function the rights of all"
  }
}

# What the code of each function calls beyond its logs and its trigger: ACTION THING.
run "each_function_may_do_exactly_what_its_code_calls" {
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
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:PutItem table/deals-test-history",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
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
        "dynamodb:PutItem table/deals-test-connections",
      ])
      delivery = join("\n", [
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-history",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "sqs:SendMessage deals-test-deliveries",
        "sqs:SendMessage deals-test-deliveries-dlq",
      ])
      janitor = join("\n", [
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
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-subscriptions",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-limits",
        "dynamodb:UpdateItem table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-subscriptions",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "secretsmanager:GetSecretValue secret:deals-test-jwt-signing-keys-AbCdEf",
        "sqs:SendMessage deals-test-deliveries",
      ])
    }
    error_message = "a right more is an opening, a right less a fault: change this list together with the code"
  }
}

run "posting_is_allowed_on_this_stage_only_and_closing_to_the_janitor_alone" {
  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      connection_handler = []
      delivery           = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      janitor            = [for method in ["POST", "GET", "DELETE"] : "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/${method}/@connections/*"]
      message_router     = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
    }
    error_message = "who posts does so on this stage's connections; only the janitor asks for them and closes them"
  }
}

run "queues_are_read_by_their_own_function_alone" {
  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "sqs:ReceiveMessage")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"]
      connection_handler = []
      delivery           = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"]
      janitor            = []
      message_router     = []
    }
    error_message = "two readers of one queue take each other's messages"
  }
}

run "without_a_key_nobody_may_use_one" {
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "kms:")])
    error_message = "AWS's own keys need no rights"
  }
}

run "a_key_is_used_through_the_services_that_the_function_calls" {
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
    error_message = "a function may use the key only by way of what it calls"
  }
}

run "nothing_is_traced_and_no_right_given_unless_asked" {
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "xray:")])
    error_message = "tracing is off by default"
  }
}

run "tracing_gives_each_function_its_right" {
  variables {
    tracing = "Active"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : strcontains(policy, "xray:PutTraceSegments")])
    error_message = "every function of the path sends its part"
  }
}

run "operators_who_look_may_change_nothing" {
  assert {
    condition = toset(flatten(jsondecode(output.operator_policies["read"]).Statement[*].Action)) == toset([
      "cloudwatch:DescribeAlarms", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "execute-api:ManageConnections",
      "lambda:GetFunctionConfiguration", "logs:FilterLogEvents", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ])
    error_message = "looking takes exactly these"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["read"]).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")] == [["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/GET/@connections/*"]]
    error_message = "who looks asks for connections, and neither posts nor closes"
  }
}

run "operators_who_mend_have_what_looks_and_reach_no_more_than_the_stack" {
  assert {
    condition     = length(setsubtract(jsondecode(output.operator_policies["read"]).Statement[*].Sid, jsondecode(output.operator_policies["full"]).Statement[*].Sid)) == 0
    error_message = "read is a part of full"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Sid if contains(statement.Resource, "*")] == ["LookAtAlarms"]
    error_message = "only alarms cannot be narrowed down"
  }

  assert {
    condition = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Resource if contains(statement.Action, "lambda:InvokeFunction")] == [[
      "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live", "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-index_projector:live",
    ]]
    error_message = "the version in service of what publishes and of what keeps the index, and no other function"
  }

  assert {
    condition     = !strcontains(output.operator_policies["full"], "secretsmanager:") && !strcontains(output.operator_policies["full"], "POST/@connections")
    error_message = "who mends cannot act as a user, nor post as the service"
  }

  assert {
    condition     = max([for policy in values(output.operator_policies) : length(policy)]...) <= 6144
    error_message = "IAM stops at 6,144 characters for a managed policy"
  }
}

run "only_the_policy_that_signs_reads_the_secret" {
  assert {
    condition     = jsondecode(output.operator_policies["sign"]).Statement[*].Action == [["secretsmanager:GetSecretValue"]]
    error_message = "signing takes the secret and nothing else"
  }
}

run "operators_use_a_key_only_through_what_they_call" {
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
    error_message = "a key is for what the commands read and send"
  }
}
