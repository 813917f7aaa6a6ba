locals {
  log_statements = {
    WriteOwnLogs = {
      actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
      conditions = []
    }
  }

  trigger_statements = var.sqs_trigger == null ? {} : {
    ReceiveFromTrigger = {
      actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources  = [var.sqs_trigger.queue_arn]
      conditions = []
    }
  }

  destination_statements = var.async_invocation == null ? {} : {
    SendFailedInvocations = {
      actions    = ["sqs:SendMessage"]
      resources  = [var.async_invocation.on_failure_queue_arn]
      conditions = []
    }
  }

  statements = merge(local.log_statements, local.trigger_statements, local.destination_statements, local.tracing_statements, var.policy_statements)
}

################################################################################
# Role
################################################################################

resource "aws_iam_role" "this" {
  name                 = local.role_name
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

# In line, so that it lives and dies with its one role and nothing else can attach it.
resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
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
    ]
  })
}
