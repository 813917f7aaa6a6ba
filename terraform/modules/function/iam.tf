locals {
  log_statements = {
    WriteOwnLogs = {
      actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
      conditions = []
    }
  }

  receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]

  trigger_statements = merge(
    var.sqs_trigger == null ? {} : {
      ReceiveFromTrigger = { actions = local.receive, resources = [var.sqs_trigger.queue_arn], conditions = [] }
    },
    length(var.further_queues) == 0 ? {} : {
      ReceiveFromFurtherQueues = { actions = local.receive, resources = values(var.further_queues)[*].queue_arn, conditions = [] }
    },
  )

  destination_statements = var.async_invocation == null ? {} : {
    SendFailedInvocations = {
      actions    = ["sqs:SendMessage"]
      resources  = [var.async_invocation.on_failure_queue_arn]
      conditions = []
    }
  }

  stream_statements = merge(
    var.dynamodb_stream_trigger == null ? {} : {
      ReadStream = {
        actions    = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
        resources  = [var.dynamodb_stream_trigger.stream_arn]
        conditions = []
      }
      # Lambda lists the streams of the table; the action takes no single stream.
      FindStream = {
        actions    = ["dynamodb:ListStreams"]
        resources  = ["${split("/stream/", var.dynamodb_stream_trigger.stream_arn)[0]}/stream/*"]
        conditions = []
      }
    },
    try(var.dynamodb_stream_trigger.on_failure_queue_arn, null) == null ? {} : {
      SendFailedRecords = {
        actions    = ["sqs:SendMessage"]
        resources  = [var.dynamodb_stream_trigger.on_failure_queue_arn]
        conditions = []
      }
    },
  )

  vpc_rights = var.vpc_config != null || var.vpc_rights_retained

  # Lambda makes the network interfaces, and removes them, by the function's role. It asks for the rights as such, on no one resource,
  # and EC2 knows none for its describing actions.
  vpc_statements = !local.vpc_rights ? {} : {
    ManageNetworkInterfaces = {
      actions    = local.network_interface_actions
      resources  = ["*"]
      conditions = []
    }
  }

  network_interface_actions = [
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
  ]

  # Calls from the function's own code carry its ARN, Lambda's do not: the rights above stay Lambda's alone.
  vpc_denials = !local.vpc_rights ? [] : [{
    Sid       = "DenyNetworkInterfacesToCode"
    Effect    = "Deny"
    Action    = local.network_interface_actions
    Resource  = ["*"]
    Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["${local.arn_prefix}:function:${var.name}"] } }
  }]

  statements = merge(
    local.log_statements, local.trigger_statements, local.stream_statements, local.destination_statements, local.vpc_statements,
    local.tracing_statements, var.policy_statements,
  )
}

################################################################################
# Role
################################################################################

resource "aws_iam_role" "this" {
  name                 = local.role_name
  path                 = var.role_path
  description          = "What the function ${var.name} may do"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

# Inline, so that it is deleted with its role and cannot be attached to another.
resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      for sid, statement in local.statements : merge(
        {
          Sid      = sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = statement.resources
        },
        length(statement.conditions) == 0 ? {} : {
          Condition = {
            for test in distinct(statement.conditions[*].test) : test => {
              for condition in statement.conditions : condition.variable => condition.values if condition.test == test
            }
          }
        },
      )
    ], local.vpc_denials)
  })
}
